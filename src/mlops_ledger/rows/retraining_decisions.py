"""Gate decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingDecision(Row):
    """A gate decision on a candidate."""

    id: UUID
    timestamp: datetime
    model_name: str
    candidate_version_id: UUID | None
    production_version_id: UUID | None
    trigger_reason: str
    action: str
    drift_context: dict[str, Any]
    data_context: dict[str, Any]
    decision_details: dict[str, Any]
    gate_results: list[dict[str, Any]]
    reasoning: str | None
    labeled_samples: int | None
    coverage_pct: float | None
    monitoring_run_id: UUID | None
    decided_by: str
    resolves_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceRate(Row):
    """How the decisions of a window turned out.

    A pending decision that was resolved counts as what it became. `acceptance_rate` is
    promoted / (promoted + rejected), None without either.
    """

    promoted: int
    rejected: int
    pending: int
    acceptance_rate: float | None
