"""Monitoring runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRun(Row):
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
    model_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTrend(Row):
    """The monitoring runs of one bucket of time."""

    bucket: datetime
    runs: int
    drifted_runs: int
    mean_feature_drift_ratio: float | None
    max_feature_drift_ratio: float | None
    mean_num_drifted_features: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMetrics(Row):
    """What a monitoring run says of the predictions of its window."""

    num_predictions: int
    positive_rate: float | None
    probability_mean: float | None
    probability_std: float | None
    entropy: float | None
    labeled_samples: int
    coverage_pct: float | None
