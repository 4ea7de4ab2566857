"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from .config import Settings
from .database import AsyncDatabase, AsyncTransaction, Database, Transaction
from .identifiers import new_id
from .logger import AsyncPredictionLogger, PredictionLogger
from .repositories import (
    AgentActionsRepository,
    AsyncAgentActionsRepository,
    AsyncDriftReportsRepository,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncPerformanceMetricsRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
    AsyncSystemMetricsRepository,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    SystemMetricsRepository,
)

__all__ = [
    "AgentActionsRepository",
    "AsyncAgentActionsRepository",
    "AsyncDatabase",
    "AsyncDriftReportsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncPerformanceMetricsRepository",
    "AsyncPredictionLogger",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncSystemMetricsRepository",
    "AsyncTransaction",
    "Database",
    "DriftReportsRepository",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "PerformanceMetricsRepository",
    "PredictionLogger",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "Settings",
    "SystemMetricsRepository",
    "Transaction",
    "new_id",
]
