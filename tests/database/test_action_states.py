"""The states of an action, for everyone who writes: the functions, and plain SQL."""

from __future__ import annotations

from itertools import product
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

UPDATE = "UPDATE agent_actions SET {} WHERE id = %s"
INSERT = "INSERT INTO agent_actions (action_type, risk_level, {}) VALUES ('retrain', 'low', {})"
# Every state that an action can be in, by whether it needs an approval.
STATES = (
    "pending",
    "approved",
    "rejected",
    "executed",
    "failed",
    "expired",
    "over",
    "approved, over",
)
LEGAL = {
    (True, "pending"): {"approved", "rejected"},
    (False, "pending"): {"approved", "rejected", "executed", "failed"},
    (True, "approved"): {"executed", "failed"},
    (False, "approved"): {"executed", "failed"},
    (True, "over"): {"expired"},
    (False, "over"): {"expired"},
    (True, "approved, over"): {"expired"},
    (False, "approved, over"): {"expired"},
}
FUNCTIONS = {
    "approved": "approve_action(%s, 'bob')",
    "rejected": "reject_action(%s, 'bob')",
    "executed": "execute_action(%s, 'bob')",
    "failed": "execute_action(%s, 'bob', succeeded => false)",
}
UPDATES = {
    "pending": "status = 'pending'",
    "approved": "status = 'approved', reviewed_by = 'bob'",
    "rejected": "status = 'rejected', reviewed_by = 'bob'",
    "executed": "status = 'executed', executed_by = 'bob', result = '{}'",
    "failed": "status = 'failed', executed_by = 'bob', result = '{}'",
    "expired": "status = 'expired'",
    "done": "status = 'done'",
}
# What nobody may write, whatever the state of the action.
CHANGES = [
    "action_type = 'other'",
    "description = 'other'",
    "parameters = '{\"a\": 1}'",
    "risk_level = 'low'",
    "requires_approval = NOT requires_approval",
    "requested_by = 'other'",
    "requested_at = requested_at - interval '1 hour'",
    "model_name = 'm'",
    "issue_id = '7'",
    "expires_at = now() + interval '1 hour'",
    "reviewed_by = 'cid'",
    "reviewed_at = '2026-01-01Z'",
    "review_comment = 'other'",
    "executed_by = 'cid'",
    "executed_at = '2026-01-01Z'",
    "result = '{\"a\": 1}'",
    "id = ledger_uuid()",
    "status = status",
]


@pytest.fixture
def actions(conn: psycopg.Connection) -> psycopg.Connection:
    """A database with a model; its user asks for actions as `agent`."""
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    return conn


def request(conn: psycopg.Connection, state: str, needed: bool = True) -> UUID:
    """Make an action in some state; "over" is one past its time that nobody has marked."""
    row = conn.execute(
        "INSERT INTO agent_actions (action_type, risk_level, requires_approval, requested_by,"
        " requested_at) VALUES ('retrain', 'high', %s, 'agent', now() - interval '1 hour')"
        " RETURNING id",
        [needed],
    ).fetchone()
    assert row is not None
    if state in ("approved", "executed", "failed", "approved, over"):
        conn.execute("SELECT approve_action(%s, 'ann')", row)
    if state == "rejected":
        conn.execute("SELECT reject_action(%s, 'ann')", row)
    if state in ("executed", "failed"):
        conn.execute("SELECT execute_action(%s, 'ann', NULL, %s)", [*row, state == "executed"])
    if state in ("over", "approved, over", "expired"):
        # As the owner of the table, instead of waiting for the time.
        with conn.transaction():
            conn.execute("ALTER TABLE agent_actions DISABLE TRIGGER agent_actions_before_update")
            conn.execute(
                "UPDATE agent_actions SET expires_at = now() - interval '1 minute' WHERE id = %s",
                row,
            )
            conn.execute("ALTER TABLE agent_actions ENABLE TRIGGER agent_actions_before_update")
    if state == "expired":
        conn.execute("UPDATE agent_actions SET status = 'expired' WHERE id = %s", row)
    made: UUID = row[0]
    return made


def content(conn: psycopg.Connection, action: UUID) -> tuple[object, ...]:
    """Return the whole row."""
    row = conn.execute("SELECT * FROM agent_actions WHERE id = %s", [action]).fetchone()
    assert row is not None
    return row


def test_what_is_past_its_time_is_marked_whether_approved_or_not(conn: psycopg.Connection) -> None:
    for state in ("over", "approved, over", "approved", "executed"):
        request(conn, state)
    assert conn.execute("SELECT expire_actions()").fetchone() == (2,)
    rows = conn.execute("SELECT status, count(*) FROM agent_actions GROUP BY status").fetchall()
    assert dict(rows) == {"expired": 2, "approved": 1, "executed": 1}


def attempt(conn: psycopg.Connection, statement: str, action: UUID) -> psycopg.Error | None:
    """Run a statement, undo it, and return its error."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(statement.encode(), [action])
    except psycopg.Error as error:
        return error
    return None


@pytest.mark.parametrize("needed", [True, False])
def test_an_action_goes_only_where_it_may(actions: psycopg.Connection, needed: bool) -> None:
    problems = []
    for state in STATES:
        action = request(actions, state, needed)
        before = content(actions, action)
        legal = LEGAL.get((needed, state), set())
        tries = [
            *((target, f"SELECT {call}") for target, call in FUNCTIONS.items()),
            *((target, UPDATE.format(change)) for target, change in UPDATES.items()),
        ]
        for target, statement in tries:
            error = attempt(actions, statement, action)
            if (error is None) != (target in legal):
                problems.append(f"{state} → {target}: {statement}: {error}")
            elif error is not None and error.sqlstate not in {"MLCF0", "MLAO0"}:
                problems.append(f"{state} → {target}: {statement}: {error.sqlstate}")
            elif error is not None and error.sqlstate == "MLCF0" and str(action) not in str(error):
                problems.append(f"{state} → {target}: does not say which: {error}")
        assert content(actions, action) == before
    assert problems == []


def test_what_is_written_stays(actions: psycopg.Connection) -> None:
    made = {state: request(actions, state) for state in STATES}
    problems = []
    for state, change in product(STATES, CHANGES):
        error = attempt(actions, UPDATE.format(change), made[state])
        if error is None or error.sqlstate not in {"MLCF0", "MLAO0"}:
            problems.append(f"{state}: {change}: {error}")
    # Nor together with a step that is legal.
    for change in CHANGES[:10]:
        statement = UPDATE.format(f"{UPDATES['approved']}, {change}")
        error = attempt(actions, statement, made["pending"])
        if error is None or error.sqlstate != "MLAO0":
            problems.append(f"approve with {change}: {error}")
    assert problems == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM agent_actions",
        "TRUNCATE agent_actions CASCADE",
        "TRUNCATE model_versions CASCADE",
    ],
)
def test_actions_are_never_deleted(actions: psycopg.Connection, statement: str) -> None:
    request(actions, "rejected")
    with pytest.raises(psycopg.Error) as refusal:
        actions.execute(statement.encode())
    assert refusal.value.sqlstate == "MLAO0"
    assert actions.execute("SELECT count(*) FROM agent_actions").fetchone() == (1,)


@pytest.mark.parametrize(
    "values",
    [
        {"status": "approved", "reviewed_by": "ann"},
        {"status": "executed", "executed_by": "ann", "result": "{}"},
        {"reviewed_by": "ann", "reviewed_at": "2026-01-01Z"},
        {"executed_by": "ann"},
        {"result": "{}"},
    ],
)
def test_an_action_begins_as_pending(actions: psycopg.Connection, values: dict[str, str]) -> None:
    statement = INSERT.format(", ".join(values), ", ".join(["%s"] * len(values)))
    with pytest.raises(psycopg.Error) as refusal:
        actions.execute(statement.encode(), list(values.values()))
    assert refusal.value.sqlstate in {"MLIV0", "23514"}


def test_the_clock_of_the_database_counts(actions: psycopg.Connection) -> None:
    action = request(actions, "pending")
    actions.execute(
        "UPDATE agent_actions SET status = 'approved', reviewed_by = 'ann',"
        " reviewed_at = '2001-01-01Z' WHERE id = %s",
        [action],
    )
    row = actions.execute(
        "SELECT clock_timestamp() - reviewed_at < interval '1 minute' FROM agent_actions"
    ).fetchone()
    assert row == (True,)


def test_the_reviewer_is_somebody_else_for_plain_sql_too(actions: psycopg.Connection) -> None:
    action = request(actions, "pending")
    error = attempt(
        actions,
        "UPDATE agent_actions SET status = 'approved', reviewed_by = ' AGENT ' WHERE id = %s",
        action,
    )
    assert error is not None
    assert error.diag.constraint_name == "agent_actions_reviewer_check"


@pytest.mark.parametrize(
    "spelling",
    [
        "\uff21gent",  # full width
        "agent\u200b",  # zero width space
        "\ufeff agent",  # byte order mark
        "a\u00adgent",  # soft hyphen
        "\u2003agent\u00a0",  # blanks of other widths
        "agent\u2067",  # a change of direction
        "agent\U000e0100",  # a variation selector beyond the first plane
        "agent\U000e0001",  # a language tag
        "agent\u3164",  # a filler that counts as a letter
    ],
)
def test_the_reviewer_is_not_the_requester_in_another_spelling(
    actions: psycopg.Connection, spelling: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        actions.execute("SELECT approve_action(%s, %s)", [request(actions, "pending"), spelling])
    assert refusal.value.diag.constraint_name == "agent_actions_reviewer_check"


@pytest.mark.parametrize("step", ["approve", "execute"])
def test_a_name_that_cannot_be_seen_is_none(actions: psycopg.Connection, step: str) -> None:
    action = request(actions, "pending", needed=False)
    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        actions.execute(f"SELECT {step}_action(%s, %s)".encode(), [action, "\u200b "])
    column = {"approve": "reviewed_by", "execute": "executed_by"}[step]
    assert refusal.value.diag.constraint_name == f"agent_actions_{column}_check"


def test_the_right_to_execute_is_not_the_right_to_review(actions: psycopg.Connection) -> None:
    role = sql.Identifier(f"test_{uuid4().hex}")
    waiting, free = request(actions, "pending"), request(actions, "pending", needed=False)
    with actions.transaction(force_rollback=True):
        for statement in (
            "CREATE ROLE {}",
            "GRANT SELECT, INSERT, UPDATE (status, executed_by, result) ON agent_actions TO {}",
            "GRANT EXECUTE ON FUNCTION execute_action TO {}",
            "SET LOCAL ROLE {}",
        ):
            actions.execute(sql.SQL(statement).format(role))
        for statement in ("SELECT approve_action(%s, 'ann')", UPDATE.format(UPDATES["approved"])):
            error = attempt(actions, statement, waiting)
            assert isinstance(error, psycopg.errors.InsufficientPrivilege)
        error = attempt(actions, UPDATE.format("status = 'approved'"), waiting)
        assert error is not None
        assert error.diag.constraint_name == "agent_actions_review_check"
        assert attempt(actions, "SELECT execute_action(%s, 'job')", free) is None


def test_a_deployment_by_hand_needs_what_the_policy_requires(live: psycopg.Connection) -> None:
    live.execute(
        "INSERT INTO promotion_policies (model_name, requires_approval) VALUES ('m', true)"
    )
    [first] = live.execute("SELECT id FROM model_deployments ORDER BY deployed_at").fetchone()
    deploy = (
        "INSERT INTO model_deployments (slot_id, model_name, model_version_id, deployed_at,"
        " retired_at, restores_id) SELECT s.id, 'm', v.id, '2026-01-01 10:00Z',"
        " '2026-01-01 11:00Z', {} FROM model_slots s, model_versions v"
        " WHERE v.model_version = '{}'"
    )
    # Version 3 was never there, so that there is nothing to restore.
    for restored in ("NULL", f"'{first}'"):
        with pytest.raises(psycopg.Error) as refusal:
            live.execute(deploy.format(restored, "3").encode())
        assert refusal.value.sqlstate == "MLPR0"
    live.execute(deploy.format(f"'{first}'", "1").encode())


def test_policies_are_not_truncated_past_the_audit_log(live: psycopg.Connection) -> None:
    live.execute(
        "INSERT INTO promotion_policies (model_name, requires_approval) VALUES ('m', true)"
    )
    with pytest.raises(psycopg.Error) as refusal:
        live.execute("TRUNCATE promotion_policies")
    assert refusal.value.sqlstate == "MLAO0"


def test_a_promotion_waits_for_the_policy_that_is_being_set(
    live: psycopg.Connection, dsn: str
) -> None:
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SET lock_timeout = '50ms'")
        with live.transaction():
            live.execute(
                "INSERT INTO promotion_policies (model_name, requires_approval) VALUES ('m', true)"
            )
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("SELECT promote('m', '3')")
        with pytest.raises(psycopg.Error) as refusal:
            other.execute("SELECT promote('m', '3')")
        assert refusal.value.sqlstate == "MLPR0"


def test_pending_actions_are_seen_with_what_they_are_about(actions: psycopg.Connection) -> None:
    for state in STATES:
        request(actions, state)
    actions.execute(
        "INSERT INTO agent_actions (action_type, risk_level, model_name, model_version_id)"
        " SELECT 'promote', 'low', 'm', id FROM model_versions"
    )
    rows = actions.execute(
        "SELECT action_type, model_version, requires_approval,"
        " waiting_for > interval '50 minutes' FROM v_pending_actions ORDER BY requested_at"
    ).fetchall()
    assert rows == [("retrain", None, True, True), ("promote", "1", False, False)]


def test_the_decision_history_tells_who_approved(live: psycopg.Connection) -> None:
    live.execute(
        "INSERT INTO retraining_decisions"
        " (model_name, trigger_reason, action, candidate_version_id)"
        " SELECT 'm', 'drift', 'promote', id FROM model_versions WHERE model_version = '3'"
    )
    row = live.execute(
        "INSERT INTO agent_actions (action_type, risk_level, model_name, requested_by)"
        " VALUES ('promote', 'high', 'm', 'agent') RETURNING id"
    ).fetchone()
    live.execute("SELECT approve_action(%s, 'ann')", row)
    live.execute(
        "SELECT promote(decision_id => (SELECT id FROM retraining_decisions), action_id => %s)", row
    )
    told = live.execute(
        "SELECT action_id, approved_by, approved_at <= deployed_at FROM v_decision_history"
    ).fetchone()
    assert told == (*row, "ann", True)
