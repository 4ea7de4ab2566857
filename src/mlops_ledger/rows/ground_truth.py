"""Ground truth and how good the predictions were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


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
