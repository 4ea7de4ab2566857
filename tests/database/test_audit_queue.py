"""Entries that find the end of the audit log taken wait in a queue that leads into the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from mlops_ledger import AuditRepository, Transaction

Conn = psycopg.Connection[Any]


@pytest.fixture
def holder(dsn: str, live: Conn) -> Iterator[Conn]:
    """Somebody who keeps the end of the log locked."""
    with psycopg.connect(dsn) as holder:
        holder.execute("SELECT FROM audit_head FOR UPDATE")
        yield holder


def count(conn: Conn, table: str) -> int:
    [(found,)] = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()  # noqa: S608
    return int(found)


def actors(conn: Conn, number: int) -> list[str]:
    rows = conn.execute("SELECT actor FROM audit_log ORDER BY seq DESC LIMIT %s", [number])
    return [actor for (actor,) in rows.fetchall()][::-1]


def decide(conn: Conn, *names: str) -> None:
    for name in names:
        conn.execute(
            "INSERT INTO retraining_decisions (model_name, trigger_reason, action, decided_by)"
            " VALUES ('m', 'drift', 'reject', %s)",
            [name],
        )


def test_an_entry_waits_in_the_transaction_of_its_change(live: Conn, holder: Conn) -> None:
    logged = count(live, "audit_log")
    with live.transaction(force_rollback=True):
        decide(live, "nobody")
        live.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert count(live, "audit_queue") == 1
    assert count(live, "audit_queue") == 0
    decide(live, "ann")
    assert (count(live, "audit_queue"), count(live, "retraining_decisions")) == (1, 1)
    assert count(live, "audit_log") == logged


def test_the_next_audited_commit_appends_what_waits_before_its_own(
    live: Conn, holder: Conn
) -> None:
    decide(live, "ann")
    decide(live, "bob")
    holder.rollback()
    decide(live, "cleo")
    assert actors(live, 3) == ["ann", "bob", "cleo"]
    assert count(live, "audit_queue") == 0
    assert AuditRepository(Transaction(live)).verify().problem is None


def test_a_head_is_published_with_what_waited(live: Conn, holder: Conn) -> None:
    decide(live, "ann")
    holder.rollback()
    audit = AuditRepository(Transaction(live))
    head = audit.head()
    assert actors(live, 1) == ["ann"]
    live.execute("SET session_replication_role = replica")
    live.execute("DELETE FROM audit_log WHERE seq = %s", [head.seq])
    assert audit.verify(against=str(head)).broken_seq == head.seq


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_who_deletes_from_the_queue_appends_to_the_log(
    live: Conn, holder: Conn, order: str
) -> None:
    decide(live, "ann", "bob")
    holder.rollback()
    logged = count(live, "audit_log")
    live.execute(
        f"DELETE FROM audit_queue WHERE id = (SELECT id FROM audit_queue ORDER BY id {order}"  # noqa: S608
        " LIMIT 1)".encode()
    )
    assert (count(live, "audit_log"), count(live, "audit_queue")) == (logged + 1, 1)
    live.execute("DELETE FROM audit_queue")
    assert (count(live, "audit_log"), count(live, "audit_queue")) == (logged + 2, 0)
    assert sorted(actors(live, 2)) == ["ann", "bob"]
    assert AuditRepository(Transaction(live)).verify().problem is None


@pytest.mark.parametrize("change", ["UPDATE audit_queue SET actor = 'eve'", "TRUNCATE audit_queue"])
def test_what_waits_is_not_changed(live: Conn, holder: Conn, change: str) -> None:
    decide(live, "ann")
    with pytest.raises(psycopg.Error, match="is append-only"):
        live.execute(change.encode())
    assert count(live, "audit_queue") == 1


def test_a_transaction_of_many_entries_waits_for_the_end_of_the_log_once(
    live: Conn, holder: Conn
) -> None:
    # Once is a quarter of a second; a hundred times would run into the time-out.
    live.execute("SET statement_timeout = '20s'")
    with live.transaction():
        decide(live, *(str(number) for number in range(100)))
        live.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert count(live, "audit_queue") == 100
    holder.rollback()
    live.execute("SELECT seal_audit_log()")
    assert actors(live, 100) == [str(number) for number in range(100)]
