"""What each role may run holds nobody else up for longer than a lock timeout."""

from __future__ import annotations

import psycopg
import pytest
from fix_roles import Users

from mlops_ledger import AuditRepository, Database

AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"

_MODES = (
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
    "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
)  # fmt: skip
_STRENGTHS = ("KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE")
# Every table but two, whose rows writers alone change.
_TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
AND relname NOT IN ('ground_truth_waiting', 'observed_outcomes') ORDER BY 1
"""
# What anybody can try in a transaction that is left open; what one may not do is skipped.
ANYBODY = [
    "DECLARE held CURSOR WITH HOLD FOR SELECT * FROM v_models",
    "DECLARE open CURSOR FOR SELECT * FROM v_prediction_log",
    "FETCH 1 FROM open",
    "CREATE TEMP TABLE model_versions AS SELECT * FROM public.model_versions",
    "CREATE TEMP TABLE models (LIKE public.models INCLUDING ALL)",
    "CREATE TEMP VIEW alerts AS SELECT * FROM public.alerts",
    "CREATE TEMP TABLE child () INHERITS (public.alerts)",
    "CREATE TEMP TABLE child PARTITION OF public.predictions DEFAULT",
    "CREATE TEMP TABLE other (id uuid REFERENCES public.model_versions (id))",
    "LISTEN mlops_ledger_events",
    "SELECT pg_notify('mlops_ledger_events', repeat('x', 7000)) FROM generate_series(1, 100)",
    "SELECT pg_advisory_xact_lock(hashtextextended('mlops-ledger partitions predictions', 0))",
    "SELECT pg_advisory_lock(key) FROM generate_series(-100, 100) key",
    "SELECT pg_export_snapshot()",
    "ANALYZE predictions, model_slots, models, alerts",
    "VACUUM predictions",
    "CREATE INDEX ON model_slots (locked_at)",
    "CREATE STATISTICS public.extra ON model_name, slot FROM public.model_slots",
    "CREATE TRIGGER extra BEFORE INSERT ON alerts EXECUTE FUNCTION ledger_refuse_change()",
    "CREATE RULE extra AS ON INSERT TO public.alerts DO INSTEAD NOTHING",
    "COMMENT ON TABLE public.model_slots IS 'mine'",
    "ALTER TABLE public.model_slots ADD COLUMN extra text",
    "ALTER TABLE public.predictions DETACH PARTITION {partition}",
    "TRUNCATE public.model_slots CASCADE",
    "REINDEX TABLE public.model_slots",
    "CLUSTER public.model_slots USING model_slots_pkey",
    "DROP TABLE public.alerts CASCADE",
    "REFRESH MATERIALIZED VIEW public.v_models",
    "SELECT start_event_consumer('webhooks', 0)",
    "SELECT * FROM v_models, v_decision_history, v_model_timeline, v_recent_monitoring LIMIT 1",
]
# What else a role does.
TRIES: dict[str, list[str]] = {
    "reader": [],
    "auditor": ["SELECT seal_audit_log()", "SELECT * FROM predictions"],
    "agent": [
        "INSERT INTO agent_actions (action_type, risk_level, requested_by, model_version_id,"
        " model_name) SELECT 'promotion', 'high', 'agent', id, model_name FROM"
        " public.model_versions WHERE model_name = 'm'",
        AT_ONCE,
    ],
    "approver": [
        "SELECT approve_action(id, 'boss') FROM agent_actions WHERE status = 'pending'",
        "SELECT acknowledge_alert(id) FROM public.alerts",
        AT_ONCE,
        "SELECT expire_actions()",
    ],
    "writer": [
        "INSERT INTO retraining_decisions (model_name, action, trigger_reason)"
        " VALUES ('m', 'reject', 'drift')",
        "INSERT INTO public.model_versions (model_name) VALUES ('another')",
        AT_ONCE,
        "SELECT promote('m', '2', 'eu')",
        "SELECT raise_alert('other', 'another')",
    ],
}
REFUSALS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ActiveSqlTransaction,
    psycopg.errors.DuplicateTable,
    psycopg.errors.InvalidTableDefinition,
    psycopg.errors.WrongObjectType,
)
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


def tries(users: Users, kind: str) -> list[str]:
    """Return all that a role tries, the locks on every table and its rows first."""
    with psycopg.connect(users.dsn) as conn:
        tables = [f"public.{name}" for (name,) in conn.execute(_TABLES)]
    locks = [f"LOCK TABLE {table} IN {mode} MODE" for table in tables for mode in _MODES]
    # Writers lock the rows that they change.
    strengths = () if kind == "writer" else _STRENGTHS
    rows = [f"SELECT FROM {table} FOR {strength}" for table in tables for strength in strengths]
    partition = next(table for table in tables if table.startswith("public.predictions_"))
    return [*TRIES[kind], *locks, *rows, *(each.format(partition=partition) for each in ANYBODY)]


@pytest.mark.not_distributed("Citus locks readers out while it attaches a partition")
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "SERIALIZABLE"])
@pytest.mark.parametrize("kind", TRIES)
def test_an_open_transaction_of_a_role_stops_nobody(
    users: Users, kind: str, isolation: str
) -> None:
    options = f"-c default_transaction_isolation={isolation.replace(' ', chr(92) + ' ').lower()}"
    idle = psycopg.connect(users.dsn_of(kind), options=options)
    done = 0
    with idle, psycopg.connect(users.dsn_of("writer"), options="-c lock_timeout=3s") as other:
        idle.execute("SELECT 1")  # Each try is a savepoint of this transaction.
        for statement in tries(users, kind):
            try:
                with idle.transaction():
                    idle.execute(statement.encode())
                done += 1
            except REFUSALS:
                continue
        assert idle.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        for statement in WORK:
            other.execute(statement.encode())
            other.commit()
        idle.rollback()
    # Locks that do no harm are taken on every table that one may read.
    assert done >= 30
    with Database(users.dsn) as db:
        AuditRepository(db).head()
        assert AuditRepository(db).verify().problem is None
    with psycopg.connect(users.dsn) as conn:
        assert conn.execute("SELECT count(*) FROM audit_queue").fetchone() == (0,)


@pytest.mark.parametrize("kind", TRIES)
def test_what_a_role_keeps_beyond_its_transaction_stops_nobody(users: Users, kind: str) -> None:
    """Cursors, temporary tables, advisory locks, what it listens for: all of the session."""
    with (
        psycopg.connect(users.dsn_of(kind), autocommit=True) as holding,
        psycopg.connect(users.dsn_of("writer"), options="-c lock_timeout=3s") as other,
    ):
        done = 0
        for statement in tries(users, kind):
            try:
                holding.execute(statement.encode())
                done += 1
            except psycopg.Error:
                continue
        assert done >= 5
        for statement in WORK:
            other.execute(statement.encode())
            other.commit()


@pytest.mark.not_distributed("a cluster needs prepared transactions")
def test_no_role_can_prepare_a_transaction_where_the_server_does_not_allow_it(
    users: Users,
) -> None:
    """A prepared transaction keeps its locks without a session, so that no timeout ends it."""
    with psycopg.connect(users.dsn_of("writer")) as conn:
        [(allowed,)] = conn.execute("SELECT current_setting('max_prepared_transactions')")
        assert allowed == "0"
        conn.execute("SELECT promote('m', '2', 'eu')")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            conn.execute("PREPARE TRANSACTION 'held'")


def test_a_role_that_logs_in_does_not_keep_a_transaction_open_for_long(users: Users) -> None:
    with psycopg.connect(users.dsn) as conn:
        found = conn.execute(
            "SELECT substr(rolname, %s), rolconfig FROM pg_roles WHERE starts_with(rolname, %s)"
            " AND NOT rolcanlogin AND rolconfig IS NOT NULL ORDER BY 1",
            [len(users.prefix) + 1, users.prefix],
        ).fetchall()
    timeout = ["idle_in_transaction_session_timeout=1min"]
    assert found == [
        (kind, timeout) for kind in ("agent", "approver", "auditor", "reader", "writer")
    ]
