"""Summaries of predictions by the hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSummaries:
    """What was written of a version since its summaries were folded; `marks` counts the writes."""

    model_name: str
    model_version: str
    marks: int
    first_predicted_at: datetime
    last_predicted_at: datetime
    pending_since: datetime
