"""The repositories, sync and async."""

from ._async.decisions import AsyncRetrainingDecisionsRepository
from ._async.model_versions import AsyncModelVersionRepository
from ._async.monitoring import AsyncMonitoringMetricsRepository
from ._sync.decisions import RetrainingDecisionsRepository
from ._sync.model_versions import ModelVersionRepository
from ._sync.monitoring import MonitoringMetricsRepository

__all__ = [
    "AsyncModelVersionRepository",
    "AsyncMonitoringMetricsRepository",
    "AsyncRetrainingDecisionsRepository",
    "ModelVersionRepository",
    "MonitoringMetricsRepository",
    "RetrainingDecisionsRepository",
]
