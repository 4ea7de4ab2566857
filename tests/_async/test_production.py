"""Moving versions in and out of production, and the history of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import AsyncModelVersionRepository, AsyncRetrainingDecisionsRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, NotFound, PromotionRefused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def _promoted(models: AsyncModelVersionRepository, count: int) -> None:
    """Register versions 1..count of model m and promote them an hour apart from noon on."""
    for number in range(count):
        await models.insert(model_name="m")
        await models.promote(model_name="m", model_version=str(number + 1), at=NOON + number * HOUR)


async def test_promote_ends_the_interval_before_at_the_same_timestamp(
    models: AsyncModelVersionRepository,
) -> None:
    await _promoted(models, 2)
    newer, older = await models.timeline(model_name="m")
    assert (older.deployed_at, older.retired_at) == (NOON, NOON + HOUR)
    assert (newer.deployed_at, newer.retired_at) == (NOON + HOUR, None)
    assert (newer.is_live, older.is_live) == (True, False)
    assert older.live_for == HOUR


async def test_promote_returns_what_was_given(models: AsyncModelVersionRepository) -> None:
    made, given = await models.insert(model_name="m"), new_id()
    deployment = await models.promote(
        model_name="m",
        model_version="1",
        slot="eu",
        promoted_by="ann",
        reason="first",
        at=NOON,
        deployment_id=given,
    )
    assert (deployment.id, deployment.model_version_id, deployment.slot) == (given, made, "eu")
    assert (deployment.deployed_by, deployment.reason) == ("ann", "first")
    assert (deployment.deployed_at, deployment.retired_at) == (NOON, None)


async def test_the_stage_follows_the_slot_production(models: AsyncModelVersionRepository) -> None:
    await _promoted(models, 2)
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="3", slot="shadow")
    stages = {v.model_version: v.stage for v in await models.list_versions()}
    assert stages == {"1": "archived", "2": "production", "3": "development"}
    await models.retire(model_name="m")
    assert await models.list_versions(stage="production") == []
    first = await models.get(model_name="m", model_version="1")
    assert first is not None
    assert first.promoted_at == NOON
    assert first.promoted_by


async def test_a_version_may_hold_several_slots(models: AsyncModelVersionRepository) -> None:
    await models.insert(model_name="m")
    for slot in ("production", "eu"):
        await models.promote(model_name="m", model_version="1", slot=slot)
    await models.retire(model_name="m", slot="eu")
    assert await models.production_at(model_name="m", slot="eu") is None
    live = await models.production_at(model_name="m")
    assert live is not None
    assert live.model_version == "1"


async def test_promoting_what_is_there_changes_nothing(models: AsyncModelVersionRepository) -> None:
    await models.insert(model_name="m")
    first = await models.promote(model_name="m", model_version="1", at=NOON)
    assert await models.promote(model_name="m", model_version="1") == first
    assert len(await models.timeline()) == 1


async def test_a_repeated_promotion_changes_nothing_even_later(
    models: AsyncModelVersionRepository,
) -> None:
    given = new_id()
    await models.insert(model_name="m")
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1", deployment_id=given, at=NOON)
    await models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    repeated = await models.promote(model_name="m", model_version="1", deployment_id=given, at=NOON)
    assert (repeated.id, repeated.retired_at) == (given, NOON + HOUR)
    assert [entry.model_version for entry in await models.timeline()] == ["2", "1"]


async def test_a_deployment_id_names_one_promotion(models: AsyncModelVersionRepository) -> None:
    given = new_id()
    await models.insert(model_name="m")
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1", deployment_id=given)
    with pytest.raises(Conflict, match="already names another promotion"):
        await models.promote(model_name="m", model_version="2", deployment_id=given)
    with pytest.raises(Conflict, match="already names another promotion"):
        await models.promote(model_name="m", model_version="1", slot="eu", deployment_id=given)
    with pytest.raises(Conflict, match="already names another"):
        await models.rollback(model_name="m", slot="eu", deployment_id=given)
    assert len(await models.timeline()) == 1


async def test_unknown_names_are_not_found(models: AsyncModelVersionRepository) -> None:
    await models.insert(model_name="m")
    with pytest.raises(NotFound, match="model m has no version 9"):
        await models.promote(model_name="m", model_version="9")
    with pytest.raises(NotFound, match="model n has no version 1"):
        await models.promote(model_name="n", model_version="1")
    with pytest.raises(NotFound):
        await models.promote(model_name="m", model_version="1", decision_id=new_id())
    for change in (models.rollback, models.retire):
        for name in ("m", "n"):
            with pytest.raises(NotFound, match=f"model {name} has no"):
                await change(model_name=name)
    assert await models.timeline() == []


async def test_a_slot_is_a_short_lower_case_name(models: AsyncModelVersionRepository) -> None:
    await models.insert(model_name="m")
    for slot in ("", "Production", "a b", "x" * 64, "-a", "ü"):
        with pytest.raises(InvalidValue, match=r"^slot: must be"):
            await models.promote(model_name="m", model_version="1", slot=slot)


async def test_times_lie_in_the_past_and_after_the_last_change(
    models: AsyncModelVersionRepository,
) -> None:
    await _promoted(models, 1)
    await models.insert(model_name="m")
    for early in (NOON, NOON - HOUR):
        with pytest.raises(Conflict, match=r"^at: the slot has changed since"):
            await models.promote(model_name="m", model_version="2", at=early)
    with pytest.raises(InvalidValue, match=r"^at: lies in the future"):
        await models.promote(model_name="m", model_version="2", at=datetime.now(UTC) + HOUR)
    with pytest.raises(InvalidValue, match=r"^at: has no time zone"):
        await models.promote(model_name="m", model_version="2", at=datetime(2026, 1, 2))
    assert [entry.model_version for entry in await models.timeline()] == ["1"]


async def test_rollback_twice_goes_two_versions_back(models: AsyncModelVersionRepository) -> None:
    await _promoted(models, 3)
    assert (await models.rollback(model_name="m")).model_version == "2"
    assert (await models.rollback(model_name="m")).model_version == "1"
    with pytest.raises(NotFound, match="no earlier version"):
        await models.rollback(model_name="m")
    entries = await models.timeline(model_name="m")
    assert [entry.model_version for entry in entries] == ["1", "2", "3", "2", "1"]
    assert [entry.is_rollback for entry in entries] == [True, True, False, False, False]


async def test_a_promotion_after_a_rollback_can_be_rolled_back(
    models: AsyncModelVersionRepository,
) -> None:
    await _promoted(models, 2)
    await models.rollback(model_name="m")
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="3")
    assert (await models.rollback(model_name="m")).model_version == "1"


async def test_rollback_never_brings_back_what_was_rolled_back(
    models: AsyncModelVersionRepository,
) -> None:
    await _promoted(models, 3)
    await models.rollback(model_name="m")
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="4")
    assert (await models.rollback(model_name="m")).model_version == "2"
    assert (await models.rollback(model_name="m")).model_version == "1"


async def test_a_repeated_rollback_changes_nothing(models: AsyncModelVersionRepository) -> None:
    await _promoted(models, 3)
    given = new_id()
    once, again = [
        await models.rollback(model_name="m", deployment_id=given, rolled_back_by="ann", reason="x")
        for _ in range(2)
    ]
    assert once == again
    assert (once.id, once.model_version, once.deployed_by, once.reason) == (given, "2", "ann", "x")
    assert len(await models.timeline()) == 4


async def test_rollback_after_retire_brings_back_what_was_retired(
    models: AsyncModelVersionRepository,
) -> None:
    await _promoted(models, 2)
    await models.retire(model_name="m")
    assert (await models.rollback(model_name="m")).model_version == "2"


async def test_retire_empties_the_slot_and_keeps_the_interval(
    models: AsyncModelVersionRepository,
) -> None:
    await _promoted(models, 1)
    ended = await models.retire(model_name="m", retired_by="ann", reason="broken", at=NOON + HOUR)
    assert (ended.deployed_at, ended.retired_at) == (NOON, NOON + HOUR)
    assert (ended.retired_by, ended.retired_reason) == ("ann", "broken")
    assert await models.production_at(model_name="m") is None
    with pytest.raises(NotFound, match="nothing in slot"):
        await models.retire(model_name="m")


async def test_a_named_deployment_is_retired_once(models: AsyncModelVersionRepository) -> None:
    await _promoted(models, 1)
    live = await models.production_at(model_name="m")
    assert live is not None
    ended = await models.retire(model_name="m", deployment_id=live.id)
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="2")
    assert await models.retire(model_name="m", deployment_id=live.id) == ended
    with pytest.raises(NotFound, match="nothing in slot"):
        await models.retire(model_name="m", deployment_id=new_id())
    now = await models.production_at(model_name="m")
    assert now is not None
    assert now.model_version == "2"


async def test_production_at_answers_any_timestamp(models: AsyncModelVersionRepository) -> None:
    await _promoted(models, 2)
    await models.retire(model_name="m", at=NOON + 2 * HOUR)

    async def then(offset: timedelta) -> str | None:
        found = await models.production_at(model_name="m", at=NOON + offset)
        return found and found.model_version

    tick = timedelta(microseconds=1)
    assert await then(-tick) is None
    assert await then(timedelta(0)) == "1"
    assert await then(HOUR - tick) == "1"
    assert await then(HOUR) == "2"
    assert await then(2 * HOUR) is None
    assert await models.production_at(model_name="m") is None
    assert await models.production_at(model_name="unknown") is None


async def test_only_a_decision_to_promote_this_version_allows_it(
    models: AsyncModelVersionRepository, decisions: AsyncRetrainingDecisionsRepository
) -> None:
    one, two = [await models.insert(model_name="m") for _ in range(2)]
    for action, candidate in (("reject", one), ("pending", one), ("promote", two)):
        decision = await decisions.insert(
            model_name="m", trigger_reason="drift", action=action, candidate_version_id=candidate
        )
        with pytest.raises(PromotionRefused, match=f"^decision_id: decision {decision}"):
            await models.promote(model_name="m", model_version="1", decision_id=decision)
    assert await models.timeline() == []
    deployment = await models.promote(model_name="m", model_version="2", decision_id=decision)
    assert deployment.decision_id == decision


async def test_the_timeline_carries_version_and_decision(
    models: AsyncModelVersionRepository, decisions: AsyncRetrainingDecisionsRepository
) -> None:
    candidate = await models.insert(model_name="m", algorithm="trees", metrics={"roc_auc": 0.5})
    decision = await decisions.insert(
        model_name="m",
        trigger_reason="drift",
        action="promote",
        candidate_version_id=candidate,
        reasoning="all gates passed",
    )
    await models.promote(model_name="m", model_version="1", decision_id=decision)
    [entry] = await models.timeline()
    assert (entry.algorithm, entry.roc_auc, entry.stage) == ("trees", 0.5, "production")
    assert (entry.decision_id, entry.decision_action) == (decision, "promote")
    assert (entry.trigger_reason, entry.decision_reasoning) == ("drift", "all gates passed")
    assert entry.model_version_id == candidate


async def test_the_timeline_can_be_narrowed(models: AsyncModelVersionRepository) -> None:
    await _promoted(models, 1)
    await models.promote(model_name="m", model_version="1", slot="eu")
    await models.insert(model_name="other")
    await models.promote(model_name="other", model_version="1", at=NOON + HOUR)

    async def found(**filters: str) -> list[tuple[str, str]]:
        return [(e.model_name, e.slot) for e in await models.timeline(**filters)]

    assert await found() == [("m", "eu"), ("other", "production"), ("m", "production")]
    assert await found(model_name="m") == [("m", "eu"), ("m", "production")]
    assert await found(slot="eu") == [("m", "eu")]
    assert await found(model_name="other", slot="eu") == []


async def test_pages_of_the_timeline_hold_every_deployment_once(
    models: AsyncModelVersionRepository,
) -> None:
    await models.insert(model_name="m")
    # Several slots change at one timestamp, so that the id has to break the tie.
    made = [
        (await models.promote(model_name="m", model_version="1", slot=f"s{n}", at=NOON)).id
        for n in range(11)
    ]
    seen, before = [], None
    while page := await models.timeline(limit=3, before=before):
        assert len(page) <= 3
        assert before not in [entry.deployment_id for entry in page]
        seen += [entry.deployment_id for entry in page]
        before = page[-1].deployment_id
    assert seen == sorted(made, reverse=True)
