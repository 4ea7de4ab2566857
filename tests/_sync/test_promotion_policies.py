# Generated from tests/_async/test_promotion_policies.py by tools/unasync.py: edit that file, then run `make sync`.
"""Promotions that use up an approved action, and policies that require one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound, PromotionRefused
from mlops_ledger.rows import Deployment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Promotions:
    """Versions 1 (live), 2 and 3 of model m and what it takes to promote them."""

    def __init__(self, db: Database) -> None:
        self.models = ModelVersionRepository(db)
        self.actions = AgentActionsRepository(db)
        self.decisions = RetrainingDecisionsRepository(db)
        self.versions: list[UUID] = []

    def prepare(self) -> None:
        self.versions = [self.models.insert(model_name="m") for _ in range(3)]
        self.models.promote(model_name="m", model_version="1", at=NOON)

    def request(self, **fields: Any) -> UUID:
        base = {"action_type": "promote", "risk_level": "high", "requested_by": "agent"}
        return self.actions.insert(**{**base, "model_name": "m", **fields})

    def approved(self, **fields: Any) -> UUID:
        made = self.request(**fields)
        self.actions.approve(id=made, reviewed_by="ann")
        return made

    def promote(self, version: str = "2", **given: Any) -> Deployment:
        return self.models.promote(model_name="m", model_version=version, **given)

    def live(self) -> str:
        deployment = self.models.production_at(model_name="m")
        assert deployment is not None
        return deployment.model_version


@pytest.fixture
def ledger(db: Database) -> Promotions:
    prepared = Promotions(db)
    prepared.prepare()
    return prepared


def test_a_promotion_uses_up_its_action(ledger: Promotions) -> None:
    action = ledger.approved(model_version_id=ledger.versions[1])
    deployment = ledger.promote(action_id=action, promoted_by="job")
    assert deployment.action_id == action
    used = ledger.actions.get(id=action)
    assert used is not None
    assert (used.status, used.executed_by) == ("executed", "job")
    assert used.result == {"deployment_id": str(deployment.id)}
    [entry, before] = ledger.models.timeline(model_name="m")
    assert (entry.action_id, entry.approved_by) == (action, "ann")
    assert entry.approved_at == used.reviewed_at
    assert (before.action_id, before.approved_by) == (None, None)


def test_a_repeated_promotion_changes_nothing(ledger: Promotions) -> None:
    action, given = ledger.approved(), new_id()
    first = ledger.promote(action_id=action, deployment_id=given)
    assert ledger.promote(action_id=action, deployment_id=given) == first
    assert ledger.promote(action_id=action) == first
    other = ledger.approved()
    for wrong in (other, None):
        with pytest.raises(Conflict, match="already names another promotion"):
            ledger.promote(action_id=wrong, deployment_id=given)
    assert len(ledger.models.timeline(model_name="m")) == 2


def test_the_version_of_an_action_is_promoted_without_its_name(ledger: Promotions) -> None:
    action = ledger.approved(model_version_id=ledger.versions[1])
    deployment = ledger.models.promote(action_id=action)
    assert (deployment.model_version, deployment.action_id) == ("2", action)
    for missing in (new_id(), ledger.approved()):
        with pytest.raises(NotFound, match=r"^action_id: there is no action .* on a version"):
            ledger.models.promote(action_id=missing)


def test_an_action_serves_one_promotion(ledger: Promotions) -> None:
    action = ledger.approved()
    ledger.promote(action_id=action, promoted_by="job")
    for version, slot in (("3", "production"), ("2", "eu")):
        with pytest.raises(PromotionRefused, match="was already marked executed by job at"):
            ledger.promote(version, action_id=action, slot=slot)
    assert ledger.live() == "2"


def test_an_action_that_needs_no_approval_may_promote(ledger: Promotions) -> None:
    action = ledger.request(risk_level="low")
    assert (ledger.promote(action_id=action)).action_id == action


def test_an_action_that_does_not_allow_the_promotion_is_refused(
    ledger: Promotions,
) -> None:
    ledger.models.insert(model_name="other")
    rejected, failed = ledger.request(), ledger.approved()
    ledger.actions.reject(id=rejected, reviewed_by="ann")
    ledger.actions.mark_failed(id=failed, executed_by="job")
    refusals = {
        ledger.approved(model_name="other"): "is not about model m",
        ledger.approved(model_name=None): "is not about model m",
        ledger.approved(model_version_id=ledger.versions[2]): "is about another version",
        ledger.approved(action_type="restart"): "is of type restart, not promote",
        ledger.approved(parameters={"slot": "eu"}): "is for another slot",
        ledger.request(requested_at=NOON, expires_at=NOON + HOUR): "expired at 2026-01-01",
        ledger.request(): "is still pending and needs an approval",
        rejected: "was already rejected by ann at",
        failed: "was already marked failed by job at",
    }
    before = [ledger.actions.get(id=action) for action in refusals]
    for action, problem in refusals.items():
        with pytest.raises(PromotionRefused, match=f"^action_id: action {action} {problem}"):
            ledger.promote(action_id=action)
    with pytest.raises(NotFound, match="there is no action"):
        ledger.promote(action_id=new_id())
    assert ledger.live() == "1"
    assert [ledger.actions.get(id=action) for action in refusals] == before


def test_the_action_of_a_promotion_that_fails_is_not_used_up(
    db: Database, ledger: Promotions
) -> None:
    action = ledger.approved()
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx:
            models = ModelVersionRepository(tx)
            models.promote(model_name="m", model_version="2", action_id=action)
            raise ZeroDivisionError
    with pytest.raises(Conflict, match="the slot has changed since"):
        ledger.promote(action_id=action, at=NOON - HOUR)
    assert (ledger.promote(action_id=action)).action_id == action


def test_a_policy_is_set_and_kept(ledger: Promotions) -> None:
    models = ledger.models
    assert models.promotion_policy(model_name="m") is None
    made = models.set_promotion_policy(
        model_name="m", requires_approval=True, updated_by="ann"
    )
    assert (made.slot, made.requires_decision, made.requires_approval) == (
        "production",
        False,
        True,
    )
    changed = models.set_promotion_policy(
        model_name="m", requires_decision=True, updated_by="bob"
    )
    assert (changed.requires_decision, changed.requires_approval) == (True, True)
    assert (changed.updated_by, changed.updated_at > made.updated_at) == ("bob", True)
    assert models.promotion_policy(model_name="m") == changed
    assert models.promotion_policy(model_name="m", slot="eu") is None
    with pytest.raises(NotFound, match="no model of that name"):
        models.set_promotion_policy(model_name="misspelt", requires_approval=True)
    with pytest.raises(InvalidValue, match=r"^slot: "):
        models.set_promotion_policy(model_name="m", slot="E U", requires_approval=True)


def test_a_policy_that_requires_an_approval(ledger: Promotions) -> None:
    ledger.models.set_promotion_policy(model_name="m", requires_approval=True)
    with pytest.raises(PromotionRefused, match=r"policy of model m requires an approval .*Request"):
        ledger.promote()
    for without in (
        ledger.request(),
        ledger.request(risk_level="low"),
    ):
        with pytest.raises(PromotionRefused, match="approval"):
            ledger.promote(action_id=without)
    assert ledger.live() == "1"
    # Nothing to promote, so nothing to approve; and other slots have policies of their own.
    assert (ledger.promote("1")).deployed_at == NOON
    ledger.promote(slot="eu")
    ledger.promote(action_id=ledger.approved())
    assert ledger.live() == "2"


def test_a_policy_that_requires_a_decision(ledger: Promotions) -> None:
    ledger.models.set_promotion_policy(model_name="m", requires_decision=True)
    with pytest.raises(PromotionRefused, match=r"policy of model m requires a decision .*Record"):
        ledger.promote(action_id=ledger.approved())
    decisions = [
        ledger.decisions.insert(
            model_name="m",
            trigger_reason="drift",
            action=action,
            candidate_version_id=ledger.versions[version],
        )
        for action, version in (("reject", 1), ("promote", 2), ("promote", 1))
    ]
    for wrong in decisions[:2]:
        with pytest.raises(PromotionRefused):
            ledger.promote(decision_id=wrong)
    assert (ledger.promote(decision_id=decisions[2])).decision_id == decisions[2]


def test_an_emergency_needs_neither(ledger: Promotions) -> None:
    ledger.promote()
    ledger.models.set_promotion_policy(
        model_name="m", requires_decision=True, requires_approval=True
    )
    assert (ledger.models.rollback(model_name="m")).model_version == "1"
    ledger.models.retire(model_name="m")
    assert (ledger.models.rollback(model_name="m")).model_version == "1"


def test_a_promotion_made_before_the_policy_can_be_repeated(ledger: Promotions) -> None:
    given = new_id()
    first = ledger.promote(deployment_id=given)
    ledger.models.set_promotion_policy(model_name="m", requires_approval=True)
    assert ledger.promote(deployment_id=given) == first
    ledger.models.set_promotion_policy(model_name="m", requires_approval=False)
    assert (ledger.promote("3")).model_version == "3"
