"""Baselines and their bins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ..notebooks import Row

# Categories with a bin each.
OWN_BINS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Row):
    """What the data of a version looked like when it was trained; made from `num_rows` rows.

    One that was made from predictions has their window, from `window_start` to before `window_end`.
    """

    id: UUID
    model_name: str
    model_version: str
    model_version_id: UUID
    num_rows: int
    num_features: int
    window_start: datetime | None
    window_end: datetime | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFeature(Row):
    """The bins of a feature, a score or a label, whose values are in `column_name`.

    Of numbers, and of the lengths of texts, bin 0 is below the first of `edges`, the last but one
    from the last edge on, the last NaN. Of categories bin 0 is for those that are not among
    `categories`, the first 50 have bins from 1 on, all others share the last one.
    """

    series: int
    feature: str
    column_name: str
    kind: str
    edges: list[float | None] | None
    categories: list[str] | None
    num_categories: int | None
    counts: list[int]
    sums: list[float | None] | None
    num_missing: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPrediction(Row):
    """What a baseline takes of a prediction."""

    feature_values: list[float | None] | None
    inputs: Any
    probability: float | None
    prediction: float | None
    predicted_label: str | None
    actual_label: str | None
    actual_value: float | None
