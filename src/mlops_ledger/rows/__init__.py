"""What the repositories return: one frozen dataclass per row shape, fields named as the columns."""

from .agent_actions import AgentAction
from .alerts import Alert, AlertOccurrence, AlertStats
from .audit_log import AuditCheck, AuditEntry, AuditHead
from .baselines import Baseline, BaselineFeature
from .drift_reports import DriftReport, FeatureTrend
from .ground_truth import GroundTruth, Labeled, Performance
from .health import Health
from .model_versions import Deployment, ModelVersion, PromotionPolicy, TimelineEntry
from .monitoring_metrics import DriftTrend, MonitoringRun
from .monitors import Monitor, MonitorResult
from .performance_metrics import MetricBucket, MetricComparison, PerformanceMetric
from .predictions import MonitoringSummary, Prediction, PredictionStats, Written
from .retraining_decisions import AcceptanceRate, RetrainingDecision
from .summaries import PendingSummaries
from .system_metrics import SystemMetric

__all__ = [
    "AcceptanceRate",
    "AgentAction",
    "Alert",
    "AlertOccurrence",
    "AlertStats",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "Baseline",
    "BaselineFeature",
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
    "PendingSummaries",
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
