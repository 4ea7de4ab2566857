"""Predictions and labels from files and into files: CSV, NDJSON and Parquet."""

from __future__ import annotations

from .exports import export_predictions
from .imports import Imported, Refusal, import_labels, import_predictions

__all__ = [
    "Imported",
    "Refusal",
    "export_predictions",
    "import_labels",
    "import_predictions",
]
