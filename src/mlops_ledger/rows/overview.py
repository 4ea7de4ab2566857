"""The whole ledger at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverview(Row):
    """A row of v_models: a model, its live version, and what needs attention.

    `predictions_24h` is about the last 24 whole hours of UTC, None while some of them wait to be
    folded; `worst_monitor` is critical, warning, no_data or ok; `coverage_pct` is the label
    coverage, 0 to 100, of the last monitoring run.
    """

    model_name: str
    live_version: str | None
    live_since: datetime | None
    versions: int
    last_prediction: datetime | None
    predictions_24h: int | None
    last_monitoring: datetime | None
    worst_monitor: str | None
    open_alerts: int
    worst_alert: str | None
    pending_approvals: int
    coverage_pct: float | None
