"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from .config import Settings
from .database import AsyncDatabase, AsyncTransaction, Database, Transaction
from .identifiers import new_id
from .logger import AsyncPredictionLogger, PredictionLogger
from .repositories import (
    AlertsRepository,
    AsyncAlertsRepository,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)

__all__ = [
    "AlertsRepository",
    "AsyncAlertsRepository",
    "AsyncDatabase",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncMonitorsRepository",
    "AsyncPredictionLogger",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncTransaction",
    "Database",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "MonitorsRepository",
    "PredictionLogger",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "Settings",
    "Transaction",
    "new_id",
]
