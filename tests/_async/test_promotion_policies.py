"""Promotions that use up an approved action, and policies that require one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncRetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound, PromotionRefused
from mlops_ledger.rows import Deployment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Promotions:
    """Versions 1 (live), 2 and 3 of model m and what it takes to promote them."""

    def __init__(self, db: AsyncDatabase) -> None:
        self.models = AsyncModelVersionRepository(db)
        self.actions = AsyncAgentActionsRepository(db)
        self.decisions = AsyncRetrainingDecisionsRepository(db)
        self.versions: list[UUID] = []

    async def prepare(self) -> None:
        self.versions = [await self.models.insert(model_name="m") for _ in range(3)]
        await self.models.promote(model_name="m", model_version="1", at=NOON)

    async def request(self, **fields: Any) -> UUID:
        base = {"action_type": "promote", "risk_level": "high", "requested_by": "agent"}
        return await self.actions.insert(**{**base, "model_name": "m", **fields})

    async def approved(self, **fields: Any) -> UUID:
        made = await self.request(**fields)
        await self.actions.approve(id=made, reviewed_by="ann")
        return made

    async def promote(self, version: str = "2", **given: Any) -> Deployment:
        return await self.models.promote(model_name="m", model_version=version, **given)

    async def live(self) -> str:
        deployment = await self.models.production_at(model_name="m")
        assert deployment is not None
        return deployment.model_version


@pytest.fixture
async def ledger(db: AsyncDatabase) -> Promotions:
    prepared = Promotions(db)
    await prepared.prepare()
    return prepared


async def test_a_promotion_uses_up_its_action(ledger: Promotions) -> None:
    action = await ledger.approved(model_version_id=ledger.versions[1])
    deployment = await ledger.promote(action_id=action, promoted_by="job")
    assert deployment.action_id == action
    used = await ledger.actions.get(id=action)
    assert used is not None
    assert (used.status, used.executed_by) == ("executed", "job")
    assert used.result == {"deployment_id": str(deployment.id)}
    [entry, before] = await ledger.models.timeline(model_name="m")
    assert (entry.action_id, entry.approved_by) == (action, "ann")
    assert entry.approved_at == used.reviewed_at
    assert (before.action_id, before.approved_by) == (None, None)


async def test_a_repeated_promotion_changes_nothing(ledger: Promotions) -> None:
    action, given = await ledger.approved(), new_id()
    first = await ledger.promote(action_id=action, deployment_id=given)
    assert await ledger.promote(action_id=action, deployment_id=given) == first
    assert await ledger.promote(action_id=action) == first
    other = await ledger.approved()
    for wrong in (other, None):
        with pytest.raises(Conflict, match="already names another promotion"):
            await ledger.promote(action_id=wrong, deployment_id=given)
    assert len(await ledger.models.timeline(model_name="m")) == 2


async def test_the_version_of_an_action_is_promoted_without_its_name(ledger: Promotions) -> None:
    action = await ledger.approved(model_version_id=ledger.versions[1])
    deployment = await ledger.models.promote(action_id=action)
    assert (deployment.model_version, deployment.action_id) == ("2", action)
    for missing in (new_id(), await ledger.approved()):
        with pytest.raises(NotFound, match=r"^action_id: there is no action .* on a version"):
            await ledger.models.promote(action_id=missing)


async def test_an_action_serves_one_promotion(ledger: Promotions) -> None:
    action = await ledger.approved()
    await ledger.promote(action_id=action, promoted_by="job")
    for version, slot in (("3", "production"), ("2", "eu")):
        with pytest.raises(PromotionRefused, match="was already marked executed by job at"):
            await ledger.promote(version, action_id=action, slot=slot)
    assert await ledger.live() == "2"


async def test_an_action_that_needs_no_approval_may_promote(ledger: Promotions) -> None:
    action = await ledger.request(risk_level="low")
    assert (await ledger.promote(action_id=action)).action_id == action


async def test_an_action_that_does_not_allow_the_promotion_is_refused(
    ledger: Promotions,
) -> None:
    await ledger.models.insert(model_name="other")
    rejected, failed = await ledger.request(), await ledger.approved()
    await ledger.actions.reject(id=rejected, reviewed_by="ann")
    await ledger.actions.mark_failed(id=failed, executed_by="job")
    refusals = {
        await ledger.approved(model_name="other"): "is not about model m",
        await ledger.approved(model_name=None): "is not about model m",
        await ledger.approved(model_version_id=ledger.versions[2]): "is about another version",
        await ledger.approved(action_type="restart"): "is of type restart, not promote",
        await ledger.approved(parameters={"slot": "eu"}): "is for another slot",
        await ledger.request(requested_at=NOON, expires_at=NOON + HOUR): "expired at 2026-01-01",
        await ledger.request(): "is still pending and needs an approval",
        rejected: "was already rejected by ann at",
        failed: "was already marked failed by job at",
    }
    before = [await ledger.actions.get(id=action) for action in refusals]
    for action, problem in refusals.items():
        with pytest.raises(PromotionRefused, match=f"^action_id: action {action} {problem}"):
            await ledger.promote(action_id=action)
    with pytest.raises(NotFound, match="there is no action"):
        await ledger.promote(action_id=new_id())
    assert await ledger.live() == "1"
    assert [await ledger.actions.get(id=action) for action in refusals] == before


async def test_the_action_of_a_promotion_that_fails_is_not_used_up(
    db: AsyncDatabase, ledger: Promotions
) -> None:
    action = await ledger.approved()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            models = AsyncModelVersionRepository(tx)
            await models.promote(model_name="m", model_version="2", action_id=action)
            raise ZeroDivisionError
    with pytest.raises(Conflict, match="the slot has changed since"):
        await ledger.promote(action_id=action, at=NOON - HOUR)
    assert (await ledger.promote(action_id=action)).action_id == action


async def test_a_policy_is_set_and_kept(ledger: Promotions) -> None:
    models = ledger.models
    assert await models.promotion_policy(model_name="m") is None
    made = await models.set_promotion_policy(
        model_name="m", requires_approval=True, updated_by="ann"
    )
    assert (made.slot, made.requires_decision, made.requires_approval) == (
        "production",
        False,
        True,
    )
    changed = await models.set_promotion_policy(
        model_name="m", requires_decision=True, updated_by="bob"
    )
    assert (changed.requires_decision, changed.requires_approval) == (True, True)
    assert (changed.updated_by, changed.updated_at > made.updated_at) == ("bob", True)
    assert await models.promotion_policy(model_name="m") == changed
    assert await models.promotion_policy(model_name="m", slot="eu") is None
    with pytest.raises(NotFound, match="no model of that name"):
        await models.set_promotion_policy(model_name="misspelt", requires_approval=True)
    with pytest.raises(InvalidValue, match=r"^slot: "):
        await models.set_promotion_policy(model_name="m", slot="E U", requires_approval=True)


async def test_a_policy_that_requires_an_approval(ledger: Promotions) -> None:
    await ledger.models.set_promotion_policy(model_name="m", requires_approval=True)
    with pytest.raises(PromotionRefused, match=r"policy of model m requires an approval .*Request"):
        await ledger.promote()
    for without in (
        await ledger.request(),
        await ledger.request(risk_level="low"),
    ):
        with pytest.raises(PromotionRefused, match="approval"):
            await ledger.promote(action_id=without)
    assert await ledger.live() == "1"
    # Nothing to promote, so nothing to approve; and other slots have policies of their own.
    assert (await ledger.promote("1")).deployed_at == NOON
    await ledger.promote(slot="eu")
    await ledger.promote(action_id=await ledger.approved())
    assert await ledger.live() == "2"


async def test_a_policy_that_requires_a_decision(ledger: Promotions) -> None:
    await ledger.models.set_promotion_policy(model_name="m", requires_decision=True)
    with pytest.raises(PromotionRefused, match=r"policy of model m requires a decision .*Record"):
        await ledger.promote(action_id=await ledger.approved())
    decisions = [
        await ledger.decisions.insert(
            model_name="m",
            trigger_reason="drift",
            action=action,
            candidate_version_id=ledger.versions[version],
        )
        for action, version in (("reject", 1), ("promote", 2), ("promote", 1))
    ]
    for wrong in decisions[:2]:
        with pytest.raises(PromotionRefused):
            await ledger.promote(decision_id=wrong)
    assert (await ledger.promote(decision_id=decisions[2])).decision_id == decisions[2]


async def test_an_emergency_needs_neither(ledger: Promotions) -> None:
    await ledger.promote()
    await ledger.models.set_promotion_policy(
        model_name="m", requires_decision=True, requires_approval=True
    )
    assert (await ledger.models.rollback(model_name="m")).model_version == "1"
    await ledger.models.retire(model_name="m")
    assert (await ledger.models.rollback(model_name="m")).model_version == "1"


async def test_a_promotion_made_before_the_policy_can_be_repeated(ledger: Promotions) -> None:
    given = new_id()
    first = await ledger.promote(deployment_id=given)
    await ledger.models.set_promotion_policy(model_name="m", requires_approval=True)
    assert await ledger.promote(deployment_id=given) == first
    await ledger.models.set_promotion_policy(model_name="m", requires_approval=False)
    assert (await ledger.promote("3")).model_version == "3"
