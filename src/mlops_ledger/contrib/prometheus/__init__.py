"""The ledger as metrics for Prometheus, with alert rules and dashboards (extra `[prometheus]`)."""

from .exporter import Exporter
from .files import copy_files
from .logger_metrics import LoggerMetrics

__all__ = ["Exporter", "LoggerMetrics", "copy_files"]
