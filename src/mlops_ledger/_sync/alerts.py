# Generated from src/mlops_ledger/_async/alerts.py by tools/unasync.py: edit that file, then run `make sync`.
"""Alerts, from their first occurrence until they are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ..checks.values import ALERT_STATUSES, SEVERITIES, choice, page_size
from ..checks.windows import look_back
from ..errors import InvalidValue
from ..ids import new_id
from ..rows import Alert, AlertOccurrence, AlertStats
from .repository import Repository


class AlertsRepository(Repository):
    """Raises alerts and records who dealt with them."""

    _file = "alerts"

    def raise_alert(
        self,
        *,
        alert_type: str,
        title: str,
        severity: str = "warning",
        message: str | None = None,
        related_data: Mapping[str, Any] | None = None,
        model_name: str | None = None,
        dedup_key: str | None = None,
        at: datetime | None = None,
        occurrence_id: UUID | None = None,
    ) -> Alert:
        """Open an alert, or count one more occurrence on the open alert of the same key.

        `severity` is info, warning or critical. Without `dedup_key` all occurrences of one type
        and model are one alert. A repeat counts, moves `last_seen`, brings its title, message and
        data, and can only make the severity worse. After a resolution a new alert is opened. A
        call with an `occurrence_id`, such as `new_id()`, can be repeated when its outcome is not
        known: it counts once. Raises NotFound for an unknown model, Conflict when the id names
        another occurrence or the key an open alert of another type or model.
        """
        made = new_id() if occurrence_id is None else occurrence_id
        values = {**locals(), "occurrence_id": made}
        return self._one("raise_alert", Alert, values)

    def acknowledge(
        self,
        *,
        id: UUID,
        acknowledged_by: str | None = None,
        notes: str | None = None,
        at: datetime | None = None,
    ) -> Alert:
        """Take an active alert on.

        The same person's same call changes nothing. Raises NotFound for an unknown alert, Conflict
        saying who was first when it is acknowledged or resolved already.
        """
        return self._one("acknowledge", Alert, locals())

    def resolve(
        self,
        *,
        id: UUID | None = None,
        dedup_key: str | None = None,
        resolved_by: str | None = None,
        notes: str | None = None,
        at: datetime | None = None,
    ) -> Alert | None:
        """End an alert for good, by its id or as the open alert of a key.

        By key it returns None when none is open, so that a job may always call it. The same
        person's same call changes nothing. Raises NotFound for an unknown id, Conflict saying who
        was first when the alert is resolved already.
        """
        if (id is None) == (dedup_key is None):
            raise InvalidValue("id", "give either an id or a dedup_key")
        return self._row("resolve", Alert, locals())

    def snooze(
        self, *, id: UUID, until: datetime | None, snoozed_by: str | None = None
    ) -> Alert:
        """Hide an open alert from the active ones until a timestamp; with None it is back.

        Repeats still count. Raises NotFound for an unknown alert, Conflict for a resolved one.
        """
        return self._one("snooze", Alert, locals())

    def get(self, *, id: UUID) -> Alert | None:
        """Return one alert, or None."""
        return self._row("get", Alert, locals())

    def list_active(
        self,
        *,
        model_name: str | None = None,
        severity: str | None = None,
        include_acknowledged: bool = False,
        include_snoozed: bool = False,
        limit: int = 100,
    ) -> list[Alert]:
        """Return the alerts that wait for somebody, worst first, then the last seen first."""
        limit = page_size(limit)
        severity = choice("severity", severity, SEVERITIES)
        return self._rows("list_active", Alert, locals())

    def list_alerts(
        self,
        *,
        model_name: str | None = None,
        alert_type: str | None = None,
        severity: str | None = None,
        status: str | None = None,
        dedup_key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[Alert]:
        """Return all alerts with since <= first_seen < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        severity = choice("severity", severity, SEVERITIES)
        status = choice("status", status, ALERT_STATUSES)
        return self._rows("list_alerts", Alert, locals())

    def list_occurrences(
        self, *, alert_id: UUID, limit: int = 100, before: UUID | None = None
    ) -> list[AlertOccurrence]:
        """Return the times an alert was raised, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return self._rows("list_occurrences", AlertOccurrence, locals())

    def stats(
        self,
        *,
        model_name: str | None = None,
        days: float = 30,
        until: datetime | None = None,
    ) -> list[AlertStats]:
        """Return how the alerts first seen in the last days were dealt with, per severity."""
        until = datetime.now(UTC) if until is None else until
        since = look_back(until, days)
        return self._rows("stats", AlertStats, locals())
