"""The whole ledger at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .._sync.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverview:
    """A model: its live version, and what is to be looked at.

    `predictions_24h` counts at most 1,000,000; `coverage_pct` is the label coverage, 0 to 100, of
    the last monitoring run.
    """

    model_name: str
    live_version: str | None
    live_since: datetime | None
    versions: int
    predictions_24h: int
    open_alerts: int
    last_monitoring: datetime | None
    coverage_pct: float | None


class Overview(Repository):
    """What `mlops-ledger models` and `mlops-ledger status` show."""

    _file = "overview"

    def models(self, *, limit: int = 1000) -> list[ModelOverview]:
        """Return a row for each model, by name."""
        until = datetime.now(UTC)
        since = until - timedelta(days=1)
        return self._rows("models", ModelOverview, {"since": since, "until": until, "limit": limit})
