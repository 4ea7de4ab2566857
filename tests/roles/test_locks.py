"""What each role may run holds nobody else up for longer than a lock timeout."""

from __future__ import annotations

import psycopg
import pytest
from fix_roles import Users

from mlops_ledger import AuditRepository, Database

AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"

# What a role does in a transaction that it leaves open; what it may not do is skipped.
TRIES: dict[str, list[str]] = {
    "reader": [
        "SELECT pg_advisory_xact_lock(hashtextextended('mlops-ledger partitions predictions', 0))",
        "SELECT pg_advisory_xact_lock(hashtextextended('mlops-ledger model version m', 0))",
        "LOCK TABLE model_versions, model_deployments, alerts IN ACCESS SHARE MODE",
        "LOCK TABLE model_versions IN ROW SHARE MODE",
        "SELECT * FROM model_versions FOR KEY SHARE",
        "SELECT * FROM model_slots FOR UPDATE",
        "SELECT * FROM models FOR UPDATE",
        "SELECT * FROM partition_policies FOR SHARE",
        "SELECT * FROM alerts FOR UPDATE",
        "SELECT id FROM predictions LIMIT 1",
    ],
    "auditor": [
        "SELECT * FROM audit_head FOR UPDATE",
        "LOCK TABLE audit_log, audit_head, audit_queue IN ACCESS SHARE MODE",
        "SELECT seal_audit_log()",
        "SELECT * FROM predictions",
    ],
    "approver": [
        "SELECT approve_action(id, 'boss') FROM agent_actions WHERE status = 'pending'",
        "SELECT acknowledge_alert(id) FROM alerts",
        AT_ONCE,
        "SELECT expire_actions()",
    ],
    "writer": [
        "INSERT INTO retraining_decisions (model_name, action, trigger_reason)"
        " VALUES ('m', 'reject', 'drift')",
        "INSERT INTO model_versions (model_name) VALUES ('another')",
        AT_ONCE,
        "SELECT promote('m', '2', 'eu')",
        "SELECT raise_alert('other', 'another')",
    ],
}
# What another writer does meanwhile.
WORK = [
    "SELECT promote('m', '1')",
    "SELECT promote('m', '3')",
    "INSERT INTO model_versions (model_name) VALUES ('m')",
    "SELECT ensure_partitions('predictions', now() + '40 days', now() + '41 days')",
    "INSERT INTO predictions (id, predicted_at, model_version_id)"
    " SELECT ledger_uuid(), clock_timestamp(), id FROM model_versions LIMIT 1",
    "SELECT raise_alert('drift of ' || gen_random_uuid(), 'it drifted')",
    'SELECT * FROM record_ground_truth(\'[{"request_id": "r", "actual_label": "no"}]\')',
]


@pytest.mark.parametrize("kind", TRIES)
def test_an_open_transaction_of_a_role_stops_nobody(users: Users, kind: str) -> None:
    idle = psycopg.connect(users.dsn_of(kind))
    done = 0
    with idle, psycopg.connect(users.dsn_of("writer"), options="-c lock_timeout=3s") as other:
        idle.execute("SELECT 1")  # Each try is a savepoint of this transaction.
        for statement in TRIES[kind]:
            try:
                with idle.transaction():
                    idle.execute(statement.encode())
                done += 1
            except psycopg.errors.InsufficientPrivilege:
                continue
        assert idle.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        for statement in WORK:
            other.execute(statement.encode())
            other.commit()
        idle.rollback()
    assert done >= 2
    with Database(users.dsn) as db:
        AuditRepository(db).head()
        assert AuditRepository(db).verify().problem is None
    with psycopg.connect(users.dsn) as conn:
        assert conn.execute("SELECT count(*) FROM audit_queue").fetchone() == (0,)


def test_a_role_that_logs_in_does_not_keep_a_transaction_open_for_long(users: Users) -> None:
    with psycopg.connect(users.dsn) as conn:
        found = conn.execute(
            "SELECT substr(rolname, %s), rolconfig FROM pg_roles WHERE starts_with(rolname, %s)"
            " AND NOT rolcanlogin AND rolconfig IS NOT NULL ORDER BY 1",
            [len(users.prefix) + 1, users.prefix],
        ).fetchall()
    timeout = ["idle_in_transaction_session_timeout=1min"]
    assert found == [(kind, timeout) for kind in ("approver", "auditor", "reader", "writer")]
