"""What the database itself refuses to do to a monitor, whoever asks."""

from __future__ import annotations

import psycopg
import pytest

CHANGE = "UPDATE monitors SET {}"
REMOVED = (
    'INSERT INTO monitors (model_name, name, source, metric_name, "window", operator,'
    " warning_threshold, removed_at, removed_by)"
    " VALUES ('m', 'x', 'monitoring', 'entropy', '1 day', '>', 1, '{}', 'ann')"
)


@pytest.fixture
def monitor(live: psycopg.Connection) -> psycopg.Connection:
    """A monitor of model m."""
    live.execute(
        "INSERT INTO monitors"
        ' (model_name, name, source, metric_name, "window", operator, warning_threshold, no_data)'
        " VALUES ('m', 'volume', ' Monitoring', 'num_predictions', '1 day', '<', 1, 'Warning')"
    )
    return live


def refused(conn: psycopg.Connection, statement: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as refusal:
        conn.execute(statement.encode())
    return refusal.value


def test_a_rule_is_never_changed_nor_deleted(monitor: psycopg.Connection) -> None:
    for change in ("name = 'x'", "warning_threshold = 2", "no_data = 'ok'", "window = '1 week'"):
        statement = CHANGE.format(change.replace("window", '"window"'))
        assert refused(monitor, statement).sqlstate == "MLAO0", change
    for statement in ("DELETE FROM monitors", "TRUNCATE monitors CASCADE"):
        assert refused(monitor, statement).sqlstate == "MLAO0", statement
    monitor.execute("UPDATE monitors SET enabled = false")
    monitor.execute("SELECT remove_monitor(id) FROM monitors")
    assert refused(monitor, CHANGE.format("removed_at = NULL, removed_by = NULL")).sqlstate == (
        "MLAO0"
    )


def test_monitors_are_run_with_psql(monitor: psycopg.Connection) -> None:
    query = "SELECT name, state, severity, value, done FROM run_monitors('m')"
    assert monitor.execute(query).fetchall() == [("volume", "no_data", "warning", None, "raised")]
    assert monitor.execute(
        "SELECT name, state, title FROM v_monitors JOIN v_open_alerts USING (alert_id)"
    ).fetchone() == ("volume", "no_data", "num_predictions of m: no data for 1 day")


def test_an_alert_of_a_monitor_has_its_key(monitor: psycopg.Connection) -> None:
    by_hand = "SELECT raise_alert('x', 'x', dedup_key => 'monitor:' || id) FROM monitors"
    with_another = (
        "SELECT raise_alert('num_predictions', 'x', model_name => 'm', monitor_id => id)"
        " FROM monitors"
    )
    for statement in (by_hand, with_another):
        assert refused(monitor, statement).diag.constraint_name == "alerts_monitor_key_check"


def test_no_alert_is_in_the_way_of_a_monitor(monitor: psycopg.Connection) -> None:
    raised = (
        "SELECT raise_alert('{}', 'x', model_name => {}, dedup_key => 'monitor:' || id,"
        " monitor_id => id) FROM monitors"
    )
    for alert_type, model in (("x", "'m'"), ("num_predictions", "NULL")):
        assert refused(monitor, raised.format(alert_type, model)).sqlstate == "MLNF0"
    monitor.execute(raised.format("num_predictions", "'m'").encode())
    assert monitor.execute("SELECT done FROM run_monitors('m')").fetchall() == [("repeated",)]


@pytest.mark.parametrize("removed_at", ["infinity", "2001-01-01Z"])
def test_a_monitor_is_removed_at_a_time_that_can_be_read(
    live: psycopg.Connection, removed_at: str
) -> None:
    statement = REMOVED.format(removed_at)
    assert refused(live, statement).diag.constraint_name == "monitors_removed_at_check"
