"""Predictions and labels from files and into files: CSV, NDJSON and Parquet."""

from __future__ import annotations

from .exports import export_predictions
from .imports import import_labels, import_predictions
from .run import Imported, Refusal

__all__ = [
    "Imported",
    "Refusal",
    "export_predictions",
    "import_labels",
    "import_predictions",
]
