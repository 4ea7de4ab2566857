"""What the repositories return: one frozen dataclass per row shape, fields named as the columns."""

from .actions import AgentAction
from .decisions import AcceptanceRate, RetrainingDecision
from .health import Health
from .labels import GroundTruth, Labeled, Performance
from .models import Deployment, ModelVersion, PromotionPolicy, TimelineEntry
from .monitoring import DriftTrend, MonitoringRun
from .predictions import MonitoringSummary, Prediction, PredictionStats, Written

__all__ = [
    "AcceptanceRate",
    "AgentAction",
    "Deployment",
    "DriftTrend",
    "GroundTruth",
    "Health",
    "Labeled",
    "ModelVersion",
    "MonitoringRun",
    "MonitoringSummary",
    "Performance",
    "Prediction",
    "PredictionStats",
    "PromotionPolicy",
    "RetrainingDecision",
    "TimelineEntry",
    "Written",
]
