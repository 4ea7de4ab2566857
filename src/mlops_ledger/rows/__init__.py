"""What the repositories return: one frozen dataclass per row shape, fields named as the columns."""

from .audit import AuditCheck, AuditEntry, AuditHead
from .decisions import AcceptanceRate, RetrainingDecision
from .health import Health
from .labels import GroundTruth, Labeled, Performance
from .models import Deployment, ModelVersion, TimelineEntry
from .monitoring import DriftTrend, MonitoringRun
from .predictions import MonitoringSummary, Prediction, PredictionStats, Written

__all__ = [
    "AcceptanceRate",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
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
    "RetrainingDecision",
    "TimelineEntry",
    "Written",
]
