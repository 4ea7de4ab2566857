"""The whole ledger at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
