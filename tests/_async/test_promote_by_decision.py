"""Promoting what a decision approved, and promotions that are recorded under an id of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncRetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound, PromotionRefused

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
    with pytest.raises(NotFound, match="no version of the model was in production"):
        await monitoring.insert(**run | {"timestamp": NOON + timedelta(hours=1)})
