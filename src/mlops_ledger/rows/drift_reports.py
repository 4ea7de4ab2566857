"""Drift reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport(Row):
    """The data from `window_start` to before `window_end`, compared with a reference."""

    id: UUID
    timestamp: datetime
    model_name: str
    model_version_id: UUID
    lookback_hours: float
    window_start: datetime
    window_end: datetime
    drift_detected: bool
    drift_score: float | None
    method: str | None
    threshold: float | None
    features: list[dict[str, Any]]
    drifted_features: list[str] | None
    n_drifted_features: int | None
    n_features: int | None
    reference_size: int | None
    current_size: int | None
    reference_start: datetime | None
    reference_end: datetime | None
    report_ref: str | None
    summary_ref: str | None
    monitoring_run_id: UUID | None
    metadata: dict[str, Any]
    created_at: datetime
    model_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTrend(Row):
    """What one report says of one feature; `reference` is baseline, previous, window or unknown."""

    report_id: UUID
    timestamp: datetime
    model_version_id: UUID
    drifted: bool
    method: str | None
    statistic: float | None
    p_value: float | None
    score: float | None
    threshold: float | None
    lookback_hours: float
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDrift(Row):
    """How far a feature, a score or a label is from its reference, by every statistic.

    Sizes are in rows, `bins` counts those that hold something. `reference_missing`,
    `reference_nan`, `out_of_range` (beyond the baseline) and `unseen` (categories) and the like are
    shares, 0 to 1. What says nothing about the kind of the feature is None. PSI below
    `noise_floor`, its mean without any drift, says nothing either. The chi-squared test has
    `tested_bins`, neighbours with few rows as one; `chance` is the p-value of that test and of what
    became more frequent in these neighbours, None where the rows are too few for any test. What was
    written from `pending_since` on is not counted yet; None when everything is.
    """

    feature: str
    column_name: str
    kind: str
    reference_size: int
    current_size: int
    bins: int
    psi: float
    jensen_shannon: float
    hellinger: float
    total_variation: float
    kl: float
    ks: float | None
    ks_p_value: float | None
    chi2: float | None
    chi2_p_value: float | None
    tested_bins: int
    chance: float | None
    wasserstein: float | None
    noise_floor: float
    reference_mean: float | None
    current_mean: float | None
    reference_missing: float
    current_missing: float
    reference_nan: float | None
    current_nan: float | None
    out_of_range: float | None
    unseen: float | None
    pending_since: datetime | None
