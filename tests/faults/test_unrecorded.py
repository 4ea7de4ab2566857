"""What is changed while the triggers are off is found: it is not as its entry has it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from mlops_ledger import Transaction
from mlops_ledger.admin.verify import Verification

Conn = psycopg.Connection[Any]

# A ledger with an entry of every audited table.
_OF_EACH = """
INSERT INTO model_versions (model_name) VALUES ('m'), ('m');
SELECT promote('m', '1');
SELECT promote('m', '2');
INSERT INTO retraining_decisions (model_name, trigger_reason, action)
VALUES ('m', 'drift', 'reject');
UPDATE partition_policies SET period = 'week';
UPDATE summary_privacy SET minimum_count = 20;
INSERT INTO model_versions (model_name, model_version) VALUES ('m', '8'), ('m', '9');
SELECT withdraw_version('m', '9');
INSERT INTO model_versions (model_name, model_version) VALUES ('m', '7');
UPDATE model_versions SET algorithm = 'trees' WHERE model_version = '7';
SELECT withdraw_version('m', '7');
INSERT INTO promotion_policies (model_name, slot) VALUES ('m', 'gone');
DELETE FROM promotion_policies WHERE slot = 'gone';
INSERT INTO agent_actions (action_type, risk_level, requested_by) VALUES ('a', 'low', 'agent');
SELECT raise_alert('drift', 'it drifted');
SELECT raise_alert('drift', 'and again');
INSERT INTO monitoring_metrics (model_name, model_version_id, lookback_hours, num_predictions)
SELECT 'm', id, 24, 7 FROM model_versions WHERE model_version = '1';
INSERT INTO drift_reports (model_name, model_version_id, lookback_hours, window_start,
                           window_end, drift_detected)
SELECT 'm', id, 24, now() - interval '1 day', now(), false
FROM model_versions WHERE model_version = '1';
INSERT INTO promotion_policies (model_name, slot) VALUES ('m', 'eu');
INSERT INTO monitors (model_name, name, source, metric_name, "window", operator, warning_threshold)
VALUES ('m', 'few', 'monitoring', 'num_predictions', '1 day', '<', 1);
INSERT INTO webhooks (webhook, host) VALUES ('w', 'example.org');
INSERT INTO deletions (reason, table_name, num_rows) VALUES ('retention', 'predictions', 5);
INSERT INTO performance_metrics (model_name, model_version_id, metric_name, metric_value)
SELECT 'm', id, 'rmse', 1 FROM model_versions WHERE model_version = '1';
UPDATE performance_metrics SET metric_value = 2;
UPDATE models SET description = 'what it is for';
UPDATE model_versions SET algorithm = 'trees' WHERE model_version = '8';
UPDATE model_versions SET tags = '{"a": 1}';
SELECT seal_audit_log();
"""
# What somebody does with the triggers off, so that it leaves no entry.
UNRECORDED = {
    "model_deployments": (
        "UPDATE model_deployments SET deployed_by = 'eve'",
        "DELETE FROM model_deployments",
        "INSERT INTO model_deployments"
        " (slot_id, model_name, model_version_id, deployed_at, retired_at)"
        " SELECT slot_id, model_name, model_version_id, '1999-01-01', '1999-01-02'"
        " FROM model_deployments LIMIT 1",
    ),
    "retraining_decisions": (
        "UPDATE retraining_decisions SET reasoning = 'because'",
        "DELETE FROM retraining_decisions",
        "INSERT INTO retraining_decisions (model_name, trigger_reason, action)"
        " VALUES ('m', 'drift', 'reject')",
    ),
    "agent_actions": (
        "UPDATE agent_actions SET requested_by = 'eve'",
        "DELETE FROM agent_actions",
        "INSERT INTO agent_actions (action_type, risk_level, requested_by, requires_approval)"
        " VALUES ('b', 'low', 'agent', false)",
    ),
    "alerts": (
        "UPDATE alerts SET severity = 'info'",
        "UPDATE alerts SET snoozed_until = now(), snoozed_by = 'eve'",
        "DELETE FROM alerts",
        "INSERT INTO alerts (alert_type, severity, title, dedup_key)"
        " VALUES ('b', 'info', 'b', 'b')",
    ),
    "monitoring_metrics": (
        "UPDATE monitoring_metrics SET num_predictions = 8",
        "DELETE FROM monitoring_metrics",
        "INSERT INTO monitoring_metrics (model_name, model_version_id, lookback_hours,"
        " num_predictions) SELECT model_name, id, 12, 7 FROM model_versions LIMIT 1",
    ),
    "drift_reports": (
        "UPDATE drift_reports SET drift_detected = true",
        "DELETE FROM drift_reports",
    ),
    "promotion_policies": (
        "UPDATE promotion_policies SET requires_approval = NOT requires_approval",
        "DELETE FROM promotion_policies",
        "INSERT INTO promotion_policies (model_name, slot) VALUES ('m', 'us')",
        "INSERT INTO promotion_policies (model_name, slot) VALUES ('m', 'gone')",
    ),
    "monitors": (
        "UPDATE monitors SET enabled = false",
        "UPDATE monitors SET warning_threshold = 0",
        "DELETE FROM monitors",
    ),
    "webhooks": ("UPDATE webhooks SET enabled = false", "DELETE FROM webhooks"),
    "withdrawn_versions": (
        "UPDATE withdrawn_versions SET withdrawn_by = 'eve'",
        "DELETE FROM withdrawn_versions",
    ),
    "deletions": (
        "UPDATE deletions SET num_rows = 4",
        "DELETE FROM deletions",
        "INSERT INTO deletions (reason, table_name) VALUES ('erasure', 'predictions')",
    ),
    "partition_policies": ("UPDATE partition_policies SET period = 'month'",),
    "summary_privacy": (
        "UPDATE summary_privacy SET minimum_count = 1",
        "DELETE FROM summary_privacy",
    ),
    # Recorded without an entry, so that they are compared from their first correction on.
    "performance_metrics": (
        "UPDATE performance_metrics SET metric_value = 3",
        "DELETE FROM performance_metrics",
    ),
    "models": (
        "UPDATE models SET description = 'of another'",
        "UPDATE models SET slice_key = 'zip'",
        "DELETE FROM models",
    ),
    "model_versions": (
        "UPDATE model_versions SET metrics = '{\"roc_auc\": 0.99}' WHERE model_version = '8'",
        "UPDATE model_versions SET artifact_uri = 's3://evil' WHERE model_version = '8'",
        "DELETE FROM model_versions WHERE model_version = '8'",
    ),
}


@pytest.fixture
def audited(conn: Conn) -> Conn:
    """A log with entries of every audited table; triggers are off."""
    conn.execute(_OF_EACH.encode())
    conn.execute("SET session_replication_role = replica")
    return conn


def unrecorded(conn: Conn) -> str | None:
    """What `verify` says of rows that are not as the log has them."""
    checks = Verification(Transaction(conn)).checks()
    [found] = [each for each in checks if each.check == "audited_rows"]
    return found.detail


def test_all_audited_tables_are_tampered_with(audited: Conn) -> None:
    tables = audited.execute(
        "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgfoid = 'ledger_audit_row'::regproc"
    )
    assert {name for (name,) in tables} == UNRECORDED.keys()


@pytest.mark.parametrize("table", UNRECORDED)
def test_a_change_with_the_triggers_off_is_found(audited: Conn, table: str) -> None:
    assert unrecorded(audited) is None
    missed = []
    for statement in UNRECORDED[table]:
        with audited.transaction(force_rollback=True):
            assert audited.execute(statement.encode()).rowcount > 0, statement
            if f"{table} " not in str(unrecorded(audited)):
                missed.append(statement)
    assert missed == []


def test_what_waits_in_the_queue_hides_itself_alone(dsn: str, audited: Conn) -> None:
    """Its entry is newer than the last one of the log; what else was changed has none."""
    audited.execute("SET session_replication_role = origin")
    with psycopg.connect(dsn) as holder:
        holder.execute("SELECT FROM audit_head FOR UPDATE")
        audited.execute("UPDATE monitors SET enabled = false")
    assert audited.execute("SELECT count(*) FROM audit_queue").fetchone() == (1,)
    assert unrecorded(audited) is None
    audited.execute("SET session_replication_role = replica")
    audited.execute("UPDATE webhooks SET enabled = false")
    assert str(unrecorded(audited)).startswith("webhooks w: ")


def test_tables_of_users_that_are_audited_besides_are_not_compared(audited: Conn) -> None:
    audited.execute("SET session_replication_role = origin")
    audited.execute("CREATE TABLE mine (id text PRIMARY KEY)")
    audited.execute("SELECT ledger_audit('mine', 'monitor')")
    audited.execute("INSERT INTO mine VALUES ('a')")
    entries = "SELECT count(*) FROM audit_log WHERE object_table = 'mine'"
    assert audited.execute(entries).fetchone() == (1,)
    assert unrecorded(audited) is None


def test_what_changes_without_an_entry_is_not_taken_for_tampering(audited: Conn) -> None:
    audited.execute("SET session_replication_role = origin")
    audited.execute("SELECT raise_alert('drift', 'once more')")
    audited.execute("UPDATE model_versions SET tags = '{}', description = description")
    audited.execute("UPDATE models SET slice_key = 'country'")
    audited.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    audited.execute("SELECT rollback('m')")
    assert unrecorded(audited) is None
