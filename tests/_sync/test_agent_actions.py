# Generated from tests/_async/test_agent_actions.py by tools/unasync.py: edit that file, then run `make sync`.
"""Asking for actions, reviewing them, and recording what came of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mlops_ledger import AgentActionsRepository, ModelVersionRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

ACTION: dict[str, Any] = {"action_type": "retrain", "risk_level": "high", "requested_by": "agent"}
OVER = {"requested_at": NOON, "expires_at": NOON + HOUR}
EVERYTHING = {
    **ACTION,
    "description": "retrain on the last 90 days",
    "parameters": {"days": 90},
    "requires_approval": False,
    "model_name": "m",
    "issue_id": "drift-17",
    "issue_type": "drift",
    "issue_severity": "warning",
    "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
    "requested_at": NOON,
}
OTHER_CONTENT = [
    ("action_type", "scale"),
    ("risk_level", "low"),
    ("requested_by", "other"),
    ("description", None),
    ("parameters", {"days": 91}),
    ("requires_approval", True),
    ("model_name", None),
    ("issue_id", "drift-18"),
    ("issue_type", None),
    ("issue_severity", "critical"),
    ("expires_at", None),
    ("requested_at", NOON + HOUR),
]
REFUSED = [
    ("action_type", ""),
    ("action_type", " retrain"),
    ("action_type", "x" * 256),
    ("risk_level", "huge"),
    ("requested_by", " "),
    ("requested_by", "a\nb"),
    ("requested_by", "x" * 256),
    ("parameters", [1]),
    ("parameters.a", {"a": float("nan")}),
    ("issue_id", "x" * 256),
    ("expires_at", datetime(2026, 1, 1)),
    ("expires_at", datetime(2020, 1, 1, tzinfo=UTC)),
    ("requested_at", datetime(2100, 1, 1, tzinfo=UTC)),
    ("requires_approval", 1),
]


@pytest.fixture
def version(models: ModelVersionRepository) -> UUID:
    """Version 1 of model m."""
    return models.insert(model_name="m")


def test_insert_keeps_every_field(
    actions: AgentActionsRepository, version: UUID
) -> None:
    given = {**EVERYTHING, "model_version_id": version}
    action = actions.get(id=actions.insert(**given))
    assert action is not None
    assert {name: getattr(action, name) for name in given} == given
    assert action.status == "pending"
    left = (action.reviewed_by, action.reviewed_at, action.executed_by, action.result)
    assert left == (None,) * 4


def test_high_and_critical_risk_need_an_approval_unless_said_otherwise(
    actions: AgentActionsRepository,
) -> None:
    needed = {}
    for risk in ("low", "medium", "high", "Critical "):
        for given in (None, True, False):
            made = actions.insert(**{**ACTION, "risk_level": risk}, requires_approval=given)
            action = actions.get(id=made)
            assert action is not None
            needed[action.risk_level, given] = action.requires_approval
    assert {risk for (risk, given), need in needed.items() if given is None and need} == {
        "high",
        "critical",
    }
    assert all(need == given for (_, given), need in needed.items() if given is not None)


def test_insert_fills_in_what_is_left_out(actions: AgentActionsRepository) -> None:
    made = actions.insert(action_type="scale", risk_level="low")
    action = actions.get(id=made)
    assert action is not None
    assert action.requested_by
    assert (action.parameters, action.expires_at) == ({}, None)
    assert abs(datetime.now(UTC) - action.requested_at) < timedelta(minutes=1)


def test_the_same_request_again_returns_its_id(
    actions: AgentActionsRepository, version: UUID
) -> None:
    given = new_id()
    for content in (EVERYTHING, ACTION):
        for _ in range(2):
            assert actions.insert(**content, id=given) == given
        # Even when somebody was quick to answer.
        actions.reject(id=given, reviewed_by="ann")
        assert actions.insert(**content, id=given) == given
        given = new_id()
    assert len(actions.list_actions()) == 2


def test_other_content_under_the_same_id_is_a_conflict(
    actions: AgentActionsRepository, version: UUID
) -> None:
    given = actions.insert(**EVERYTHING)
    for field, value in OTHER_CONTENT:
        with pytest.raises(Conflict, match=r"^id: already names another action"):
            actions.insert(**{**EVERYTHING, field: value}, id=given)
    assert len(actions.list_actions()) == 1


def test_a_refused_value_is_named(actions: AgentActionsRepository) -> None:
    for field, value in REFUSED:
        argument = field.partition(".")[0]
        with pytest.raises(InvalidValue) as refusal:
            actions.insert(**{**ACTION, argument: value})
        assert refusal.value.field == field
    assert actions.list_actions() == []


def test_what_an_action_names_must_be_there(
    actions: AgentActionsRepository, models: ModelVersionRepository, version: UUID
) -> None:
    foreign = models.insert(model_name="other")
    with pytest.raises(NotFound, match="no model of that name"):
        actions.insert(**ACTION, model_name="unknown")
    for wrong in (foreign, new_id()):
        with pytest.raises(NotFound, match=r"^model_version_id: names no version of this model"):
            actions.insert(**ACTION, model_name="m", model_version_id=wrong)
    with pytest.raises(InvalidValue, match=r"^model_name: is needed"):
        actions.insert(**ACTION, model_version_id=version)
    missing = new_id()
    assert actions.get(id=missing) is None
    for call in (actions.approve, actions.reject, actions.mark_executed, actions.mark_failed):
        with pytest.raises(NotFound, match=f"there is no action {missing}"):
            call(id=missing)


def test_an_action_is_approved_and_executed(actions: AgentActionsRepository) -> None:
    made = actions.insert(**ACTION)
    approved = actions.approve(id=made, reviewed_by="ann", comment="fine")
    assert (approved.status, approved.reviewed_by) == ("approved", "ann")
    assert approved.review_comment == "fine"
    done = actions.mark_executed(id=made, executed_by="job", result={"run": 7})
    assert (done.status, done.executed_by, done.result) == ("executed", "job", {"run": 7})
    assert done.requested_at <= done.reviewed_at <= done.executed_at
    assert actions.get(id=made) == done


def test_an_action_is_rejected_or_fails(actions: AgentActionsRepository) -> None:
    rejected = actions.reject(
        id=actions.insert(**ACTION), reviewed_by="ann", comment="too risky"
    )
    assert (rejected.status, rejected.review_comment) == ("rejected", "too risky")
    with pytest.raises(
        Conflict, match=r"was already rejected by ann at 20.*cannot become executed"
    ):
        actions.mark_executed(id=rejected.id)
    made = actions.insert(**{**ACTION, "risk_level": "low"})
    failed = actions.mark_failed(id=made, executed_by="job", result={"error": "disk full"})
    assert (failed.status, failed.result) == ("failed", {"error": "disk full"})
    assert failed.reviewed_by is None


def test_without_the_approval_it_needs_an_action_is_not_executed(
    actions: AgentActionsRepository,
) -> None:
    made = actions.insert(**ACTION)
    for call in (actions.mark_executed, actions.mark_failed):
        with pytest.raises(Conflict, match=f"action {made} is still pending and needs an approval"):
            call(id=made)
    waiting = actions.get(id=made)
    assert waiting is not None
    assert (waiting.status, waiting.executed_at) == ("pending", None)


def test_nobody_reviews_an_action_of_their_own(actions: AgentActionsRepository) -> None:
    made = actions.insert(**{**ACTION, "requested_by": "Bob"})
    for same in ("Bob", "bob", " BOB ", "bob\u2003"):
        for call in (actions.approve, actions.reject):
            with pytest.raises(InvalidValue, match="nobody reviews an action of their own") as own:
                call(id=made, reviewed_by=same)
            assert own.value.field == "reviewed_by"
    # Without names both are the user of the database.
    made = actions.insert(action_type="scale", risk_level="high")
    with pytest.raises(InvalidValue, match=r"^reviewed_by: "):
        actions.approve(id=made)
    assert len(actions.list_pending()) == 2


def test_a_reviewer_has_a_name(actions: AgentActionsRepository) -> None:
    made = actions.insert(**ACTION)
    for wrong in ("", " ", "a\nb", "x" * 256, 5):
        with pytest.raises(InvalidValue) as refusal:
            actions.approve(id=made, reviewed_by=wrong)
        assert refusal.value.field == "reviewed_by"


def test_the_second_reviewer_is_told_who_was_first(
    actions: AgentActionsRepository,
) -> None:
    made = actions.insert(**ACTION)
    first = actions.approve(id=made, reviewed_by="ann")
    told = f"action {made} was already approved by ann at {first.reviewed_at:%Y-%m-%dT%H:%M:%S}"
    for call, name in ((actions.approve, "bob"), (actions.reject, "bob"), (actions.reject, "ann")):
        with pytest.raises(Conflict, match=told):
            call(id=made, reviewed_by=name)
    assert actions.get(id=made) == first


def test_a_call_can_be_repeated_when_its_answer_was_lost(
    actions: AgentActionsRepository,
) -> None:
    made, refused = actions.insert(**ACTION), actions.insert(**ACTION)
    approved = actions.approve(id=made, reviewed_by="ann", comment="fine")
    assert actions.approve(id=made, reviewed_by=" Ann", comment="fine") == approved
    rejected = actions.reject(id=refused, reviewed_by="ann")
    assert actions.reject(id=refused, reviewed_by="ann") == rejected
    done = actions.mark_executed(id=made, executed_by="job", result={"run": 7})
    assert actions.mark_executed(id=made, executed_by="job", result={"run": 7}) == done
    assert actions.approve(id=made, reviewed_by="ann") == done
    for other in ({"executed_by": "job"}, {"executed_by": "x", "result": {"run": 7}}):
        with pytest.raises(Conflict, match=f"action {made} was already marked executed by job at"):
            actions.mark_executed(id=made, **other)
    with pytest.raises(Conflict, match="was already marked executed by job"):
        actions.mark_failed(id=made, executed_by="job", result={"run": 7})


def test_past_its_time_an_action_is_expired_even_before_that_is_written_down(
    actions: AgentActionsRepository,
) -> None:
    over = actions.insert(**ACTION, **OVER)
    current = actions.insert(**ACTION, expires_at=datetime.now(UTC) + HOUR)
    for call, name in (
        (actions.approve, "ann"),
        (actions.reject, "ann"),
    ):
        with pytest.raises(Conflict, match=f"action {over} expired at 2026-01-01T13:00:00Z"):
            call(id=over, reviewed_by=name)
    for call in (actions.mark_executed, actions.mark_failed):
        with pytest.raises(Conflict, match=f"action {over} expired at 2026-01-01T13:00:00Z"):
            call(id=over)
    seen = actions.get(id=over)
    assert seen is not None
    assert seen.status == "expired"
    assert [action.id for action in actions.list_actions(status="expired")] == [over]
    assert [action.id for action in actions.list_actions(status="pending")] == [current]
    assert [action.id for action in actions.list_pending()] == [current]
    assert [actions.expire() for _ in range(2)] == [1, 0]
    assert actions.get(id=over) == seen
    with pytest.raises(Conflict, match=f"action {over} expired at 2026-01-01T13:00:00Z"):
        actions.approve(id=over, reviewed_by="ann")


def test_pending_actions_are_listed_oldest_first_until_reviewed(
    actions: AgentActionsRepository, version: UUID
) -> None:
    newer = actions.insert(**ACTION, model_name="m")
    older = actions.insert(**ACTION, requested_at=NOON)
    actions.insert(**{**ACTION, "risk_level": "low"})
    assert [action.id for action in actions.list_pending()] == [older, newer]
    assert [action.id for action in actions.list_pending(limit=1)] == [older]
    assert [action.id for action in actions.list_pending(model_name="m")] == [newer]
    actions.approve(id=older, reviewed_by="ann")
    actions.reject(id=newer, reviewed_by="ann")
    assert actions.list_pending() == []


def test_lists_can_be_narrowed(actions: AgentActionsRepository, version: UUID) -> None:
    one = actions.insert(**ACTION, requested_at=NOON)
    two = actions.insert(
        action_type="scale", risk_level="low", model_name="m", requested_at=NOON + HOUR
    )
    actions.approve(id=one, reviewed_by="ann")

    def found(**filters: object) -> list[UUID]:
        return [action.id for action in actions.list_actions(**filters)]

    assert found() == [two, one]
    assert found(model_name="m") == [two]
    assert found(status="Approved") == [one]
    assert found(action_type="scale") == [two]
    assert found(risk_level="high") == [one]
    assert found(risk_level="high", status="pending") == []
    for wrong in ({"status": "done"}, {"risk_level": "huge"}, {"limit": 0}):
        with pytest.raises(InvalidValue) as refusal:
            found(**wrong)
        assert refusal.value.field in wrong


def test_pages_hold_every_action_once(actions: AgentActionsRepository) -> None:
    made = [
        (hour, actions.insert(**ACTION, requested_at=NOON + hour * HOUR))
        for hour in (0, 0, 0, 0, 0, 1, 1, 1, 1, 2)
    ]
    seen, before = [], None
    while page := actions.list_actions(limit=3, before=before):
        assert len(page) <= 3
        seen += [action.id for action in page]
        before = page[-1].id
    assert seen == [made_id for _, made_id in sorted(made, reverse=True)]
