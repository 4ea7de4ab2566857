"""Drift reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
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
class FeatureTrend:
    """What one report says of one feature."""

    report_id: UUID
    timestamp: datetime
    model_version_id: UUID
    drifted: bool
    method: str | None
    statistic: float | None
    p_value: float | None
    score: float | None
    threshold: float | None
