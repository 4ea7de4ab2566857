"""The audit log as the database writes it, whoever changes what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fix_faults import in_threads
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import AuditRepository, Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.admin.retention import Retention
from mlops_ledger.migrations import Migrator

Conn = psycopg.Connection[Any]
WEEKLY = "UPDATE partition_policies SET period = 'week' WHERE table_name = 'predictions'"


def entries(conn: Conn, columns: str = "event, actor") -> list[Any]:
    query = f"SELECT {columns} FROM audit_log ORDER BY seq"  # noqa: S608
    return conn.execute(query.encode()).fetchall()


def problem(dsn: str) -> str | None:
    with Database(dsn) as db:
        return AuditRepository(db).verify().problem


def test_entries_of_a_transaction_are_in_order_and_come_with_its_commit(
    dsn: str, live: Conn, conn: Conn
) -> None:
    before = len(entries(conn))
    with psycopg.connect(dsn) as other:
        other.execute("SELECT promote('m', '3', promoted_by => 'ann')")
        other.execute(WEEKLY)
        assert len(entries(conn)) == before
    assert entries(conn)[before:] == [
        ("retirement", "ann"),
        ("promotion", "ann"),
        ("policy", conn.info.user),
    ]
    assert problem(dsn) is None


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "remote_write"),
        ("remote_apply", "remote_apply"),
    ],
)
def test_what_is_audited_waits_for_the_disk_whatever_the_session_says(
    live: Conn, asked: str, kept: str
) -> None:
    def committed_with(statement: str) -> str:
        with live.transaction():
            live.execute(statement.encode())
            live.execute("SET CONSTRAINTS ALL IMMEDIATE")
            [(setting,)] = live.execute("SHOW synchronous_commit").fetchall()
        return str(setting)

    live.execute(f"SET synchronous_commit = {asked}".encode())
    assert committed_with("SELECT promote('m', '3')") == kept
    assert committed_with("INSERT INTO models (model_name) VALUES ('other')") == asked


@pytest.mark.parametrize("mode", ["IMMEDIATE", "DEFERRED"])
def test_whoever_wants_entries_at_once_gets_the_same(dsn: str, live: Conn, mode: str) -> None:
    with live.transaction():
        live.execute(f"SET CONSTRAINTS ALL {mode}".encode())
        live.execute("SELECT promote('m', '3', promoted_by => 'ann')")
        live.execute("SELECT rollback('m', rolled_back_by => 'bob')")
    assert [event for event, _ in entries(live)][-4:] == [
        "retirement",
        "promotion",
        "retirement",
        "rollback",
    ]
    assert problem(dsn) is None


def test_what_is_rolled_back_leaves_no_entry_and_no_gap(dsn: str, live: Conn) -> None:
    before = entries(live)
    with live.transaction(force_rollback=True):
        live.execute("SET CONSTRAINTS ALL IMMEDIATE")
        live.execute("SELECT promote('m', '3')")
    with live.transaction():
        with live.transaction(force_rollback=True):
            live.execute("SELECT retire('m')")
        live.execute("UPDATE partition_policies SET period = period")
    assert entries(live) == before
    live.execute("SELECT promote('m', '3', promoted_by => 'ann')")
    assert entries(live, "seq")[-1] == (len(before) + 2,)
    assert problem(dsn) is None


def test_the_actor_is_the_one_in_the_row_or_in_the_setting_or_the_role(live: Conn) -> None:
    live.execute(WEEKLY)
    with live.transaction():
        live.execute("SET LOCAL mlops_ledger.actor = 'zoe'")
        live.execute(
            "UPDATE partition_policies SET period = 'day' WHERE table_name = 'predictions'"
        )
        live.execute("SELECT retire('m', retired_by => 'ann')")
    live.execute("SELECT promote('m', '1')")
    me = live.info.user
    assert entries(live, "event, actor, db_role")[-4:] == [
        ("policy", me, me),
        ("policy", "zoe", me),
        ("retirement", "ann", me),
        ("promotion", me, me),
    ]


def test_settings_of_the_client_change_neither_entry_nor_hash(dsn: str, live: Conn) -> None:
    odd = (
        "-c TimeZone=Asia/Kolkata -c DateStyle=German -c IntervalStyle=sql_standard"
        " -c extra_float_digits=-15 -c bytea_output=escape -c lc_time=C"
    )
    third = "0.30000000000000004"
    with psycopg.connect(dsn, options=odd, autocommit=True) as other:
        other.execute(
            "INSERT INTO retraining_decisions (model_name, trigger_reason, action, coverage_pct,"
            " timestamp) VALUES ('m', 'drift', 'reject', %s::float8, '2026-01-31 12:00Z')",
            [third],
        )
        hashes = other.execute("SELECT encode(ledger_audit_hash(a), 'hex') FROM audit_log a")
        assert hashes.fetchall() == entries(live, "encode(hash, 'hex')")
    [entry] = live.execute(
        "SELECT after ->> 'coverage_pct', after ->> 'timestamp' FROM audit_log"
        " ORDER BY seq DESC LIMIT 1"
    )
    assert entry == (third, "2026-01-31T12:00:00+00:00")
    with Database(make_conninfo(dsn, options=odd)) as db:
        assert AuditRepository(db).verify().problem is None


def test_audited_changes_neither_wait_for_each_other_nor_deadlock(dsn: str, live: Conn) -> None:
    live.execute("INSERT INTO model_versions (model_name) VALUES ('n')")
    policy = b"UPDATE partition_policies SET period = 'month' WHERE table_name = %s"
    with (
        psycopg.connect(dsn, options="-c lock_timeout=2s") as one,
        psycopg.connect(dsn, options="-c lock_timeout=2s") as other,
    ):
        one.execute("SELECT promote('m', '3')")
        other.execute("SELECT promote('n', '1')")
        one.execute(policy, ["predictions"])
        other.execute(policy, ["ground_truth"])
        other.commit()
        one.commit()
    assert problem(dsn) is None


def test_a_snapshot_older_than_the_head_cannot_be_committed(dsn: str, live: Conn) -> None:
    before = len(entries(live))
    with psycopg.connect(dsn) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT retire('m')")
        live.execute(WEEKLY)
        with pytest.raises(psycopg.errors.SerializationFailure):
            old.commit()
        old.rollback()
        old.execute("SELECT retire('m')")
    assert [event for event, _ in entries(live)][before:] == ["policy", "retirement"]
    assert problem(dsn) is None


@pytest.mark.parametrize("before", [0, 70])
def test_the_head_is_at_the_end_of_the_log_after_a_transaction_of_many_entries(
    dsn: str, conn: Conn, before: int
) -> None:
    conn.execute("CREATE TABLE cards (id int PRIMARY KEY)")
    conn.execute("SELECT ledger_audit('cards', 'card')")
    for entries_of_one in (before, 250, 1, 100):
        with psycopg.connect(dsn) as other:
            other.execute(
                "INSERT INTO cards SELECT n + (SELECT count(*) FROM cards)"
                " FROM generate_series(1, %s) n",
                [entries_of_one],
            )
        assert problem(dsn) is None
    with psycopg.connect(dsn) as other:
        for mode in ("IMMEDIATE", "DEFERRED", "IMMEDIATE"):
            other.execute(f"SET CONSTRAINTS ALL {mode}".encode())
            other.execute(
                "INSERT INTO cards SELECT n + (SELECT max(id) FROM cards)"
                " FROM generate_series(1, 130) n"
            )
    assert conn.execute("SELECT seq FROM audit_head").fetchone() == (before + 351 + 390,)
    assert problem(dsn) is None


def test_the_head_moves_no_more_than_a_hundred_times_in_a_transaction(conn: Conn) -> None:
    conn.execute("CREATE TABLE cards (id int PRIMARY KEY)")
    conn.execute("SELECT ledger_audit('cards', 'card')")
    with conn.transaction():
        conn.execute("INSERT INTO cards SELECT generate_series(1, 1000)")
    conn.execute("SELECT pg_stat_force_next_flush()")
    moved = conn.execute("SELECT pg_stat_get_tuples_updated('audit_head'::regclass)").fetchone()
    assert moved == (100,)


def test_a_snapshot_older_than_the_head_is_refused_for_every_entry(dsn: str, conn: Conn) -> None:
    conn.execute("CREATE TABLE cards (id int PRIMARY KEY)")
    conn.execute("SELECT ledger_audit('cards', 'card')")
    conn.execute("INSERT INTO cards SELECT generate_series(1, 99)")
    with psycopg.connect(dsn) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("INSERT INTO cards VALUES (200)")
        conn.execute("INSERT INTO cards VALUES (100)")
        with pytest.raises(psycopg.errors.SerializationFailure):
            old.commit()
    conn.execute("INSERT INTO cards VALUES (101)")
    assert entries(conn, "seq")[-1] == (101,)
    assert problem(dsn) is None


def test_a_column_that_always_names_the_actor_counts_each_time(conn: Conn) -> None:
    conn.execute("CREATE TABLE cards (a int, b int, edited_by text, text text, PRIMARY KEY (b, a))")
    conn.execute("SELECT ledger_audit('cards', 'card', '{edited_by}')")
    conn.execute("INSERT INTO cards VALUES (1, 2, 'ann', 'old')")
    conn.execute("UPDATE cards SET text = 'new'")
    conn.execute("DELETE FROM cards")
    assert entries(conn, "object_id, actor, before ->> 'text', after ->> 'text'") == [
        ("2/1", "ann", None, "old"),
        ("2/1", "ann", "old", "new"),
        ("2/1", conn.info.user, "new", None),
    ]


def test_of_several_columns_the_one_that_was_filled_in_names_the_actor(conn: Conn) -> None:
    conn.execute("CREATE TABLE tasks (id int PRIMARY KEY, state text, asked_by text, done_by text)")
    conn.execute("SELECT ledger_audit('tasks', 'task', '{done_by,asked_by}', 'INSERT')")
    changed = "OLD.state <> NEW.state"
    conn.execute(
        "SELECT ledger_audit('tasks', 'task', '{done_by,asked_by}', 'UPDATE', %s)", [changed]
    )
    conn.execute("INSERT INTO tasks VALUES (1, 'open', 'ann', NULL)")
    conn.execute("UPDATE tasks SET state = 'done', done_by = 'bob'")
    conn.execute("UPDATE tasks SET done_by = 'eve'")
    conn.execute("UPDATE tasks SET state = 'expired'")
    assert entries(conn, "actor, after ->> 'state'") == [
        ("ann", "open"),
        ("bob", "done"),
        (conn.info.user, "expired"),
    ]


def test_many_writers_leave_one_chain_without_gaps(dsn: str, conn: Conn) -> None:
    workers, rounds = 8, 12
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        for number in range(workers):
            for _ in range(2):
                models.insert(model_name=f"m{number}")

        def promote(number: int) -> None:
            for turn in range(rounds):
                models.promote(model_name=f"m{number}", model_version=str(1 + turn % 2))

        in_threads(workers, promote)
        assert entries(conn, "seq") == [(n + 1,) for n in range(workers * (2 * rounds - 1))]
        assert AuditRepository(db).verify().problem is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'eve'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_head SET seq = seq - 1",
        "UPDATE audit_head SET hash = decode(repeat('00', 32), 'hex')",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "UPDATE deletions SET reason = 'erasure'",
        "DELETE FROM deletions",
        "TRUNCATE deletions",
    ],
)
def test_not_even_the_owner_changes_the_log_by_mistake(live: Conn, statement: str) -> None:
    with pytest.raises(psycopg.Error, match="is append-only") as refused:
        live.execute(statement.encode())
    assert refused.value.sqlstate == "MLAO0"


@pytest.fixture
def clerk(dsn: str, live: Conn) -> Iterator[Conn]:
    """A connection as a role that may decide and make temporary tables, but nothing else."""
    role = f"clerk_{uuid4().hex}"
    name = sql.Identifier(role)
    live.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'a'").format(name))
    live.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(name))
    live.execute(sql.SQL("GRANT INSERT ON retraining_decisions TO {}").format(name))
    try:
        with psycopg.connect(dsn, user=role, password="a", autocommit=True) as connection:
            yield connection
    finally:
        live.execute(sql.SQL("DROP OWNED BY {}").format(name))
        live.execute(sql.SQL("DROP ROLE {}").format(name))


DECIDE = (
    b"INSERT INTO retraining_decisions (model_name, trigger_reason, action, decided_by)"
    b" VALUES ('m', 'drift', 'reject', %s)"
)


def test_a_role_without_rights_on_the_log_writes_it_through_its_changes(
    dsn: str, conn: Conn, clerk: Conn
) -> None:
    clerk.execute(DECIDE, ["gate"])
    assert entries(conn, "event, actor, db_role")[-1] == ("decision", "gate", clerk.info.user)
    for statement in (
        "INSERT INTO audit_log SELECT * FROM audit_log LIMIT 1",
        "UPDATE audit_head SET seq = seq + 1",
        "SELECT ledger_audit('retraining_decisions', 'promotion')",
        "CREATE TEMP TABLE mine (id int); CREATE TRIGGER t AFTER INSERT ON mine"
        " FOR EACH ROW EXECUTE FUNCTION ledger_audit_row('promotion', '{id}', '{id}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute(statement.encode())
    assert problem(dsn) is None


def test_nothing_of_the_session_stands_in_for_the_log(dsn: str, conn: Conn, clerk: Conn) -> None:
    before = len(entries(conn))
    clerk.execute("CREATE TEMP TABLE audit_log (LIKE public.audit_log)")
    clerk.execute("CREATE TEMP TABLE audit_head (seq bigint, hash bytea)")
    clerk.execute("INSERT INTO pg_temp.audit_head VALUES (0, '')")
    clerk.execute(
        "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql RETURN '\\x00'::bytea"
    )
    clerk.execute("SET search_path = pg_temp, public, pg_catalog")
    clerk.execute(DECIDE.replace(b"retraining", b"public.retraining"), ["gate"])
    assert len(entries(conn)) == before + 1
    assert entries(conn, "after ->> 'decided_by'")[-1] == ("gate",)
    assert clerk.execute("SELECT count(*) FROM pg_temp.audit_log").fetchone() == (0,)
    assert problem(dsn) is None


@pytest.mark.not_distributed("Citus does not keep the quotes of the name of a schema")
def test_the_log_works_in_another_schema(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute('CREATE SCHEMA "Team A"')
        theirs = make_conninfo(empty_database, options='-c search_path="Team\\ A"')
        Migrator(theirs).up()
        changed = conn.execute("UPDATE \"Team A\".partition_policies SET period = 'week'").rowcount
        assert conn.execute('SELECT count(*) FROM "Team A".audit_log').fetchone() == (changed,)
    assert problem(theirs) is None


def test_a_policy_that_is_deleted_leaves_what_it_was(conn: Conn) -> None:
    conn.execute("DELETE FROM partition_policies WHERE table_name = 'ground_truth'")
    assert entries(conn, "event, object_id, before, after") == [
        ("policy", "ground_truth", {"table_name": "ground_truth", "period": "day"}, None)
    ]


def test_clean_up_is_recorded_with_each_of_its_steps(dsn: str, conn: Conn) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        for hours in (30, 20, 2):
            PredictionsRepository(db).insert_many(
                rows=[{"predicted_at": today - timedelta(hours=hours)}] * 3,
                model_name="m",
                model_version="1",
            )
        before = today - timedelta(hours=10)
        assert Retention(db).cleanup(before=before, dry_run=True)
        assert entries(conn) == []
        Retention(db).cleanup(before=before)
    found = entries(conn, "event, after ->> 'table_name', after ->> 'num_rows'")
    assert ("retention", "predictions", None) in found
    assert ("retention", "predictions", "3") in found
    assert ("retention", "prediction_batches", "2") in found
    recorded = conn.execute("SELECT count(*) FROM deletions").fetchone()
    assert recorded == (len(found),)
