"""What the repositories return: one frozen dataclass per row shape, fields named as the columns."""

from .actions import AgentAction
from .alerts import Alert, AlertOccurrence, AlertStats
from .audit import AuditCheck, AuditEntry, AuditHead
from .decisions import AcceptanceRate, RetrainingDecision
from .drift import DriftReport, FeatureTrend
from .health import Health
from .labels import GroundTruth, Labeled, Performance
from .metrics import MetricBucket, MetricComparison, PerformanceMetric, SystemMetric
from .models import Deployment, ModelVersion, PromotionPolicy, TimelineEntry
from .monitoring import DriftTrend, MonitoringRun
from .monitors import Monitor, MonitorResult
from .predictions import MonitoringSummary, Prediction, PredictionStats, Written

__all__ = [
    "AcceptanceRate",
    "AgentAction",
    "Alert",
    "AlertOccurrence",
    "AlertStats",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "Deployment",
    "DriftReport",
    "DriftTrend",
    "FeatureTrend",
    "GroundTruth",
    "Health",
    "Labeled",
    "MetricBucket",
    "MetricComparison",
    "ModelVersion",
    "Monitor",
    "MonitorResult",
    "MonitoringRun",
    "MonitoringSummary",
    "Performance",
    "PerformanceMetric",
    "Prediction",
    "PredictionStats",
    "PromotionPolicy",
    "RetrainingDecision",
    "SystemMetric",
    "TimelineEntry",
    "Written",
]
