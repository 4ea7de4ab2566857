"""Many reviewers, executors and promotions of the same actions at once."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from fix_faults import full, in_threads

from mlops_ledger import AgentActionsRepository, Database, ModelVersionRepository, Settings
from mlops_ledger.errors import Conflict, PromotionRefused
from mlops_ledger.rows import AgentAction, Deployment

REVIEWERS = 50
CONNECTIONS = 20
PER_ACTION = 10

# Rows that no order of legal steps could have made.
IMPOSSIBLE = """
SELECT count(*) FROM agent_actions
WHERE status IN ('approved', 'rejected') AND reviewed_by IS NULL
   OR status IN ('executed', 'failed')
      AND (executed_by IS NULL OR requires_approval AND reviewed_by IS NULL)
   OR status NOT IN ('executed', 'failed') AND executed_by IS NOT NULL
   OR status = 'pending' AND reviewed_by IS NOT NULL
   OR status = 'expired' AND (expires_at IS NULL OR expires_at > clock_timestamp())
   OR expires_at <= reviewed_at OR expires_at <= executed_at OR executed_at < reviewed_at
"""


def test_of_fifty_reviewers_at_once_one_wins(dsn: str) -> None:
    settings = Settings(conninfo=dsn, pool_min_size=REVIEWERS, pool_max_size=REVIEWERS)
    with Database(settings) as db:
        actions = AgentActionsRepository(db)
        for _ in range(full(20, 2)):
            action = actions.insert(action_type="scale", risk_level="high", requested_by="agent")
            [winner], lost = race(REVIEWERS, partial(review, actions, action))
            assert actions.get(id=action) == winner
            told = f"action {action} was already {winner.status} by {winner.reviewed_by} at "
            assert len(lost) == REVIEWERS - 1
            assert [error for error in lost if not str(error).startswith(told)] == []


def test_two_promotions_with_one_action(dsn: str, conn: psycopg.Connection) -> None:
    with Database(dsn) as db:
        models, actions = ModelVersionRepository(db), AgentActionsRepository(db)
        for _ in range(2):
            models.insert(model_name="m")
        for _ in range(full(200, 20)):
            action = actions.insert(
                action_type="promote", risk_level="high", model_name="m", requested_by="agent"
            )
            actions.approve(id=action, reviewed_by="ann")
            [winner], [refusal] = race(2, partial(promote, models, action))
            assert isinstance(refusal, PromotionRefused)
            assert f"was already marked executed by {winner.deployed_by} at " in str(refusal)
            used = actions.get(id=action)
            assert used is not None
            assert used.result == {"deployment_id": str(winner.id)}
    twice = conn.execute(
        "SELECT count(*) - count(DISTINCT action_id) FROM model_deployments"
        " WHERE action_id IS NOT NULL"
    ).fetchone()
    assert twice == (0,)


def test_random_interleavings_leave_no_illegal_state_and_no_lost_update(
    dsn: str, conn: psycopg.Connection
) -> None:
    steps = full(10_000, 300)
    chance = random.Random(11)
    # Each step that was done, by action: who did it and what it made of the action.
    done: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
    lost: list[tuple[UUID, str]] = []
    with Database(Settings(conninfo=dsn, pool_max_size=CONNECTIONS)) as db:
        actions = AgentActionsRepository(db)
        made = [
            actions.insert(
                action_type="scale",
                risk_level="low",
                requires_approval=chance.random() < 0.7,
                requested_by="agent",
                requested_at=datetime.now(UTC) - timedelta(hours=1),
                expires_at=expiry(chance),
            )
            for _ in range(steps // PER_ACTION)
        ]
        calls = {
            "approved": lambda id, who: actions.approve(id=id, reviewed_by=who),
            "rejected": lambda id, who: actions.reject(id=id, reviewed_by=who),
            "executed": lambda id, who: actions.mark_executed(id=id, executed_by=who),
            "failed": lambda id, who: actions.mark_failed(id=id, executed_by=who),
        }

        def work(number: int) -> None:
            own = random.Random(number)
            for _ in range(steps // CONNECTIONS):
                action, target = own.choice(made), own.choice([*calls, "expired"])
                if target == "expired":
                    actions.expire()
                    continue
                try:
                    calls[target](action, f"p{number}")
                    done[action].add((target, f"p{number}"))
                except Conflict as error:
                    lost.append((action, str(error)))

        in_threads(CONNECTIONS, work)
        final = {action: actions.get(id=action) for action in made}
    assert conn.execute(IMPOSSIBLE).fetchone() == (0,)
    for action, row in final.items():
        assert row is not None
        reviews = {step for step in done[action] if step[0] in {"approved", "rejected"}}
        verdict = "rejected" if row.status == "rejected" else "approved"
        assert reviews == ({(verdict, row.reviewed_by)} if row.reviewed_by else set())
        ends = done[action] - reviews
        assert ends == ({(row.status, row.executed_by)} if row.executed_by else set())
    assert len(lost) > steps // 10
    for action, error in lost:
        assert explained(error, action, done[action]), error


def race(count: int, call: Callable[[int], Any]) -> tuple[list[Any], list[Conflict]]:
    """Make a call from so many threads at once; return what came back and the conflicts."""

    def attempt(number: int) -> Any:
        try:
            return call(number)
        except Conflict as error:
            return error

    outcomes = in_threads(count, attempt)
    lost = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    return [outcome for outcome in outcomes if outcome not in lost], lost


def review(actions: AgentActionsRepository, action: UUID, number: int) -> AgentAction:
    """Approve or reject, by the number of the thread."""
    call = actions.reject if number % 2 else actions.approve
    return call(id=action, reviewed_by=f"person {number}")


def promote(models: ModelVersionRepository, action: UUID, number: int) -> Deployment:
    """Promote a version of its own into a slot of its own."""
    return models.promote(
        model_name="m",
        model_version=str(number + 1),
        slot=f"slot{number}",
        promoted_by=f"job {number}",
        action_id=action,
    )


def expiry(chance: random.Random) -> datetime | None:
    """Choose between an action that is over, one that will soon be, and one that never is."""
    seconds = chance.choice([-60.0, chance.uniform(0, full(10, 1)), None, None])
    return None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)


def explained(error: str, action: UUID, done: set[tuple[str, str]]) -> bool:
    """Whether an error says which action, and what became of it by whom."""
    told = re.match(
        rf"action {action} (?:was already (?:marked )?(\w+) by (p\d+) at 20|expired at 20"
        r"|is still pending and needs an approval)",
        error,
    )
    return bool(told) and (told[1] is None or (told[1], told[2]) in done)
