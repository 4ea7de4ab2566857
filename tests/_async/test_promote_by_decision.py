"""Promoting what a decision approved, and promotions that are recorded under an id of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncRetrainingDecisionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound, PromotionRefused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_the_candidate_of_a_decision_is_promoted_without_its_name(db: AsyncDatabase) -> None:
    models, decisions = AsyncModelVersionRepository(db), AsyncRetrainingDecisionsRepository(db)
    candidate = await models.insert(model_name="m")
    approved, refused = [
        await decisions.insert(
            model_name="m", trigger_reason="drift", action=action, candidate_version_id=candidate
        )
        for action in ("promote", "reject")
    ]
    with pytest.raises(PromotionRefused, match="action is reject"):
        await models.promote(decision_id=refused)
    deployment = await models.promote(decision_id=approved)
    assert (deployment.model_version_id, deployment.decision_id) == (candidate, approved)


async def test_a_promotion_of_nothing_is_refused(db: AsyncDatabase) -> None:
    models = AsyncModelVersionRepository(db)
    await models.insert(model_name="m")
    with pytest.raises(InvalidValue) as refusal:
        await models.promote(model_name="m")
    assert refusal.value.field == "model_version"
    with pytest.raises(NotFound, match="no decision"):
        await models.promote(decision_id=new_id())


async def test_a_promotion_with_an_id_is_recorded_even_when_the_version_is_live(
    db: AsyncDatabase,
) -> None:
    models, given = AsyncModelVersionRepository(db), new_id()
    for _ in range(2):
        await models.insert(model_name="m")
    first = await models.promote(model_name="m", model_version="1", at=NOON)
    again = await models.promote(model_name="m", model_version="1", deployment_id=given)
    assert again.id == given
    assert (await models.get(id=first.model_version_id)).stage == "production"
    await models.promote(model_name="m", model_version="2")
    # Whoever did not hear the answer may ask again, however late: version 2 stays.
    await models.promote(model_name="m", model_version="1", deployment_id=given)
    entries = await models.timeline(model_name="m")
    assert [entry.model_version for entry in entries] == ["2", "1", "1"]
    assert [entry.deployed_at for entry in entries[:-1]] == [e.retired_at for e in entries[1:]]


async def test_a_run_before_the_first_promotion_can_be_repeated(db: AsyncDatabase) -> None:
    models, monitoring = AsyncModelVersionRepository(db), AsyncMonitoringMetricsRepository(db)
    version = await models.insert(model_name="m")
    run = {
        "model_name": "m",
        "timestamp": NOON,
        "lookback_hours": 1,
        "num_predictions": 1,
    }
    made = await monitoring.insert(**run, model_version_id=version)
    assert await monitoring.insert(**run) == made
    with pytest.raises(NotFound, match=r"no version of model .* was in production at 20"):
        await monitoring.insert(**run | {"timestamp": NOON + timedelta(hours=1)})


async def test_a_decision_counts_even_when_its_version_is_live(db: AsyncDatabase) -> None:
    models, decisions = AsyncModelVersionRepository(db), AsyncRetrainingDecisionsRepository(db)
    version = await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1")
    refused, approved = [
        await decisions.insert(
            model_name="m", trigger_reason="manual", action=action, candidate_version_id=version
        )
        for action in ("reject", "promote")
    ]
    with pytest.raises(PromotionRefused):
        await models.promote(model_name="m", model_version="1", decision_id=refused)
    with pytest.raises(NotFound):
        await models.promote(model_name="m", model_version="1", decision_id=new_id())
    deployment = await models.promote(model_name="m", model_version="1", decision_id=approved)
    assert deployment.decision_id == approved
    assert await models.promote(model_name="m", decision_id=approved) == deployment


async def test_a_rollback_does_not_answer_for_a_promotion(db: AsyncDatabase) -> None:
    models, given = AsyncModelVersionRepository(db), new_id()
    for _ in range(2):
        await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1")
    await models.promote(model_name="m", model_version="2", deployment_id=given)
    with pytest.raises(Conflict, match="already names another"):
        await models.rollback(model_name="m", deployment_id=given)


async def test_now_is_after_what_the_transaction_has_done(db: AsyncDatabase) -> None:
    async with db.transaction() as tx:
        models = AsyncModelVersionRepository(tx)
        decisions = AsyncRetrainingDecisionsRepository(tx)
        version = await models.insert(model_name="m")
        await models.promote(model_name="m", model_version="1")
        live = await models.production_at(model_name="m")
        made = await decisions.insert(model_name="m", trigger_reason="manual", action="reject")
        decision = await decisions.get(id=made)
        [entry] = await models.timeline()
    assert live is not None
    assert decision is not None
    assert decision.production_version_id == version
    assert entry.live_for >= timedelta(0)


async def test_given_and_automatic_versions_do_not_collide(db: AsyncDatabase) -> None:
    async def register(number: str | None) -> None:
        await AsyncModelVersionRepository(db).insert(model_name="m", model_version=number)

    await register("999999999999999999")
    await register(None)
    await register(None)
    models = AsyncModelVersionRepository(db)
    numbers = {version.model_version for version in await models.list_versions()}
    assert numbers == {"999999999999999999", "1000000000000000000", "1000000000000000001"}


async def test_the_same_id_with_other_content_is_a_conflict(db: AsyncDatabase) -> None:
    models, given = AsyncModelVersionRepository(db), new_id()
    await models.insert(id=given, model_name="m", metrics={"accuracy": 0.5})
    assert await models.insert(id=given, model_name="m", metrics={"accuracy": 0.5}) == given
    with pytest.raises(Conflict, match="other content"):
        await models.insert(id=given, model_name="m", metrics={"accuracy": 0.9})


async def test_filters_that_nothing_can_match_are_refused(db: AsyncDatabase) -> None:
    models, decisions = AsyncModelVersionRepository(db), AsyncRetrainingDecisionsRepository(db)
    monitoring = AsyncMonitoringMetricsRepository(db)
    early = datetime(1, 1, 2, tzinfo=UTC)
    with pytest.raises(InvalidValue, match=r"^stage: must be one of"):
        await models.list_versions(stage="live")
    with pytest.raises(InvalidValue, match=r"^tags: must be a JSON object"):
        await models.list_versions(tags=["a"])
    with pytest.raises(InvalidValue, match=r"^action: must be one of"):
        await decisions.list_decisions(action="approve")
    with pytest.raises(InvalidValue, match=r"^days: "):
        await monitoring.drift_trend(model_name="m", until=early)
    with pytest.raises(InvalidValue, match=r"^bucket: "):
        await monitoring.drift_trend(model_name="m", bucket=timedelta(minutes=1))


async def test_a_connection_given_back_changed_is_not_lent_again(dsn: str) -> None:
    settings = Settings(conninfo=dsn, pool_min_size=1, pool_max_size=1)
    async with AsyncDatabase(settings) as db:
        models = AsyncModelVersionRepository(db)
        async with db.connection() as connection:
            await connection.set_autocommit(False)
        made = await models.insert(model_name="m")
        assert await models.get(id=made) is not None
