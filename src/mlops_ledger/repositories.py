"""The repositories, sync and async."""

from ._async.agent_actions import AsyncAgentActionsRepository
from ._async.alerts import AsyncAlertsRepository
from ._async.audit_log import AsyncAuditRepository
from ._async.baselines import AsyncBaselinesRepository
from ._async.drift_reports import AsyncDriftReportsRepository
from ._async.ground_truth import AsyncGroundTruthRepository
from ._async.model_versions import AsyncModelVersionRepository
from ._async.monitoring_metrics import AsyncMonitoringMetricsRepository
from ._async.monitors import AsyncMonitorsRepository
from ._async.performance_metrics import AsyncPerformanceMetricsRepository
from ._async.predictions import AsyncPredictionsRepository
from ._async.retraining_decisions import AsyncRetrainingDecisionsRepository
from ._async.summaries import AsyncSummariesRepository
from ._async.system_metrics import AsyncSystemMetricsRepository
from ._sync.agent_actions import AgentActionsRepository
from ._sync.alerts import AlertsRepository
from ._sync.audit_log import AuditRepository
from ._sync.baselines import BaselinesRepository
from ._sync.drift_reports import DriftReportsRepository
from ._sync.ground_truth import GroundTruthRepository
from ._sync.model_versions import ModelVersionRepository
from ._sync.monitoring_metrics import MonitoringMetricsRepository
from ._sync.monitors import MonitorsRepository
from ._sync.performance_metrics import PerformanceMetricsRepository
from ._sync.predictions import PredictionsRepository
from ._sync.retraining_decisions import RetrainingDecisionsRepository
from ._sync.summaries import SummariesRepository
from ._sync.system_metrics import SystemMetricsRepository

__all__ = [
    "AgentActionsRepository",
    "AlertsRepository",
    "AsyncAgentActionsRepository",
    "AsyncAlertsRepository",
    "AsyncAuditRepository",
    "AsyncBaselinesRepository",
    "AsyncDriftReportsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncMonitorsRepository",
    "AsyncPerformanceMetricsRepository",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "AsyncSummariesRepository",
    "AsyncSystemMetricsRepository",
    "AuditRepository",
    "BaselinesRepository",
    "DriftReportsRepository",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "MonitorsRepository",
    "PerformanceMetricsRepository",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
    "SummariesRepository",
    "SystemMetricsRepository",
]
