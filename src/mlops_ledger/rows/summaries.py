"""Summaries of predictions by the hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSummaries(Row):
    """What was written of a version since its summaries were folded; `marks` counts the writes."""

    model_name: str
    model_version: str
    marks: int
    first_predicted_at: datetime
    last_predicted_at: datetime
    pending_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringBucket(Row):
    """The predictions from `bucket` on in numbers; latencies are in milliseconds.

    Quantiles of latencies are at most 1 % off. What no prediction has is None. What was written
    from `pending_since` on is not counted yet; None when everything is.
    """

    bucket: datetime
    num_predictions: int
    num_errors: int | None
    num_cache_hits: int | None
    positive_rate: float | None
    probability_mean: float | None
    probability_std: float | None
    entropy: float | None
    latency_mean: float | None
    latency_p50: float | None
    latency_p95: float | None
    latency_p99: float | None
    latency_max: float | None
    pending_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyBucket(Row):
    """How long the predictions from `bucket` on took, in milliseconds; `count` have a latency.

    A quantile is at most `relative_error` of itself off, or 0.001 ms; all else is exact. Without a
    latency the numbers are None. `pending_since` is as in `MonitoringBucket`.
    """

    bucket: datetime
    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None
    relative_error: float
    pending_since: datetime | None
