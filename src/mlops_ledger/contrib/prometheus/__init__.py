"""The ledger as metrics for Prometheus, with alert rules and dashboards (extra `[prometheus]`)."""

from .exporter import Exporter
from .files import copy_files

__all__ = ["Exporter", "copy_files"]
