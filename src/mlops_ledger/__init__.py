"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from .config import Settings
from .database import AsyncDatabase, AsyncTransaction, Database, Transaction
from .errors import (
    AppendOnly,
    ConfigError,
    Conflict,
    EmbeddedServerError,
    InvalidValue,
    LedgerError,
    MigrationError,
    NotFound,
    SchemaError,
    Unavailable,
)
from .identifiers import new_id
from .logger import AsyncPredictionLogger, PredictionLogger
from .repositories import (
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
    "AppendOnly",
    "AsyncDatabase",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncPredictionLogger",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncTransaction",
    "ConfigError",
    "Conflict",
    "Database",
    "EmbeddedServerError",
    "GroundTruthRepository",
    "InvalidValue",
    "LedgerError",
    "MigrationError",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "NotFound",
    "PredictionLogger",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "SchemaError",
    "Settings",
    "Transaction",
    "Unavailable",
    "new_id",
]
