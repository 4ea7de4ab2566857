"""The repositories, sync and async."""

from ._async.alerts import AsyncAlertsRepository
from ._async.decisions import AsyncRetrainingDecisionsRepository
from ._async.ground_truth import AsyncGroundTruthRepository
from ._async.model_versions import AsyncModelVersionRepository
from ._async.monitoring import AsyncMonitoringMetricsRepository
from ._async.monitors import AsyncMonitorsRepository
from ._async.predictions import AsyncPredictionsRepository
from ._sync.alerts import AlertsRepository
from ._sync.decisions import RetrainingDecisionsRepository
from ._sync.ground_truth import GroundTruthRepository
from ._sync.model_versions import ModelVersionRepository
from ._sync.monitoring import MonitoringMetricsRepository
from ._sync.monitors import MonitorsRepository
from ._sync.predictions import PredictionsRepository

__all__ = [
    "AlertsRepository",
    "AsyncAlertsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncMonitorsRepository",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "MonitorsRepository",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
]
