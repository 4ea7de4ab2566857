"""A person decides: what is pending, resolving it, and promoting on that decision."""

from __future__ import annotations

import pytest

from mlops_ledger import ModelVersionRepository, RetrainingDecisionsRepository


@pytest.fixture
def pending(ledger) -> str:
    """A pending decision on version 2 of model m."""
    candidate = ModelVersionRepository(ledger).get(model_name="m", model_version="2").id
    return str(
        RetrainingDecisionsRepository(ledger).insert(
            model_name="m",
            trigger_reason="drift",
            action="pending",
            candidate_version_id=candidate,
        )
    )


def test_a_pending_decision_is_resolved_and_promoted_from_the_command_line(
    run, answer, pending
) -> None:
    assert [row["id"] for row in answer("decisions", "pending", "--model", "m")] == [pending]
    refused = run("models", "promote", "--decision", pending)
    assert refused.exit_code == 2
    assert "pending" in refused.stderr
    resolution = run("decisions", "resolve", pending, "promote", "--by", "ann").stdout.strip()
    assert answer("decisions", "pending") == []
    live = answer("models", "promote", "--decision", resolution)
    assert (live["model_version"], live["decision_id"]) == ("2", resolution)
    assert run("decisions", "resolve", pending, "reject").exit_code == 2


def test_tags_are_set_and_taken_away(run, answer, ledger) -> None:
    assert answer("models", "tag", "m", "1", "team=ops", "tier=1") == {"team": "ops", "tier": "1"}
    assert answer("models", "tag", "m", "1", "tier=") == {"team": "ops"}
    assert run("models", "tag", "m", "9", "a=b").exit_code == 2


def test_a_filter_that_nothing_could_match_is_refused(run, ledger) -> None:
    for command in (("models", "list", "--stage", "live"), ("decisions", "list", "--action", "x")):
        refused = run(*command)
        assert refused.exit_code == 2
        assert len(refused.stderr.splitlines()) == 1
