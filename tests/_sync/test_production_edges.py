# Generated from tests/_async/test_production_edges.py by tools/unasync.py: edit that file, then run `make sync`.
"""Promotions at the very edge: the same time, the same version, another slot, the same id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, NotFound, PromotionRefused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def models(db: Database) -> ModelVersionRepository:
    """Versions 1 to 3 of model m."""
    made = ModelVersionRepository(db)
    for _ in range(3):
        made.insert(model_name="m")
    return made


def test_rollback_looks_at_its_own_slot_only(models: ModelVersionRepository) -> None:
    models.promote(model_name="m", model_version="1", at=NOON)
    models.promote(model_name="m", model_version="2", slot="eu", at=NOON + HOUR)
    models.promote(model_name="m", model_version="3", at=NOON + 2 * HOUR)
    assert (models.rollback(model_name="m")).model_version == "1"
    with pytest.raises(NotFound, match="no earlier version in slot eu"):
        models.rollback(model_name="m", slot="eu")


def test_rollback_leaves_the_version_that_was_promoted_twice(
    models: ModelVersionRepository,
) -> None:
    models.promote(model_name="m", model_version="1", at=NOON)
    for hour in (1, 2):
        models.promote(
            model_name="m", model_version="2", at=NOON + hour * HOUR, deployment_id=new_id()
        )
    assert len(models.timeline()) == 3
    assert (models.rollback(model_name="m")).model_version == "1"


def test_a_rollback_tells_which_deployment_it_restores(
    models: ModelVersionRepository,
) -> None:
    first = models.promote(model_name="m", model_version="1", at=NOON)
    models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    assert (models.rollback(model_name="m")).restores_id == first.id
    models.retire(model_name="m")
    # Of the retired rollback, what it had restored.
    assert (models.rollback(model_name="m")).restores_id == first.id


def test_a_promotion_may_begin_when_the_one_before_was_retired(
    models: ModelVersionRepository,
) -> None:
    models.promote(model_name="m", model_version="1", at=NOON)
    models.retire(model_name="m", at=NOON + HOUR)
    with pytest.raises(Conflict, match="at: the slot has changed since"):
        models.promote(model_name="m", model_version="2", at=NOON + HOUR - TICK)
    models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    found = models.production_at(model_name="m", at=NOON + HOUR)
    assert found is not None
    assert found.model_version == "2"
    before = models.production_at(model_name="m", at=NOON + HOUR - TICK)
    assert before is not None
    assert before.model_version == "1"


def test_a_promotion_may_follow_another_by_a_microsecond_and_no_less(
    models: ModelVersionRepository,
) -> None:
    models.promote(model_name="m", model_version="1", at=NOON)
    with pytest.raises(Conflict, match="at: the slot has changed since"):
        models.promote(model_name="m", model_version="2", at=NOON)
    models.promote(model_name="m", model_version="2", at=NOON + TICK)
    assert [each.live_for for each in models.timeline()][1] == TICK


def test_production_at_knows_slots_apart(models: ModelVersionRepository) -> None:
    models.promote(model_name="m", model_version="1", at=NOON)
    models.promote(model_name="m", model_version="2", slot="eu", at=NOON)
    for slot, version in (("production", "1"), ("eu", "2")):
        found = models.production_at(model_name="m", slot=slot)
        assert found is not None
        assert (found.slot, found.model_version) == (slot, version)


def test_a_later_time_in_one_transaction_is_that_of_the_change(
    models: ModelVersionRepository, db: Database
) -> None:
    with db.transaction() as tx:
        with tx.connection() as connection:
            cursor = connection.execute("SELECT now(), pg_sleep(0.01)")
            row = cursor.fetchone()
        assert row is not None
        deployment = ModelVersionRepository(tx).promote(
            model_name="m", model_version="1"
        )
    assert deployment.deployed_at > row[0]


def test_who_replaces_a_version_ends_its_deployment(
    models: ModelVersionRepository, db: Database
) -> None:
    models.promote(model_name="m", model_version="1", promoted_by="ann")
    models.promote(model_name="m", model_version="2", promoted_by="bob")
    _, first = models.timeline()
    assert (first.deployed_by, first.retired_by) == ("ann", "bob")


def test_the_live_version_promoted_by_a_decision_is_recorded_again(
    models: ModelVersionRepository, db: Database
) -> None:
    version = models.get(model_name="m", model_version="1")
    assert version is not None
    models.promote(model_name="m", model_version="1")
    decision = RetrainingDecisionsRepository(db).insert(
        model_name="m", trigger_reason="drift", action="promote", candidate_version_id=version.id
    )
    first = models.promote(model_name="m", model_version="1", decision_id=decision)
    assert first.decision_id == decision
    # The same again, or without saying why, changes nothing.
    assert models.promote(model_name="m", model_version="1", decision_id=decision) == first
    assert models.promote(model_name="m", model_version="1") == first
    assert len(models.timeline()) == 2


def test_a_deployment_id_with_another_decision_or_action_is_another_promotion(
    models: ModelVersionRepository, db: Database
) -> None:
    version = models.get(model_name="m", model_version="1")
    assert version is not None
    decision = RetrainingDecisionsRepository(db).insert(
        model_name="m", trigger_reason="drift", action="promote", candidate_version_id=version.id
    )
    action = _approved(db, version.id)
    given = new_id()
    models.promote(model_name="m", model_version="1", deployment_id=given)
    for other in ({"decision_id": decision}, {"action_id": action}):
        with pytest.raises(Conflict, match="already names another promotion"):
            models.promote(model_name="m", model_version="1", deployment_id=given, **other)


def test_the_id_of_a_rollback_is_none_of_a_promotion_and_the_other_way_round(
    models: ModelVersionRepository,
) -> None:
    promoted, rolled_back = new_id(), new_id()
    models.promote(model_name="m", model_version="1", deployment_id=promoted)
    models.promote(model_name="m", model_version="2")
    models.rollback(model_name="m", deployment_id=rolled_back)
    with pytest.raises(Conflict, match="already names another promotion"):
        models.promote(model_name="m", model_version="1", deployment_id=rolled_back)
    with pytest.raises(Conflict, match="already names another deployment"):
        models.rollback(model_name="m", deployment_id=promoted)


def test_a_decision_or_action_of_another_model_is_not_found(
    models: ModelVersionRepository, db: Database
) -> None:
    other = models.insert(model_name="n")
    decision = RetrainingDecisionsRepository(db).insert(
        model_name="n", trigger_reason="drift", action="promote", candidate_version_id=other
    )
    with pytest.raises(NotFound, match="decision_id: there is no decision"):
        models.promote(model_name="m", decision_id=decision)
    with pytest.raises(NotFound, match="action_id: there is no action"):
        models.promote(model_name="m", action_id=_approved(db, other, "n"))


def test_whoever_forges_a_rollback_needs_the_approval_all_the_same(
    models: ModelVersionRepository, dsn: str
) -> None:
    """An insert into the history that claims to restore what was never there."""
    first = models.promote(model_name="m", model_version="1", at=NOON)
    models.set_promotion_policy(model_name="m", requires_approval=True)
    models.set_promotion_policy(model_name="m", slot="eu", requires_approval=True)
    forged = """
        WITH s AS (SELECT * FROM ledger_lock_slot('m', %(slot)s)),
             ended AS (UPDATE model_deployments d
                       SET retired_at = clock_timestamp(), retired_by = 'eve'
                       FROM s WHERE d.slot_id = s.id AND d.retired_at IS NULL)
        INSERT INTO model_deployments
            (slot_id, model_name, model_version_id, deployed_at, restores_id)
        SELECT s.id, 'm', v.id, clock_timestamp() + interval '1 millisecond', %(restores)s
        FROM s, model_versions v WHERE v.model_name = 'm' AND v.model_version = %(version)s
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        for slot, version in (("production", "2"), ("eu", "1")):
            with pytest.raises(psycopg.Error, match="requires an approval"):
                connection.execute(forged, {"slot": slot, "version": version, "restores": first.id})
    with pytest.raises(PromotionRefused, match="requires an approval"):
        models.promote(model_name="m", model_version="2")


def test_history_written_by_sql_keeps_the_rules(
    models: ModelVersionRepository, conn: psycopg.Connection
) -> None:
    live = models.promote(model_name="m", model_version="1", at=NOON)
    close = "UPDATE model_deployments SET retired_at = {}, retired_by = 'x' WHERE id = %s"
    for wrong in ("deployed_at", "deployed_at - interval '1 second'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(close.format(wrong), [live.id])
    with pytest.raises(psycopg.Error, match="at: lies in the future"):
        conn.execute(close.format("clock_timestamp() + interval '2 minutes'"), [live.id])
    conn.execute(close.format("now()"), [live.id])
    with pytest.raises(psycopg.Error, match="only an open interval can be closed"):
        conn.execute(close.format("now()"), [live.id])


def _approved(db: Database, version: UUID, model: str = "m") -> UUID:
    actions = AgentActionsRepository(db)
    id = actions.insert(
        action_type="promote",
        risk_level="high",
        model_name=model,
        model_version_id=version,
        requested_by="bot",
    )
    actions.approve(id=id, reviewed_by="ann")
    return id
