# Generated from src/mlops_ledger/_async/retraining_decisions.py by tools/unasync.py: edit that file, then run `make sync`.
"""Gate decisions on candidates, append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ..checks.values import ACTIONS, choice, page_size
from ..checks.windows import look_back
from ..errors import NotFound
from ..rows import AcceptanceRate, RetrainingDecision
from .pages import iterate
from .repository import Repository


class RetrainingDecisionsRepository(Repository):
    """Records whether a candidate may replace the production version, and on what evidence."""

    _file = "retraining_decisions"

    def insert(
        self,
        *,
        model_name: str,
        trigger_reason: str,
        action: str,
        candidate_version: str | None = None,
        candidate_version_id: UUID | None = None,
        production_version: str | None = None,
        production_version_id: UUID | None = None,
        drift_context: Mapping[str, Any] | None = None,
        data_context: Mapping[str, Any] | None = None,
        decision_details: Mapping[str, Any] | None = None,
        gate_results: Sequence[Mapping[str, Any]] | None = None,
        reasoning: str | None = None,
        labeled_samples: int | None = None,
        coverage_pct: float | None = None,
        monitoring_run_id: UUID | None = None,
        decided_by: str | None = None,
        resolves_id: UUID | None = None,
        timestamp: datetime | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Record a decision to promote, to reject or pending, and return its id.

        A version is given by its number or by its id; the version in production is by default
        the one then there. `gate_results` holds a {"gate", "passed", "value", "threshold"} for
        each gate. Repeating a call with the same `id` and content records nothing twice. Raises
        Conflict when the id names another decision, NotFound for an unknown model, version or run,
        InvalidValue for a value that is refused.
        """
        return self._insert_once("insert", locals(), "id: already names another decision")

    def resolve(
        self,
        *,
        decision_id: UUID,
        action: str,
        decided_by: str | None = None,
        reasoning: str | None = None,
        decision_details: Mapping[str, Any] | None = None,
        timestamp: datetime | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Resolve a pending decision and return the id of the new one, to promote with.

        The new decision takes over candidate, gates and contexts. Raises NotFound for an unknown
        decision, Conflict when it is not pending or was resolved already.
        """
        values = locals()
        # On the primary, also where reads go elsewhere.
        with self._db.transaction() as tx:
            within = type(self)(tx)
            if within.get(id=decision_id) is None:
                raise NotFound(f"there is no decision {decision_id}")
            conflict = "id: already names another decision"
            return within._insert_once("resolve", values, conflict)

    def get(self, *, id: UUID) -> RetrainingDecision | None:
        """Return one decision, or None."""
        return self._row("get", RetrainingDecision, locals())

    def latest(self, *, model_name: str | None = None) -> RetrainingDecision | None:
        """Return the latest decision of a model, or of all models; None when there is none."""
        decisions = self.list_decisions(model_name=model_name, limit=1)
        return decisions[0] if decisions else None

    def list_decisions(
        self,
        *,
        model_name: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[RetrainingDecision]:
        """Return the decisions with since <= timestamp < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        action = choice("action", action, ACTIONS)
        return self._rows("list_decisions", RetrainingDecision, locals())

    iter_decisions = iterate(list_decisions)

    def list_pending(
        self, *, model_name: str | None = None, limit: int = 100
    ) -> list[RetrainingDecision]:
        """Return the pending decisions that are not resolved yet, oldest first."""
        limit = page_size(limit)
        return self._rows("list_pending", RetrainingDecision, locals())

    def acceptance_rate(
        self,
        *,
        model_name: str | None = None,
        days: float = 30,
        until: datetime | None = None,
    ) -> AcceptanceRate:
        """Return how the decisions of the last days turned out.

        `acceptance_rate` is promoted / (promoted + rejected).
        """
        until = datetime.now(UTC) if until is None else until
        since = look_back(until, days)
        return self._one("acceptance_rate", AcceptanceRate, locals())
