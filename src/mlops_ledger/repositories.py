"""The repositories, sync and async."""

from ._async.actions import AsyncAgentActionsRepository
from ._async.decisions import AsyncRetrainingDecisionsRepository
from ._async.ground_truth import AsyncGroundTruthRepository
from ._async.model_versions import AsyncModelVersionRepository
from ._async.monitoring import AsyncMonitoringMetricsRepository
from ._async.predictions import AsyncPredictionsRepository
from ._sync.actions import AgentActionsRepository
from ._sync.decisions import RetrainingDecisionsRepository
from ._sync.ground_truth import GroundTruthRepository
from ._sync.model_versions import ModelVersionRepository
from ._sync.monitoring import MonitoringMetricsRepository
from ._sync.predictions import PredictionsRepository

__all__ = [
    "AgentActionsRepository",
    "AsyncAgentActionsRepository",
    "AsyncGroundTruthRepository",
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncPredictionsRepository",
    "AsyncRetrainingDecisionsRepository",
    "GroundTruthRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "PredictionsRepository",
    "RetrainingDecisionsRepository",
]
