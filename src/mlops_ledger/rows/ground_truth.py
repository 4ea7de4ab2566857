"""Ground truth and how good the predictions were."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Labeled(Row):
    """What became of labels: stored, waiting for their prediction, or there already.

    A label of a request counts once for each prediction of the request.
    """

    stored: int
    waiting: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth(Row):
    """A label of a prediction; `is_waiting` while the prediction is not there."""

    prediction_id: UUID
    labeled_at: datetime
    actual_label: str | None
    actual_value: float | None
    source: str | None
    recorded_at: datetime
    is_waiting: bool


# A row begins with the fields of its last base. Bases have no slots, as only one of several may.
@dataclass(frozen=True, kw_only=True)
class _Window(Row):
    """What a window is of, and how much of it is labelled."""

    __slots__ = ()

    model_name: str
    model_version: str | None
    slice_key: str | None
    slice_kind: str | None
    slice: str | None
    since: datetime
    until: datetime
    source: str
    pending_since: datetime | None
    task: str | None
    class_names: list[str] | None
    positive_label: str | None
    num_predictions: int
    labeled_samples: int
    coverage_pct: float | None
    label_delay_p50: timedelta | None
    label_delay_p95: timedelta | None
    label_delay_max: timedelta | None


@dataclass(frozen=True, kw_only=True)
class _Bucket(Row):
    """What a bucket is of, and how much of it is labelled."""

    __slots__ = ()

    bucket: datetime
    task: str | None
    positive_label: str | None
    num_predictions: int
    labeled_samples: int
    coverage_pct: float | None


@dataclass(frozen=True, kw_only=True)
class _Metrics(Row):
    """The metrics of a window and of a bucket."""

    __slots__ = ()

    accuracy: float | None
    balanced_accuracy: float | None
    matthews_corrcoef: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    f1_score: float | None
    precision_macro: float | None
    recall_macro: float | None
    f1_macro: float | None
    precision_micro: float | None
    recall_micro: float | None
    f1_micro: float | None
    precision_weighted: float | None
    recall_weighted: float | None
    f1_weighted: float | None
    roc_auc: float | None
    roc_auc_error: float | None
    average_precision: float | None
    average_precision_error: float | None
    lift: float | None
    lift_error: float | None
    log_loss: float | None
    brier_score: float | None
    calibration_error: float | None
    mae: float | None
    mape: float | None
    rmse: float | None
    r2: float | None
    interval_coverage: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance(_Metrics, _Window):
    """How right a model was about the predictions of a window whose truth is known.

    A metric that cannot be computed is None, and `reasons` says why. `model_version` is None for
    all versions together. `source` is rows, and all is exact, or summaries: then `roc_auc`,
    `average_precision` and `lift` are at most their error off, and what was written from
    `pending_since` on is not counted yet; None when everything is. `task` is what the version
    predicts, `class_names` are its classes, and `positive_label` is the one that precision, recall
    and the metrics of the probability are about. `classes` has precision, recall and f1_score of
    each class; the averages over classes are named as scikit-learn names its
    scores. `confusion_matrix` counts true classes (rows) against predicted ones.
    `calibration_curve` has the `count`, `prob_true` and `prob_pred` of each bin that is not empty.
    Of a slice `slice_key` names what it is by, `slice_kind` is value, and `slice` has it; or
    missing, for predictions that have none, or other, for values without a slice of their own.
    `coverage_pct` is the share of predictions with a label, 0 to 100; the delays are those of the
    first label of each prediction. `standard_errors` has those of `roc_auc`, `log_loss`,
    `brier_score` and `mae`.
    """

    roc_auc_ovr: float | None
    roc_auc_ovo: float | None
    top_k_accuracy: float | None
    calibration_curve: list[dict[str, Any]] | None
    classes: list[dict[str, Any]] | None
    confusion_matrix: dict[str, Any] | None
    standard_errors: dict[str, float]
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceBucket(_Metrics, _Bucket):
    """How right a model was about the predictions from `bucket` on, from summaries.

    A metric that cannot be computed is None, and `reasons` says why. `roc_auc`,
    `average_precision` and `lift` are at most their error off; all else is exact. `task`,
    `positive_label`, `coverage_pct` and `pending_since` are as in `Performance`.
    """

    pending_since: datetime | None
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceState(Row):
    """What decides where a window is answered from; hours whose rows are gone, if there are any.

    `is_own_label` says that the class asked about is that of the versions, `is_sliced` that all of
    the window is counted by `slice_key`, `is_own_slice` that a value shares no slice with others.
    """

    is_known: bool
    labeled_samples: int
    last_labeled_at: datetime | None
    is_multiclass: bool
    is_own_label: bool
    is_pending: bool
    first_hour: datetime | None
    last_hour: datetime | None
    slice_key: str | None
    is_sliced: bool | None
    is_own_slice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionComparison(Row):
    """A metric of two versions in the same window; `difference` is the first less the second.

    With the probability `confidence` the true difference is from `lower` to `upper`. `n` and
    `against_n` count what each value is a mean over: labelled predictions, of `precision` those
    predicted positive, of `recall` the positives. What cannot be computed is None, and `reason`
    says why. Of summaries, what was written from `pending_since` on is not counted yet.
    """

    model_name: str
    model_version: str
    against: str
    since: datetime
    until: datetime
    metric: str
    higher_is_better: bool
    value: float | None
    against_value: float | None
    n: int
    against_n: int
    difference: float | None
    lower: float | None
    upper: float | None
    confidence: float
    reason: str | None
    pending_since: datetime | None = None


# Bounds of errors, and the numbers of a window.
BOUNDS: Final = ("roc_auc_error", "average_precision_error", "lift_error")
MEASURED: Final = tuple(
    field.name
    for field in fields(Performance)
    if field.type == "float | None" and field.name not in BOUNDS
)
