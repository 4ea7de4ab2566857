"""Monitors and what they found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor(Row):
    """A rule that raises alerts, and what it found when it was last evaluated.

    From `evaluated_at` on the fields are None before the first evaluation. `severity` is how bad
    `state` is: warning, critical or None; `alert_id` is its open alert.
    """

    id: UUID
    model_name: str | None
    name: str
    source: str
    metric_name: str
    slice: str
    host: str | None
    attributes: dict[str, Any]
    window: timedelta
    operator: str
    warning_threshold: float | None
    critical_threshold: float | None
    consecutive: int
    no_data: str
    hysteresis: float
    enabled: bool
    created_at: datetime
    created_by: str
    removed_at: datetime | None
    removed_by: str | None
    evaluated_at: datetime | None
    state: str | None
    severity: str | None
    value: float | None
    point_at: datetime | None
    alert_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorResult(Row):
    """What a monitor found: `state` is ok, warning, critical or no_data.

    `severity` is how bad that is: warning, critical or None. `value` is the newest in the window,
    of the time `point_at`; `threshold` the one it has passed. `done` says what became of the
    alert: raised, repeated, resolved or none.
    """

    monitor_id: UUID
    model_name: str | None
    name: str
    source: str
    metric_name: str
    state: str
    severity: str | None
    value: float | None
    operator: str
    threshold: float | None
    point_at: datetime | None
    evaluated_at: datetime
    alert_id: UUID | None
    done: str
