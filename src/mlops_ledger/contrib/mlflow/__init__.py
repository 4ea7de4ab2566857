"""MLflow: bring its registry into the ledger, and keep both in step."""

from __future__ import annotations

try:
    import mlflow as _mlflow  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "MLflow is missing: pip install 'mlops-ledger[mlflow]'", name=error.name
    ) from None

from .importer import import_mlflow
from .mirror import mirror
from .report import Count, Deviation, MlflowImport

__all__ = ["Count", "Deviation", "MlflowImport", "import_mlflow", "mirror"]
