"""mlops-ledger: the system of record for models in production, in plain PostgreSQL."""

from __future__ import annotations

from importlib import import_module

# As typing has it, which takes a while to import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .connection.config import Settings
    from .database import (
        AsyncConnections,
        AsyncDatabase,
        AsyncTransaction,
        Connections,
        Database,
        Transaction,
    )
    from .errors import (
        AppendOnly,
        BackupError,
        BelowMinimum,
        ClusterError,
        ConfigError,
        Conflict,
        ConnectionLost,
        DuplicateId,
        EmbeddedServerError,
        InvalidValue,
        LedgerError,
        LoginRefused,
        MigrationError,
        MissingPartition,
        NotFound,
        NothingListens,
        NotMigrated,
        PermissionDenied,
        PoolExhausted,
        PromotionRefused,
        SchemaError,
        TimedOut,
        Unavailable,
    )
    from .event_stream import async_events, events
    from .ids import id_for, new_id
    from .logger import AsyncPredictionLogger, PredictionLogger
    from .repositories import (
        AgentActionsRepository,
        AlertsRepository,
        AsyncAgentActionsRepository,
        AsyncAlertsRepository,
        AsyncAuditRepository,
        AsyncBaselinesRepository,
        AsyncDriftReportsRepository,
        AsyncEventsRepository,
        AsyncGroundTruthRepository,
        AsyncModelsRepository,
        AsyncModelVersionRepository,
        AsyncMonitoringMetricsRepository,
        AsyncMonitorsRepository,
        AsyncPerformanceMetricsRepository,
        AsyncPredictionsRepository,
        AsyncRetrainingDecisionsRepository,
        AsyncSummariesRepository,
        AsyncSystemMetricsRepository,
        AsyncWebhooksRepository,
        AuditRepository,
        BaselinesRepository,
        DriftReportsRepository,
        EventsRepository,
        GroundTruthRepository,
        ModelsRepository,
        ModelVersionRepository,
        MonitoringMetricsRepository,
        MonitorsRepository,
        PerformanceMetricsRepository,
        PredictionsRepository,
        RetrainingDecisionsRepository,
        SummariesRepository,
        SystemMetricsRepository,
        WebhooksRepository,
    )

    __version__: str

__all__ = [
    "AgentActionsRepository",
    "AlertsRepository",
    "AppendOnly",
    "AsyncAgentActionsRepository",
    "AsyncAlertsRepository",
    "AsyncAuditRepository",
    "AsyncBaselinesRepository",
    "AsyncConnections",
    "AsyncDatabase",
    "AsyncDriftReportsRepository",
    "AsyncEventsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncModelsRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncMonitorsRepository",
    "AsyncPerformanceMetricsRepository",
    "AsyncPredictionLogger",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncSummariesRepository",
    "AsyncSystemMetricsRepository",
    "AsyncTransaction",
    "AsyncWebhooksRepository",
    "AuditRepository",
    "BackupError",
    "BaselinesRepository",
    "BelowMinimum",
    "ClusterError",
    "ConfigError",
    "Conflict",
    "ConnectionLost",
    "Connections",
    "Database",
    "DriftReportsRepository",
    "DuplicateId",
    "EmbeddedServerError",
    "EventsRepository",
    "GroundTruthRepository",
    "InvalidValue",
    "LedgerError",
    "LoginRefused",
    "MigrationError",
    "MissingPartition",
    "ModelVersionRepository",
    "ModelsRepository",
    "MonitoringMetricsRepository",
    "MonitorsRepository",
    "NotFound",
    "NotMigrated",
    "NothingListens",
    "PerformanceMetricsRepository",
    "PermissionDenied",
    "PoolExhausted",
    "PredictionLogger",
    "PredictionsRepository",
    "PromotionRefused",
    "RetrainingDecisionsRepository",
    "SchemaError",
    "Settings",
    "SummariesRepository",
    "SystemMetricsRepository",
    "TimedOut",
    "Transaction",
    "Unavailable",
    "WebhooksRepository",
    "__version__",
    "async_events",
    "events",
    "id_for",
    "new_id",
]

# Where the names are, the quickly imported modules first.
_HOMES = (
    "errors",
    "ids",
    "connection.config",
    "database",
    "repositories",
    "event_stream",
    "logger",
)


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: a program pays for what it needs."""
    if name == "__version__":
        from importlib.metadata import version

        return version("mlops-ledger")
    if name in __all__:
        for home in _HOMES:
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                globals()[name] = found = getattr(module, name)
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
