"""What the database itself refuses to do to an alert, whoever asks."""

from __future__ import annotations

import psycopg
import pytest

CHANGE = "UPDATE alerts SET {}"

# States that no alert can have, and the constraint that says so.
STATES = [
    ("status = 'open'", "status"),
    ("status = 'acknowledged'", "state"),
    ("status = 'resolved'", "state"),
    ("acknowledged_at = now(), acknowledged_by = 'x'", "state"),
    ("resolved_at = now(), resolved_by = 'x'", "state"),
    ("status = 'acknowledged', acknowledged_at = now()", "acknowledgement"),
    ("status = 'resolved', resolved_at = now()", "resolution"),
    ("status = 'resolved', resolved_by = 'x', resolved_at = '2026-01-01Z'", "resolved_at"),
    ("snoozed_until = 'infinity'", "snoozed_until"),
]
CHANGES = [
    "id = ledger_uuid()",
    "alert_type = 'other'",
    "model_name = NULL",
    "dedup_key = 'other'",
    "created_at = now() - interval '1 day'",
    "status = 'active', acknowledged_at = NULL, acknowledged_by = NULL",
    "acknowledged_by = 'other'",
    "acknowledged_at = now()",
    "occurrences = 1",
    "severity = 'info'",
    "first_seen = first_seen + interval '1 minute'",
    "last_seen = last_seen - interval '1 minute'",
    "notes = NULL",
    "notes = 'other'",
]
OF_A_RESOLVED_ONE = [
    "status = 'active', resolved_at = NULL, resolved_by = NULL",
    "occurrences = occurrences + 1",
    "snoozed_until = now()",
    "resolved_by = 'other'",
    "severity = severity",
]


@pytest.fixture
def alert(conn: psycopg.Connection) -> psycopg.Connection:
    """An acknowledged alert on model m that was raised twice."""
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    for time in ("12:00Z", "13:00Z"):
        conn.execute(
            "SELECT raise_alert('drift', 'one', model_name => 'm', at => %s)",
            [f"2026-02-01 {time}"],
        )
    conn.execute("SELECT acknowledge_alert(id, 'ann', 'mine', '2026-02-01 14:00Z') FROM alerts")
    return conn


def refused(conn: psycopg.Connection, statement: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as refusal:
        conn.execute(statement.encode())
    return refusal.value


def test_a_state_that_contradicts_itself(conn: psycopg.Connection) -> None:
    conn.execute("SELECT raise_alert('drift', 'one', at => '2026-02-01Z')")
    for change, constraint in STATES:
        error = refused(conn, CHANGE.format(change))
        assert error.diag.constraint_name == f"alerts_{constraint}_check", change


def test_what_has_happened_is_not_changed(alert: psycopg.Connection) -> None:
    before = alert.execute("SELECT * FROM alerts").fetchall()
    for change in CHANGES:
        assert refused(alert, CHANGE.format(change)).sqlstate == "MLAO0", change
    assert alert.execute("SELECT * FROM alerts").fetchall() == before


def test_a_resolved_alert_is_final(alert: psycopg.Connection) -> None:
    alert.execute("SELECT resolve_alert(id) FROM alerts")
    for change in OF_A_RESOLVED_ONE:
        error = refused(alert, CHANGE.format(change))
        assert error.sqlstate == "MLAO0", change
        assert "it is resolved for good" in (error.diag.message_primary or "")


def test_alerts_are_not_deleted(alert: psycopg.Connection) -> None:
    for statement in (
        "DELETE FROM alerts",
        "TRUNCATE alerts CASCADE",
        "DELETE FROM alert_occurrences",
        "UPDATE alert_occurrences SET severity = 'info'",
        "TRUNCATE alert_occurrences",
    ):
        assert refused(alert, statement).sqlstate == "MLAO0", statement
    assert alert.execute(
        "SELECT (SELECT count(*) FROM alerts), (SELECT count(*) FROM alert_occurrences)"
    ).fetchone() == (1, 2)


def test_one_alert_of_a_key_is_open(alert: psycopg.Connection) -> None:
    second = (
        "INSERT INTO alerts (alert_type, severity, title, dedup_key)"
        " VALUES ('drift', 'info', 'two', 'drift:m')"
    )
    assert refused(alert, second).diag.constraint_name == "alerts_one_open_idx"
    alert.execute("SELECT resolve_alert(dedup_key => 'drift:m')")
    alert.execute(second.encode())


def test_open_alerts_are_a_view(alert: psycopg.Connection) -> None:
    alert.execute("SELECT raise_alert('volume', 'two')")
    alert.execute(
        "SELECT snooze_alert(id, now() + interval '1 hour', 'bob') FROM alerts WHERE title = 'two'"
    )
    query = (
        "SELECT title, status, occurrences, is_snoozed, acknowledged_by, open_for > '0s'"
        " FROM v_open_alerts ORDER BY title"
    )
    assert alert.execute(query.encode()).fetchall() == [
        ("one", "acknowledged", 2, False, "ann", True),
        ("two", "active", 1, True, None, True),
    ]
    alert.execute("SELECT resolve_alert(dedup_key => 'volume')")
    assert len(alert.execute(query.encode()).fetchall()) == 1
