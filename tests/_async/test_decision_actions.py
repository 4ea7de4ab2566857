"""An action names the decision that it is to carry out."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncRetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, NotFound, PromotionRefused

PROMOTE: dict[str, Any] = {"action_type": "promote", "risk_level": "high", "requested_by": "agent"}


class Ledger:
    """A model with two versions, and the repositories that a decision passes through."""

    def __init__(self, db: AsyncDatabase) -> None:
        self.db = db
        self.models = AsyncModelVersionRepository(db)
        self.decisions = AsyncRetrainingDecisionsRepository(db)
        self.actions = AsyncAgentActionsRepository(db)

    async def decide(self, action: str = "promote", version: str = "2", **more: Any) -> Any:
        return await self.decisions.insert(
            model_name="m",
            candidate_version=version,
            trigger_reason="drift",
            action=action,
            **more,
        )

    async def ask(self, **given: Any) -> Any:
        made = await self.actions.insert(**PROMOTE, **given)
        await self.actions.approve(id=made, reviewed_by="ann")
        return made

    async def history(self, decision: Any) -> Any:
        async with self.db.connection() as connection:
            query = (
                "SELECT action_id, action_status, approved_by, deployment_id"
                " FROM v_decision_history WHERE decision_id = %s"
            )
            return await (await connection.execute(query, [decision])).fetchone()


@pytest.fixture
async def ledger(db: AsyncDatabase) -> Ledger:
    ledger = Ledger(db)
    for _ in range(2):
        await ledger.models.insert(model_name="m")
    return ledger


async def test_an_action_is_about_what_its_decision_judged(ledger: Ledger) -> None:
    decision = await ledger.decide()
    given = new_id()
    for _ in range(2):
        assert await ledger.actions.insert(**PROMOTE, decision_id=decision, id=given) == given
    action = await ledger.actions.get(id=given)
    version = await ledger.models.get(model_name="m", model_version="2")
    assert action is not None
    assert version is not None
    assert (action.model_name, action.model_version_id) == ("m", version.id)
    assert await ledger.actions.list_actions(decision_id=decision) == [action]
    assert await ledger.actions.list_actions(decision_id=new_id()) == []
    assert await ledger.history(decision) == (given, "pending", None, None)
    with pytest.raises(Conflict, match="already names another action"):
        await ledger.actions.insert(**PROMOTE, model_name="m", model_version="2", id=given)


async def test_a_promotion_by_the_action_is_one_on_its_decision(ledger: Ledger) -> None:
    decision = await ledger.decide()
    action = await ledger.ask(decision_id=decision)
    assert await ledger.history(decision) == (action, "approved", "ann", None)
    await ledger.models.set_promotion_policy(
        model_name="m", requires_decision=True, requires_approval=True
    )
    given = new_id()
    for _ in range(2):
        done = await ledger.models.promote(action_id=action, deployment_id=given)
        assert (done.model_version, done.decision_id, done.action_id) == ("2", decision, action)
    assert await ledger.history(decision) == (action, "executed", "ann", given)


async def test_an_approval_holds_for_its_decision_alone(ledger: Ledger) -> None:
    decision, other = await ledger.decide(), await ledger.decide()
    action = await ledger.ask(decision_id=decision)
    with pytest.raises(PromotionRefused, match="is for another decision"):
        await ledger.models.promote(decision_id=other, action_id=action)
    await ledger.models.promote(decision_id=decision, action_id=action)


async def test_who_approved_a_pending_decision_approved_its_resolution(ledger: Ledger) -> None:
    pending = await ledger.decide("pending")
    action = await ledger.ask(decision_id=pending)
    with pytest.raises(PromotionRefused, match="its action is pending"):
        await ledger.models.promote(action_id=action)
    resolution = await ledger.decisions.resolve(decision_id=pending, action="promote")
    assert (await ledger.models.promote(action_id=action)).decision_id == resolution


async def test_a_rejected_action_approved_nothing(ledger: Ledger) -> None:
    decision = await ledger.decide()
    action = await ledger.actions.insert(**PROMOTE, decision_id=decision)
    await ledger.actions.reject(id=action, reviewed_by="ann")
    assert await ledger.history(decision) == (action, "rejected", None, None)


async def test_a_wrong_decision_is_refused(ledger: Ledger) -> None:
    await ledger.models.insert(model_name="other")
    decision = await ledger.decide()
    with pytest.raises(NotFound, match="decision_id: there is no decision"):
        await ledger.actions.insert(**PROMOTE, decision_id=new_id())
    for wrong in ({"model_name": "other"}, {"model_name": "m", "model_version": "1"}):
        with pytest.raises(Conflict, match="is about another model or candidate"):
            await ledger.actions.insert(**PROMOTE, **wrong, decision_id=decision)
    retrain = {"action_type": "retrain", "risk_level": "low", "decision_id": decision}
    made = await ledger.actions.insert(**retrain)
    action = await ledger.actions.get(id=made)
    assert action is not None
    assert (action.model_name, action.model_version_id) == ("m", None)
