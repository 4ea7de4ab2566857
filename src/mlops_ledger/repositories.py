"""The repositories, sync and async."""

from ._async.actions import AsyncAgentActionsRepository
from ._async.alerts import AsyncAlertsRepository
from ._async.audit import AsyncAuditRepository
from ._async.decisions import AsyncRetrainingDecisionsRepository
from ._async.drift_reports import AsyncDriftReportsRepository
from ._async.ground_truth import AsyncGroundTruthRepository
from ._async.model_versions import AsyncModelVersionRepository
from ._async.monitoring import AsyncMonitoringMetricsRepository
from ._async.monitors import AsyncMonitorsRepository
from ._async.performance_metrics import AsyncPerformanceMetricsRepository
from ._async.predictions import AsyncPredictionsRepository
from ._async.system_metrics import AsyncSystemMetricsRepository
from ._sync.actions import AgentActionsRepository
from ._sync.alerts import AlertsRepository
from ._sync.audit import AuditRepository
from ._sync.decisions import RetrainingDecisionsRepository
from ._sync.drift_reports import DriftReportsRepository
from ._sync.ground_truth import GroundTruthRepository
from ._sync.model_versions import ModelVersionRepository
from ._sync.monitoring import MonitoringMetricsRepository
from ._sync.monitors import MonitorsRepository
from ._sync.performance_metrics import PerformanceMetricsRepository
from ._sync.predictions import PredictionsRepository
from ._sync.system_metrics import SystemMetricsRepository

__all__ = [
    "AgentActionsRepository",
    "AlertsRepository",
    "AsyncAgentActionsRepository",
    "AsyncAlertsRepository",
    "AsyncAuditRepository",
    "AsyncDriftReportsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncMonitorsRepository",
    "AsyncPerformanceMetricsRepository",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncSystemMetricsRepository",
    "AuditRepository",
    "DriftReportsRepository",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "MonitorsRepository",
    "PerformanceMetricsRepository",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "SystemMetricsRepository",
]
