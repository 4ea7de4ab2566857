"""Metrics of model versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceMetric(Row):
    """A value of a metric of a model version; an empty `slice` stands for all of the data."""

    id: UUID
    timestamp: datetime
    model_name: str
    model_version_id: UUID
    metric_type: str
    metric_name: str
    metric_value: float
    stage: str
    step: int | None
    dataset_version: str | None
    slice: str
    metadata: dict[str, Any]
    created_at: datetime
    model_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison(Row):
    """The newest value of a metric in two versions; `difference` is that of b less that of a."""

    metric_name: str
    stage: str
    slice: str
    value_a: float | None
    value_b: float | None
    difference: float | None
    timestamp_a: datetime | None
    timestamp_b: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBucket(Row):
    """The values of a metric in one bucket of time."""

    bucket: datetime
    count: int
    min: float
    mean: float
    max: float
