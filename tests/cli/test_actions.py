"""mlops-ledger actions and mlops-ledger models policy."""

from __future__ import annotations

from uuid import UUID

import pytest

from mlops_ledger import new_id


@pytest.fixture
def requested(run, ledger) -> str:
    """A request of `agent` to promote version 2 of model m."""
    made = run(
        *("actions", "request", "promote", "--risk", "high", "--by", "agent"),
        *("--model", "m", "--version", "2", "--issue", "drift-17"),
        *("--description", "the candidate is better", "--parameters", '{"slot": "production"}'),
    )
    assert made.exit_code == 0, made.stderr
    return made.stdout.strip()


def test_an_approved_action_promotes(run, answer, requested) -> None:
    policy = answer("models", "policy", "m", "--require-approval", "--by", "ann")
    assert (policy["requires_approval"], policy["requires_decision"]) == (True, False)
    refused = run("models", "promote", "m", "2")
    assert refused.exit_code == 2
    assert "the policy of model m requires an approval" in refused.stderr
    assert [row["id"] for row in answer("actions", "list", "--pending")] == [requested]
    own = run("actions", "approve", requested, "--by", "Agent")
    assert own.exit_code == 2
    assert "nobody reviews an action of their own" in own.stderr
    approved = answer("actions", "approve", requested, "--by", "ann", "--comment", "go")
    assert (approved["status"], approved["review_comment"]) == ("approved", "go")
    late = run("actions", "reject", requested, "--by", "bob")
    assert late.exit_code == 2
    assert late.stderr.startswith(f"error: action {requested} was already approved by ann at 20")
    live = answer("models", "promote", "--action", requested, "--by", "job")
    assert (live["model_version"], live["action_id"]) == ("2", requested)
    used = answer("actions", "show", requested)
    assert (used["status"], used["result"]) == ("executed", {"deployment_id": live["id"]})
    assert answer("models", "timeline", "--model", "m")[0]["approved_by"] == "ann"


def test_what_came_of_an_action_is_recorded(run, answer) -> None:
    made = [run("actions", "request", "scale", "--risk", "low").stdout.strip() for _ in range(2)]
    done = answer("actions", "execute", made[0], "--result", '{"replicas": 3}', "--by", "job")
    assert (done["status"], done["result"], done["executed_by"]) == (
        "executed",
        {"replicas": 3},
        "job",
    )
    assert answer("actions", "fail", made[1])["status"] == "failed"
    assert [row["id"] for row in answer("actions", "list", "--status", "failed")] == [made[1]]
    assert len(answer("actions", "list", "--type", "scale", "--risk", "LOW")) == 2
    assert run("actions", "list", "--model", "m").exit_code == 2
    lines = run("actions", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["id", *reversed(made)]


def test_a_request_can_be_repeated_and_expires(run, answer) -> None:
    given = str(new_id())
    request = ("actions", "request", "scale", "--risk", "high", "--requires-approval")
    for _ in range(2):
        made = run(*request, "--id", given, "--expires", "2999-01-01T00:00Z", "--by", "agent")
        assert made.stdout.strip() == given
    assert UUID(answer("actions", "show", given)["id"])
    assert answer("actions", "expire") == {"expired": 0}
    assert run("actions", "expire").stdout == "0 expired\n"


def test_a_rejection_tells_why(run, requested) -> None:
    shown = run("actions", "reject", requested, "--by", "ann", "--comment", "not on a Friday")
    assert shown.exit_code == 0
    assert "not on a Friday" in shown.stdout
    assert run("actions", "list", "--pending").stdout == "(none)\n"


def test_a_policy_is_shown_and_changed(run, answer, ledger) -> None:
    nothing = run("models", "policy", "m")
    assert (nothing.exit_code, "needs nothing" in nothing.stdout) == (0, True)
    assert answer("models", "policy", "m") is None
    answer("models", "policy", "m", "--slot", "eu", "--require-decision", "--require-approval")
    changed = answer("models", "policy", "m", "--slot", "eu", "--no-require-decision")
    assert (changed["requires_decision"], changed["requires_approval"]) == (False, True)
    assert answer("models", "policy", "m", "--slot", "eu") == changed
    assert answer("models", "policy", "m") is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", str(new_id())),
        ("approve", str(new_id())),
        ("approve", "7"),
        ("request", "scale"),
        ("request", "scale", "--risk", "huge"),
        ("request", "scale", "--risk", "low", "--parameters", "[1]"),
        ("request", "scale", "--risk", "low", "--model", "unknown"),
        ("list", "--pending", "--status", "approved"),
        ("list", "--limit", "0"),
        ("request", "promote", "--risk", "high", "--version", "2"),
        ("request", "promote", "--risk", "high", "--model", "m", "--version", "9"),
    ],
)
def test_a_mistake_is_refused_in_one_line(run, arguments) -> None:
    refused = run("actions", *arguments)
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
