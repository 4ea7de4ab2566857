"""Decisions, promotions, monitoring runs, metrics and alerts that were kept in files."""

from .importing import RecordsImported, RefusedRow, import_records
from .kinds import KINDS
from .mapping import Mapping, read_mapping

__all__ = [
    "KINDS",
    "Mapping",
    "RecordsImported",
    "RefusedRow",
    "import_records",
    "read_mapping",
]
