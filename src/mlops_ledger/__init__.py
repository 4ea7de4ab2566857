"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from .config import Settings
from .database import AsyncDatabase, AsyncTransaction, Database, Transaction
from .identifiers import new_id
from .repositories import (
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncRetrainingDecisionsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
)

__all__ = [
    "AsyncDatabase",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncTransaction",
    "Database",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "RetrainingDecisionsRepository",
    "Settings",
    "Transaction",
    "new_id",
]
