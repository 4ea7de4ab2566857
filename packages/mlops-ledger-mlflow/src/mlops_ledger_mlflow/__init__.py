"""MLflow's model registry in mlops-ledger: `mlflow.set_registry_uri("mlops-ledger://…")`."""

from __future__ import annotations

from .store import LedgerStore

__all__ = ["LedgerStore"]
