"""An Airflow provider for mlops-ledger."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Tell Airflow what the provider brings."""
    return {
        "package-name": "airflow-provider-mlops-ledger",
        "name": "mlops-ledger",
        "description": "The system of record for models in production.",
        "connection-types": [
            {
                "connection-type": "mlops_ledger",
                "hook-class-name": f"{__name__}.hook.MlopsLedgerHook",
                "hook-name": "mlops-ledger",
            }
        ],
        "task-decorators": [
            {"name": name, "class-name": f"{__name__}.decorators.{name}_task"}
            for name in ("mlops_ledger", "retraining_decision")
        ],
    }
