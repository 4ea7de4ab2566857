"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from .config import Settings
from .database import AsyncDatabase, AsyncTransaction, Database, Transaction
from .identifiers import new_id
from .logger import AsyncPredictionLogger, PredictionLogger
from .repositories import (
    AlertsRepository,
    AsyncAlertsRepository,
    AsyncDriftReportsRepository,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    AsyncPerformanceMetricsRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
    AsyncSystemMetricsRepository,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    SystemMetricsRepository,
)

__all__ = [
    "AlertsRepository",
    "AsyncAlertsRepository",
    "AsyncDatabase",
    "AsyncDriftReportsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncMonitorsRepository",
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
    "MonitorsRepository",
    "PerformanceMetricsRepository",
    "PredictionLogger",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "Settings",
    "SystemMetricsRepository",
    "Transaction",
    "new_id",
]
