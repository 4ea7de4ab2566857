"""Predictions and what a window of them says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypedDict
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentPrediction(Row):
    """What a version predicted, without what went into it and who asked."""

    id: UUID
    predicted_at: datetime
    model_name: str
    model_version: str
    status: str
    prediction: float | None
    predicted_label: str | None
    probability: float | None
    class_probabilities: list[float] | None
    confidence_lower: float | None
    confidence_upper: float | None
    latency_ms: float | None
    request_id: str | None
    batch_id: str | None
    error_message: str | None
    cache_hit: bool | None
    model_version_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(RecentPrediction):
    """What a version predicted; `feature_values` are in the order of `feature_names`."""

    feature_names: list[str] | None
    feature_values: list[float | None] | None
    inputs: Any
    user_agent: str | None
    client_ip: IPv4Address | IPv6Address | None
    metadata: Any

    @property
    def features(self) -> dict[str, float | None] | None:
        """The features by name; None where the version names none."""
        if self.feature_names is None or self.feature_values is None:
            return None
        return dict(zip(self.feature_names, self.feature_values, strict=True))


class PredictionFields(TypedDict, total=False):
    """What is given of a prediction, to `insert` as to `log`."""

    features: Mapping[str, Any] | Sequence[float | None] | None
    inputs: Any
    prediction: float | None
    predicted_label: str | None
    probability: float | None
    class_probabilities: Mapping[str, float | None] | Sequence[float | None] | None
    confidence_lower: float | None
    confidence_upper: float | None
    latency_ms: float | None
    status: str
    error_message: str | None
    request_id: str | None
    batch_id: str | None
    cache_hit: bool | None
    user_agent: str | None
    client_ip: str | None
    metadata: Any
    predicted_at: datetime | None
    id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionStats(Row):
    """Statistics of the predictions of a window; None where there is nothing to compute from."""

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
class MonitoringSummary(Row):
    """What a monitoring run records of the predictions of a window that ends at `timestamp`.

    Fields are named as the arguments of `MonitoringMetricsRepository.insert`; `metadata` has the
    reasons for what is None.
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
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Row):
    """How many rows a write stored, and how many were there already."""

    stored: int
    duplicates: int
