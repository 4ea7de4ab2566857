# Generated from tests/_async/test_retraining_decisions.py by tools/unasync.py: edit that file, then run `make sync`.
"""Recording gate decisions, resolving pending ones, and asking how they turned out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mlops_ledger import (
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

GATES = [
    {"gate": "roc_auc", "passed": True, "value": 0.76, "threshold": 0.75},
    {"gate": "brier", "passed": False, "value": 0.13, "threshold": 0.12, "note": "higher"},
]
DECISION: dict[str, Any] = {"model_name": "m", "trigger_reason": "drift", "action": "reject"}
EVERYTHING = {
    **DECISION,
    "drift_context": {"features": ["hour"]},
    "data_context": {"rows": 1000},
    "decision_details": {"seconds": 2.5},
    "gate_results": GATES,
    "reasoning": "one gate failed",
    "labeled_samples": 870,
    "coverage_pct": 97.5,
    "decided_by": "gate",
    "timestamp": NOON,
}


OTHER_CONTENT = [
    ("trigger_reason", "scheduled"),
    ("action", "pending"),
    ("drift_context", {}),
    ("data_context", {"rows": 1001}),
    ("decision_details", {"seconds": 2}),
    ("gate_results", GATES[:1]),
    ("reasoning", None),
    ("labeled_samples", 871),
    ("coverage_pct", 97),
    ("decided_by", "someone"),
    ("timestamp", NOON + HOUR),
]


REFUSED = [
    ("action", "maybe"),
    ("trigger_reason", ""),
    ("trigger_reason", "x" * 256),
    ("drift_context", []),
    ("data_context", "text"),
    ("decision_details", 5),
    ("gate_results", {"gate": "a", "passed": True}),
    ("gate_results", [{"gate": "a"}]),
    ("gate_results", [{"gate": "a", "passed": "yes"}]),
    ("gate_results", [{"gate": "a", "passed": True, "higher_is_better": "yes"}]),
    ("gate_results", ["a"]),
    ("gate_results", [None]),
    ("gate_results", [[{"gate": "a", "passed": True}]]),
    ("gate_results[0].value", [{"gate": "a", "passed": True, "value": float("inf")}]),
    ("labeled_samples", -1),
    ("coverage_pct", -0.5),
    ("timestamp", datetime(2026, 1, 1)),
    ("timestamp", datetime(2100, 1, 1, tzinfo=UTC)),
]


@pytest.fixture
def candidate(models: ModelVersionRepository) -> UUID:
    """Version 2 of model m; version 1 is in production since a day before noon."""
    models.insert(model_name="m")
    models.promote(model_name="m", model_version="1", at=NOON - DAY)
    return models.insert(model_name="m")


@pytest.fixture
def pending(decisions: RetrainingDecisionsRepository, candidate: UUID) -> UUID:
    """A pending decision on that candidate."""
    return decisions.insert(
        **{**EVERYTHING, "action": "pending", "candidate_version_id": candidate}
    )


def test_insert_keeps_every_field(
    models: ModelVersionRepository,
    monitoring: MonitoringMetricsRepository,
    decisions: RetrainingDecisionsRepository,
    candidate: UUID,
) -> None:
    run = monitoring.insert(
        model_name="m", timestamp=NOON, lookback_hours=24, num_predictions=1
    )
    production = models.get(model_name="m", model_version="1")
    assert production is not None
    given = {
        **EVERYTHING,
        "candidate_version_id": candidate,
        "production_version_id": production.id,
        "monitoring_run_id": run,
    }
    decision = decisions.get(id=decisions.insert(**given))
    assert decision is not None
    assert {name: getattr(decision, name) for name in given} == given


def test_insert_fills_in_the_version_in_production_then(
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
    candidate: UUID,
) -> None:
    models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    first = models.get(model_name="m", model_version="1")
    assert first is not None
    for at, expected in ((NOON - 2 * DAY, None), (NOON, first.id), (NOON + HOUR, candidate)):
        decision = decisions.get(id=decisions.insert(**DECISION, timestamp=at))
        assert decision is not None
        assert decision.production_version_id == expected


def test_insert_fills_in_what_is_left_out(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    decision = decisions.get(id=decisions.insert(**{**DECISION, "action": "Reject"}))
    assert decision is not None
    assert decision.action == "reject"
    assert (decision.drift_context, decision.gate_results) == ({}, [])
    assert decision.decided_by
    assert abs(datetime.now(UTC) - decision.timestamp) < timedelta(minutes=1)


def test_the_same_decision_again_returns_its_id(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    given = new_id()
    for _ in range(2):
        assert decisions.insert(**EVERYTHING, id=given) == given
    assert len(decisions.list_decisions()) == 1


def test_a_repeat_is_found_without_a_time_of_its_own(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    given = new_id()
    for _ in range(2):
        assert decisions.insert(**DECISION, id=given) == given


def test_other_content_under_the_same_id_is_a_conflict(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    given = decisions.insert(**EVERYTHING)
    for field, value in OTHER_CONTENT:
        with pytest.raises(Conflict, match=r"^id: already names another decision"):
            decisions.insert(**{**EVERYTHING, field: value}, id=given)
    assert len(decisions.list_decisions()) == 1


def test_a_refused_value_is_named(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    for field, value in REFUSED:
        argument = field.partition("[")[0]
        with pytest.raises(InvalidValue) as refusal:
            decisions.insert(**{**DECISION, argument: value})
        assert refusal.value.field == field
        assert decisions.list_decisions() == []


def test_a_decision_to_promote_names_its_candidate(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    with pytest.raises(InvalidValue, match=r"^candidate_version_id: is needed"):
        decisions.insert(**{**DECISION, "action": "promote"})


def test_what_a_decision_names_must_be_there(
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
    candidate: UUID,
) -> None:
    foreign = models.insert(model_name="other")
    for field in ("candidate_version_id", "production_version_id"):
        for wrong in (foreign, new_id()):
            with pytest.raises(NotFound, match=f"^{field}: names no version of this model"):
                decisions.insert(**DECISION, **{field: wrong})
    with pytest.raises(NotFound, match=r"^monitoring_run_id: "):
        decisions.insert(**DECISION, monitoring_run_id=new_id())
    with pytest.raises(NotFound, match=r"^resolves_id: "):
        decisions.insert(**DECISION, resolves_id=new_id())
    with pytest.raises(NotFound, match="no model of that name"):
        decisions.insert(**{**DECISION, "model_name": "unknown"})
    assert decisions.list_decisions() == []


def test_resolving_takes_over_the_evidence(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    resolution = decisions.resolve(
        decision_id=pending,
        action="Promote",
        decided_by="ann",
        reasoning="looks good",
        decision_details={"ticket": 7},
        timestamp=NOON + HOUR,
    )
    old, new = decisions.get(id=pending), decisions.get(id=resolution)
    assert old is not None
    assert new is not None
    assert (old.action, new.action, new.resolves_id) == ("pending", "promote", pending)
    for name in (
        "model_name",
        "candidate_version_id",
        "production_version_id",
        "trigger_reason",
        "gate_results",
        "drift_context",
        "data_context",
        "labeled_samples",
        "coverage_pct",
    ):
        assert getattr(new, name) == getattr(old, name)
    assert (new.decided_by, new.reasoning) == ("ann", "looks good")
    assert (new.decision_details, new.timestamp) == ({"ticket": 7}, NOON + HOUR)


def test_the_resolution_allows_the_promotion(
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
    pending: UUID,
) -> None:
    resolution = decisions.resolve(decision_id=pending, action="promote")
    deployment = models.promote(model_name="m", model_version="2", decision_id=resolution)
    assert deployment.decision_id == resolution


def test_a_decision_is_resolved_once(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    given = new_id()
    for _ in range(2):
        made = decisions.resolve(decision_id=pending, action="reject", id=given)
        assert made == given
    with pytest.raises(Conflict, match="already been resolved"):
        decisions.resolve(decision_id=pending, action="promote")
    with pytest.raises(Conflict, match=r"^id: already names another decision"):
        decisions.resolve(decision_id=pending, action="promote", id=given)
    assert len(decisions.list_decisions()) == 2


def test_only_a_pending_decision_can_be_resolved(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    resolution = decisions.resolve(decision_id=pending, action="reject")
    with pytest.raises(Conflict, match="is not pending but reject"):
        decisions.resolve(decision_id=resolution, action="promote")
    with pytest.raises(NotFound, match="there is no decision"):
        decisions.resolve(decision_id=new_id(), action="reject")


def test_a_resolution_promotes_or_rejects(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    for action in ("pending", "maybe"):
        with pytest.raises(InvalidValue, match=r"^action: must be promote"):
            decisions.resolve(decision_id=pending, action=action)
    assert [d.id for d in decisions.list_pending()] == [pending]


def test_a_decision_without_candidate_cannot_resolve_to_promote(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    waiting = decisions.insert(**{**DECISION, "action": "pending"})
    with pytest.raises(InvalidValue, match=r"^candidate_version_id: is needed"):
        decisions.resolve(decision_id=waiting, action="promote")


def test_pending_decisions_are_listed_oldest_first_until_resolved(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    waiting = {**DECISION, "action": "pending"}
    older = decisions.insert(**waiting, timestamp=NOON - HOUR)
    newer = decisions.insert(**waiting, timestamp=NOON + HOUR)
    decisions.insert(**DECISION)
    assert [d.id for d in decisions.list_pending(model_name="m")] == [older, pending, newer]
    assert [d.id for d in decisions.list_pending(limit=1)] == [older]
    decisions.resolve(decision_id=older, action="reject")
    assert [d.id for d in decisions.list_pending()] == [pending, newer]
    assert decisions.list_pending(model_name="unknown") == []


def test_lists_can_be_narrowed(
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
    candidate: UUID,
) -> None:
    models.insert(model_name="other")
    one = decisions.insert(**DECISION, timestamp=NOON)
    two = decisions.insert(**{**DECISION, "action": "pending"}, timestamp=NOON + HOUR)
    three = decisions.insert(**{**DECISION, "model_name": "other"}, timestamp=NOON + 2 * HOUR)

    def found(**filters: object) -> list[UUID]:
        return [decision.id for decision in decisions.list_decisions(**filters)]

    assert found() == [three, two, one]
    assert found(model_name="m") == [two, one]
    assert found(action="Reject") == [three, one]
    assert found(since=NOON + HOUR) == [three, two]
    assert found(until=NOON + HOUR) == [one]
    assert found(since=NOON, until=NOON + 2 * HOUR, action="pending") == [two]
    latest = decisions.latest(model_name="m")
    newest = decisions.latest()
    assert latest is not None
    assert newest is not None
    assert (latest.id, newest.id) == (two, three)
    assert decisions.latest(model_name="unknown") is None
    assert decisions.get(id=new_id()) is None


def test_pages_hold_every_decision_once(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    made = [
        (hour, decisions.insert(**DECISION, timestamp=NOON + hour * HOUR))
        for hour in (0, 0, 0, 0, 0, 1, 1, 1, 1, 2)
    ]
    seen, before = [], None
    while page := decisions.list_decisions(limit=3, before=before):
        assert len(page) <= 3
        assert before not in [decision.id for decision in page]
        seen += [decision.id for decision in page]
        before = page[-1].id
    assert seen == [made_id for _, made_id in sorted(made, reverse=True)]


def test_the_acceptance_rate_counts_a_resolved_decision_once(
    decisions: RetrainingDecisionsRepository, candidate: UUID
) -> None:
    promote = {**DECISION, "action": "promote", "candidate_version_id": candidate}
    waiting = {**DECISION, "action": "pending", "candidate_version_id": candidate}
    decisions.insert(**promote, timestamp=NOON)
    decisions.insert(**promote, timestamp=NOON + DAY)
    decisions.insert(**DECISION, timestamp=NOON + HOUR)
    decisions.insert(**waiting, timestamp=NOON)
    resolution = decisions.insert(**waiting, timestamp=NOON)
    decisions.resolve(decision_id=resolution, action="promote", timestamp=NOON + HOUR)
    rate = decisions.acceptance_rate(model_name="m", days=1, until=NOON + DAY)
    assert (rate.promoted, rate.rejected, rate.pending) == (2, 1, 1)
    assert rate.acceptance_rate == pytest.approx(2 / 3)
    everything = decisions.acceptance_rate(days=7, until=NOON + 2 * DAY)
    assert everything.promoted == 3


def test_the_acceptance_rate_of_nothing_is_none(
    decisions: RetrainingDecisionsRepository, pending: UUID
) -> None:
    nothing = decisions.acceptance_rate(model_name="unknown")
    assert (nothing.promoted, nothing.rejected, nothing.pending) == (0, 0, 0)
    assert nothing.acceptance_rate is None
    with pytest.raises(InvalidValue, match=r"^days: "):
        decisions.acceptance_rate(days=-1)
