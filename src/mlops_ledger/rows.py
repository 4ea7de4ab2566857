"""What the repositories return: one frozen dataclass per row shape, fields named as the columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version of a model."""

    id: UUID
    model_name: str
    model_version: str
    stage: str
    mlflow_run_id: str | None
    algorithm: str | None
    metrics: dict[str, Any]
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1_score: float | None
    roc_auc: float | None
    brier_score: float | None
    rmse: float | None
    mae: float | None
    r2: float | None
    hyperparameters: dict[str, Any]
    feature_names: list[str] | None
    training_samples: int | None
    dataset_version: str | None
    dataset_digest: str | None
    artifact_uri: str | None
    metadata_uri: str | None
    tags: dict[str, Any]
    created_at: datetime
    created_by: str
    promoted_at: datetime | None
    promoted_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The interval in which a version held a slot; `retired_at` is None while it is live."""

    id: UUID
    model_name: str
    slot: str
    model_version: str
    model_version_id: UUID
    deployed_at: datetime
    retired_at: datetime | None
    deployed_by: str
    reason: str | None
    retired_by: str | None
    retired_reason: str | None
    decision_id: UUID | None
    restores_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """A row of v_model_timeline: a deployment with its version and its decision."""

    model_name: str
    slot: str
    model_version: str
    deployed_at: datetime
    retired_at: datetime | None
    live_for: timedelta
    is_live: bool
    deployed_by: str
    reason: str | None
    retired_by: str | None
    retired_reason: str | None
    is_rollback: bool
    decision_action: str | None
    trigger_reason: str | None
    decision_reasoning: str | None
    stage: str
    algorithm: str | None
    accuracy: float | None
    f1_score: float | None
    roc_auc: float | None
    brier_score: float | None
    rmse: float | None
    r2: float | None
    training_samples: int | None
    mlflow_run_id: str | None
    created_at: datetime
    promoted_at: datetime | None
    promoted_by: str | None
    model_version_id: UUID
    deployment_id: UUID
    decision_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRun:
    """What one monitoring job computed over a window that ends at `timestamp`."""

    id: UUID
    model_name: str
    model_version_id: UUID
    timestamp: datetime
    lookback_hours: float
    num_predictions: int
    positive_rate: float | None
    probability_mean: float | None
    probability_std: float | None
    entropy: float | None
    dataset_drift_detected: bool | None
    feature_drift_ratio: float | None
    num_drifted_features: int | None
    num_features: int | None
    drifted_features: list[str] | None
    drift_summary_ref: str | None
    drift_report_ref: str | None
    coverage_pct: float | None
    labeled_samples: int | None
    metadata: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTrend:
    """The monitoring runs of one bucket of time."""

    bucket: datetime
    runs: int
    drifted_runs: int
    mean_feature_drift_ratio: float | None
    max_feature_drift_ratio: float | None
    mean_num_drifted_features: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingDecision:
    """A gate decision on a candidate."""

    id: UUID
    timestamp: datetime
    model_name: str
    candidate_version_id: UUID | None
    production_version_id: UUID | None
    trigger_reason: str
    action: str
    drift_context: dict[str, Any]
    data_context: dict[str, Any]
    decision_details: dict[str, Any]
    gate_results: list[dict[str, Any]]
    reasoning: str | None
    labeled_samples: int | None
    coverage_pct: float | None
    monitoring_run_id: UUID | None
    decided_by: str
    resolves_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceRate:
    """How the decisions of a window turned out.

    A pending decision that was resolved counts as what it became. `acceptance_rate` is
    promoted / (promoted + rejected), None without either.
    """

    promoted: int
    rejected: int
    pending: int
    acceptance_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of server, schema and pool; `problem` says what is wrong when not healthy."""

    healthy: bool
    reachable: bool
    problem: str | None
    latency_ms: float | None
    server_version: str | None
    schema_version: int | None
    expected_schema_version: int
    embedded: bool
    transaction_pooler: bool | None
    pool: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a version predicted; `feature_values` are in the order of `feature_names`."""

    id: UUID
    predicted_at: datetime
    model_name: str
    model_version: str
    status: str
    prediction: float | None
    predicted_label: str | None
    probability: float | None
    confidence_lower: float | None
    confidence_upper: float | None
    latency_ms: float | None
    feature_names: list[str] | None
    feature_values: list[float | None] | None
    inputs: Any
    request_id: str | None
    batch_id: str | None
    error_message: str | None
    cache_hit: bool | None
    user_agent: str | None
    client_ip: IPv4Address | IPv6Address | None
    metadata: Any
    model_version_id: UUID

    @property
    def features(self) -> dict[str, float | None] | None:
        """The features by name; None where the version names none."""
        if self.feature_names is None or self.feature_values is None:
            return None
        return dict(zip(self.feature_names, self.feature_values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionStats:
    """The predictions of a window in numbers; what there is nothing to compute from is None."""

    count: int
    success_rate: float | None
    mean_probability: float | None
    mean_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None
    cache_hit_rate: float | None
    earliest: datetime | None
    latest: datetime | None
    label_distribution: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSummary:
    """What a monitoring run records of the predictions of a window that ends at `timestamp`.

    Fields are named as the arguments of `MonitoringMetricsRepository.insert`.
    """

    model_name: str
    timestamp: datetime
    lookback_hours: float
    num_predictions: int
    positive_rate: float | None
    probability_mean: float | None
    probability_std: float | None
    entropy: float | None
    labeled_samples: int
    coverage_pct: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many rows a write stored, and how many were there already."""

    stored: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Labeled:
    """What became of labels: stored, waiting for their prediction, or there already.

    A label of a request counts once for each prediction of the request.
    """

    stored: int
    waiting: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """A label of a prediction; `is_waiting` while the prediction is not there."""

    prediction_id: UUID
    labeled_at: datetime
    actual_label: str | None
    actual_value: float | None
    source: str | None
    recorded_at: datetime
    is_waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How right a model was about the predictions of a window whose truth is known.

    A metric that cannot be computed is None, and `reasons` says why. `model_version` is None for
    all versions together. `coverage_pct` is the share of predictions with a label, 0 to 100; the
    delays are those of the first label of each prediction.
    """

    model_name: str
    model_version: str | None
    since: datetime
    until: datetime
    num_predictions: int
    labeled_samples: int
    coverage_pct: float | None
    label_delay_p50: timedelta | None
    label_delay_p95: timedelta | None
    label_delay_max: timedelta | None
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1_score: float | None
    roc_auc: float | None
    log_loss: float | None
    brier_score: float | None
    calibration_error: float | None
    mae: float | None
    rmse: float | None
    r2: float | None
    reasons: dict[str, str]
