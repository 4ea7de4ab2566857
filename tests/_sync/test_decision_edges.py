# Generated from tests/_async/test_decision_edges.py by tools/unasync.py: edit that file, then run `make sync`.
"""What a decision may resolve, and when; that it never goes away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from mlops_ledger import ModelVersionRepository, RetrainingDecisionsRepository
from mlops_ledger.errors import Conflict, InvalidValue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def versions(models: ModelVersionRepository) -> list[UUID]:
    """Versions 1 to 3 of model m; the first is in production since an hour before noon."""
    made = [models.insert(model_name="m") for _ in range(3)]
    models.promote(model_name="m", model_version="1", at=NOON - HOUR)
    return made


@pytest.fixture
def pending(versions: list[UUID], decisions: RetrainingDecisionsRepository) -> UUID:
    """A pending decision of noon about version 2."""
    return decisions.insert(
        model_name="m",
        trigger_reason="drift",
        action="pending",
        candidate_version_id=versions[1],
        timestamp=NOON,
    )


def test_a_resolution_is_about_the_same_model_and_candidate(
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
    versions: list[UUID],
    pending: UUID,
) -> None:
    elsewhere = models.insert(model_name="n")
    for model, candidate in (("m", versions[2]), ("n", elsewhere), ("n", None)):
        with pytest.raises(Conflict, match=r"resolves_id: .* is about another model or candidate"):
            decisions.insert(
                model_name=model,
                trigger_reason="drift",
                action="reject",
                candidate_version_id=candidate,
                resolves_id=pending,
            )
    assert [each.id for each in decisions.list_pending()] == [pending]


def test_a_resolution_comes_at_the_time_of_what_it_resolves_or_later(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    with pytest.raises(InvalidValue, match=r"^timestamp: lies before"):
        decisions.resolve(decision_id=pending, action="reject", timestamp=NOON - TICK)
    resolution = decisions.resolve(decision_id=pending, action="reject", timestamp=NOON)
    assert decisions.list_pending() == []
    found = decisions.get(id=resolution)
    assert found is not None
    assert found.timestamp == NOON


def test_a_resolution_names_who_was_in_production_when_it_was_pending(
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
    versions: list[UUID],
    pending: UUID,
) -> None:
    models.promote(model_name="m", model_version="3", at=NOON + HOUR)
    resolution = decisions.resolve(decision_id=pending, action="reject")
    for id in (pending, resolution):
        found = decisions.get(id=id)
        assert found is not None
        assert found.production_version_id == versions[0]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM retraining_decisions",
        "UPDATE retraining_decisions SET reasoning = 'other'",
        "TRUNCATE retraining_decisions CASCADE",
    ],
)
@pytest.mark.usefixtures("pending")
def test_a_decision_stays_as_it_is(conn: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error, match=r"append-only: (DELETE|UPDATE|TRUNCATE) refused"):
        conn.execute(statement)
