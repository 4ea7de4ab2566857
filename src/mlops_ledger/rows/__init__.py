"""What the repositories return: one frozen dataclass per row shape, fields named as the columns."""

from .alerts import Alert, AlertOccurrence, AlertStats
from .decisions import AcceptanceRate, RetrainingDecision
from .health import Health
from .labels import GroundTruth, Labeled, Performance
from .models import Deployment, ModelVersion, TimelineEntry
from .monitoring import DriftTrend, MonitoringRun
from .monitors import Monitor, MonitorResult
from .predictions import MonitoringSummary, Prediction, PredictionStats, Written

__all__ = [
    "AcceptanceRate",
    "Alert",
    "AlertOccurrence",
    "AlertStats",
    "Deployment",
    "DriftTrend",
    "GroundTruth",
    "Health",
    "Labeled",
    "ModelVersion",
    "Monitor",
    "MonitorResult",
    "MonitoringRun",
    "MonitoringSummary",
    "Performance",
    "Prediction",
    "PredictionStats",
    "RetrainingDecision",
    "TimelineEntry",
    "Written",
]
