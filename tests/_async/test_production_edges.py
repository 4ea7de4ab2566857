"""Promotions at the very edge: the same time, the same version, another slot, the same id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncRetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, NotFound, PromotionRefused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
async def models(db: AsyncDatabase) -> AsyncModelVersionRepository:
    """Versions 1 to 3 of model m."""
    made = AsyncModelVersionRepository(db)
    for _ in range(3):
        await made.insert(model_name="m")
    return made


async def test_rollback_looks_at_its_own_slot_only(models: AsyncModelVersionRepository) -> None:
    await models.promote(model_name="m", model_version="1", at=NOON)
    await models.promote(model_name="m", model_version="2", slot="eu", at=NOON + HOUR)
    await models.promote(model_name="m", model_version="3", at=NOON + 2 * HOUR)
    assert (await models.rollback(model_name="m")).model_version == "1"
    with pytest.raises(NotFound, match="no earlier version in slot eu"):
        await models.rollback(model_name="m", slot="eu")


async def test_rollback_leaves_the_version_that_was_promoted_twice(
    models: AsyncModelVersionRepository,
) -> None:
    await models.promote(model_name="m", model_version="1", at=NOON)
    for hour in (1, 2):
        await models.promote(
            model_name="m", model_version="2", at=NOON + hour * HOUR, deployment_id=new_id()
        )
    assert len(await models.timeline()) == 3
    assert (await models.rollback(model_name="m")).model_version == "1"


async def test_a_rollback_tells_which_deployment_it_restores(
    models: AsyncModelVersionRepository,
) -> None:
    first = await models.promote(model_name="m", model_version="1", at=NOON)
    await models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    assert (await models.rollback(model_name="m")).restores_id == first.id
    await models.retire(model_name="m")
    # Of the retired rollback, what it had restored.
    assert (await models.rollback(model_name="m")).restores_id == first.id


async def test_a_promotion_may_begin_when_the_one_before_was_retired(
    models: AsyncModelVersionRepository,
) -> None:
    await models.promote(model_name="m", model_version="1", at=NOON)
    await models.retire(model_name="m", at=NOON + HOUR)
    with pytest.raises(Conflict, match="at: the slot has changed since"):
        await models.promote(model_name="m", model_version="2", at=NOON + HOUR - TICK)
    await models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    found = await models.production_at(model_name="m", at=NOON + HOUR)
    assert found is not None
    assert found.model_version == "2"
    before = await models.production_at(model_name="m", at=NOON + HOUR - TICK)
    assert before is not None
    assert before.model_version == "1"


async def test_a_promotion_may_follow_another_by_a_microsecond_and_no_less(
    models: AsyncModelVersionRepository,
) -> None:
    await models.promote(model_name="m", model_version="1", at=NOON)
    with pytest.raises(Conflict, match="at: the slot has changed since"):
        await models.promote(model_name="m", model_version="2", at=NOON)
    await models.promote(model_name="m", model_version="2", at=NOON + TICK)
    assert [each.live_for for each in await models.timeline()][1] == TICK


async def test_production_at_knows_slots_apart(models: AsyncModelVersionRepository) -> None:
    await models.promote(model_name="m", model_version="1", at=NOON)
    await models.promote(model_name="m", model_version="2", slot="eu", at=NOON)
    for slot, version in (("production", "1"), ("eu", "2")):
        found = await models.production_at(model_name="m", slot=slot)
        assert found is not None
        assert (found.slot, found.model_version) == (slot, version)


async def test_a_later_time_in_one_transaction_is_that_of_the_change(
    models: AsyncModelVersionRepository, db: AsyncDatabase
) -> None:
    async with db.transaction() as tx:
        async with tx.connection() as connection:
            cursor = await connection.execute("SELECT now(), pg_sleep(0.01)")
            row = await cursor.fetchone()
        assert row is not None
        deployment = await AsyncModelVersionRepository(tx).promote(
            model_name="m", model_version="1"
        )
    assert deployment.deployed_at > row[0]


async def test_who_replaces_a_version_ends_its_deployment(
    models: AsyncModelVersionRepository, db: AsyncDatabase
) -> None:
    await models.promote(model_name="m", model_version="1", promoted_by="ann")
    await models.promote(model_name="m", model_version="2", promoted_by="bob")
    _, first = await models.timeline()
    assert (first.deployed_by, first.retired_by) == ("ann", "bob")


async def test_the_live_version_promoted_by_a_decision_is_recorded_again(
    models: AsyncModelVersionRepository, db: AsyncDatabase
) -> None:
    version = await models.get(model_name="m", model_version="1")
    assert version is not None
    await models.promote(model_name="m", model_version="1")
    decision = await AsyncRetrainingDecisionsRepository(db).insert(
        model_name="m", trigger_reason="drift", action="promote", candidate_version_id=version.id
    )
    first = await models.promote(model_name="m", model_version="1", decision_id=decision)
    assert first.decision_id == decision
    # The same again, or without saying why, changes nothing.
    assert await models.promote(model_name="m", model_version="1", decision_id=decision) == first
    assert await models.promote(model_name="m", model_version="1") == first
    assert len(await models.timeline()) == 2


async def test_a_deployment_id_with_another_decision_or_action_is_another_promotion(
    models: AsyncModelVersionRepository, db: AsyncDatabase
) -> None:
    version = await models.get(model_name="m", model_version="1")
    assert version is not None
    decision = await AsyncRetrainingDecisionsRepository(db).insert(
        model_name="m", trigger_reason="drift", action="promote", candidate_version_id=version.id
    )
    action = await _approved(db, version.id)
    given = new_id()
    await models.promote(model_name="m", model_version="1", deployment_id=given)
    for other in ({"decision_id": decision}, {"action_id": action}):
        with pytest.raises(Conflict, match="already names another promotion"):
            await models.promote(model_name="m", model_version="1", deployment_id=given, **other)


async def test_the_id_of_a_rollback_is_none_of_a_promotion_and_the_other_way_round(
    models: AsyncModelVersionRepository,
) -> None:
    promoted, rolled_back = new_id(), new_id()
    await models.promote(model_name="m", model_version="1", deployment_id=promoted)
    await models.promote(model_name="m", model_version="2")
    await models.rollback(model_name="m", deployment_id=rolled_back)
    with pytest.raises(Conflict, match="already names another promotion"):
        await models.promote(model_name="m", model_version="1", deployment_id=rolled_back)
    with pytest.raises(Conflict, match="already names another deployment"):
        await models.rollback(model_name="m", deployment_id=promoted)


async def test_a_decision_or_action_of_another_model_is_not_found(
    models: AsyncModelVersionRepository, db: AsyncDatabase
) -> None:
    other = await models.insert(model_name="n")
    decision = await AsyncRetrainingDecisionsRepository(db).insert(
        model_name="n", trigger_reason="drift", action="promote", candidate_version_id=other
    )
    with pytest.raises(NotFound, match="decision_id: there is no decision"):
        await models.promote(model_name="m", decision_id=decision)
    with pytest.raises(NotFound, match="action_id: there is no action"):
        await models.promote(model_name="m", action_id=await _approved(db, other, "n"))


async def test_whoever_forges_a_rollback_needs_the_approval_all_the_same(
    models: AsyncModelVersionRepository, dsn: str
) -> None:
    """An insert into the history that claims to restore what was never there."""
    first = await models.promote(model_name="m", model_version="1", at=NOON)
    await models.set_promotion_policy(model_name="m", requires_approval=True)
    await models.set_promotion_policy(model_name="m", slot="eu", requires_approval=True)
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
        await models.promote(model_name="m", model_version="2")


async def test_history_written_by_sql_keeps_the_rules(
    models: AsyncModelVersionRepository, conn: psycopg.Connection
) -> None:
    live = await models.promote(model_name="m", model_version="1", at=NOON)
    close = "UPDATE model_deployments SET retired_at = {}, retired_by = 'x' WHERE id = %s"
    for wrong in ("deployed_at", "deployed_at - interval '1 second'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(close.format(wrong), [live.id])
    with pytest.raises(psycopg.Error, match="at: lies in the future"):
        conn.execute(close.format("clock_timestamp() + interval '2 minutes'"), [live.id])
    conn.execute(close.format("now()"), [live.id])
    with pytest.raises(psycopg.Error, match="only an open interval can be closed"):
        conn.execute(close.format("now()"), [live.id])


async def _approved(db: AsyncDatabase, version: UUID, model: str = "m") -> UUID:
    actions = AsyncAgentActionsRepository(db)
    id = await actions.insert(
        action_type="promote",
        risk_level="high",
        model_name=model,
        model_version_id=version,
        requested_by="bot",
    )
    await actions.approve(id=id, reviewed_by="ann")
    return id
