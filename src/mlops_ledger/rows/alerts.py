"""Alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Row):
    """A problem needing attention, until it is resolved.

    `title`, `message` and `related_data` are those of the newest occurrence, `severity` is the
    worst of all.
    """

    id: UUID
    alert_type: str
    severity: str
    title: str
    message: str | None
    related_data: dict[str, Any]
    model_name: str | None
    dedup_key: str
    monitor_id: UUID | None
    status: str
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    notes: str | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOccurrence(Row):
    """One time that an alert was raised."""

    id: UUID
    alert_id: UUID
    occurred_at: datetime
    severity: str
    title: str
    message: str | None
    related_data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStats(Row):
    """How the alerts of one severity in a window were dealt with.

    The times run from the first occurrence; an alert that is not acknowledged, or not resolved,
    does not count in them. None when there is none that does.
    """

    severity: str
    alerts: int
    occurrences: int
    acknowledged: int
    resolved: int
    mean_time_to_acknowledge: timedelta | None
    median_time_to_acknowledge: timedelta | None
    mean_time_to_resolve: timedelta | None
    median_time_to_resolve: timedelta | None
