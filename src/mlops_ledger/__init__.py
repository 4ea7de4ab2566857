"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from .config import Settings
from .database import AsyncDatabase, AsyncTransaction, Database, Transaction
from .identifiers import new_id
from .logger import AsyncPredictionLogger, PredictionLogger
from .repositories import (
    AgentActionsRepository,
    AsyncAgentActionsRepository,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)

__all__ = [
    "AgentActionsRepository",
    "AsyncAgentActionsRepository",
    "AsyncDatabase",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncPredictionLogger",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncTransaction",
    "Database",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "PredictionLogger",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "Settings",
    "Transaction",
    "new_id",
]
