"""Rows locked in opposite orders: whoever keeps to the order goes on, the other runs again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from threading import Thread
from typing import Any

import psycopg
import pytest
from fix_faults import full, in_threads

Conn = psycopg.Connection[Any]

# Two calls that lock a row each, in the order of all.
IN_ORDER = {
    "slots": ("SELECT promote('a', '1')", "SELECT promote('b', '1')"),
    "slots of a model": ("SELECT promote('a', '1', 'eu')", "SELECT promote('a', '1')"),
    "slots that are there": ("SELECT promote('c', '1')", "SELECT promote('d', '1')"),
    "models": (
        "INSERT INTO model_versions (model_name) VALUES ('a')",
        "INSERT INTO model_versions (model_name) VALUES ('b')",
    ),
    "new models": (
        "INSERT INTO model_versions (model_name) VALUES ('new a')",
        "INSERT INTO model_versions (model_name) VALUES ('new b')",
    ),
    "a model and its slot": (
        "INSERT INTO model_versions (model_name) VALUES ('a')",
        "SELECT promote('a', '1')",
    ),
    "a policy and a slot": (
        "INSERT INTO promotion_policies (model_name) VALUES ('a') ON CONFLICT DO NOTHING",
        "SELECT promote('b', '1')",
    ),
    "alerts raised": ("SELECT raise_alert('a', 'new')", "SELECT raise_alert('b', 'new')"),
    "alerts raised again": ("SELECT raise_alert('x', 'x')", "SELECT raise_alert('y', 'y')"),
    "alerts resolved": (
        "SELECT resolve_alert(dedup_key => 'x')",
        "SELECT resolve_alert(id) FROM alerts WHERE dedup_key = 'y'",
    ),
    "alerts reviewed": (
        "SELECT acknowledge_alert(id) FROM alerts WHERE dedup_key = 'x'",
        "SELECT snooze_alert(id, now() + interval '1 day') FROM alerts WHERE dedup_key = 'y'",
    ),
    "monitors and an alert": (
        "SELECT run_monitors('m')",
        "SELECT resolve_alert(dedup_key => 'x')",
    ),
    "actions": (
        "SELECT approve_action(id, 'boss') FROM agent_actions WHERE action_type = 'a'",
        "SELECT reject_action(id, 'boss') FROM agent_actions WHERE action_type = 'b'",
    ),
    "a slot and an alert": ("SELECT promote('a', '1')", "SELECT raise_alert('x', 'x')"),
    "partitions": (
        "SELECT ensure_partitions('ground_truth', '2026-01-31', '2026-01-31')",
        "SELECT ensure_partitions('predictions', '2026-01-31', '2026-01-31')",
    ),
}
_CONTENTS = """
INSERT INTO model_versions (model_name, model_version)
SELECT m, n::text FROM unnest('{a,b,c,d,m}'::text[]) m, generate_series(1, 2) n;
SELECT promote(m, n::text) FROM unnest('{c,d,m}'::text[]) m, generate_series(1, 2) n;
SELECT raise_alert(type, type) FROM unnest('{x,y}'::text[]) type;
INSERT INTO agent_actions (id, action_type, risk_level, requested_by)
VALUES ('00000000-0000-7000-8000-00000000000a', 'a', 'high', 'agent'),
       ('00000000-0000-7000-8000-00000000000b', 'b', 'high', 'agent');
INSERT INTO monitors
    (id, model_name, name, source, metric_name, "window", operator, warning_threshold, no_data)
SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'm', 'few ' || n, 'monitoring',
       'num_predictions', '1 day', '<', 1, 'warning' FROM generate_series(1, 3) n;
SELECT run_monitors();
"""


@pytest.fixture
def ledger(conn: Conn) -> Iterator[Conn]:
    conn.execute(_CONTENTS.encode())
    yield conn
    assert conn.execute("SELECT count(*) FROM audit_queue").fetchone() == (0,)


def test_what_a_transaction_holds_already_is_in_order(conn: Conn) -> None:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m')")
    with conn.transaction():
        conn.execute("SELECT promote('m', '1')")
        conn.execute("SELECT promote('m', '2')")
        conn.execute("SELECT rollback('m')")
    found = conn.execute("SELECT model_version FROM production_at('m')").fetchone()
    assert found == ("1",)


@pytest.mark.parametrize("what", IN_ORDER)
def test_out_of_order_a_transaction_gives_way(dsn: str, ledger: Conn, what: str) -> None:
    first, second = (each.encode() for each in IN_ORDER[what])
    failures: list[BaseException] = []
    # So long a wait that a deadlock would be found several times.
    options = "-c deadlock_timeout=50ms -c lock_timeout=30s"
    with psycopg.connect(dsn, options=options) as orderly, psycopg.connect(dsn) as other:
        orderly.execute(first)
        other.execute(second)

        def go_on() -> None:
            try:
                orderly.execute(second)
                orderly.commit()
            except psycopg.Error as error:
                failures.append(error)

        waiting = Thread(target=go_on)
        waiting.start()
        _await_blocked(ledger, orderly, waiting)
        with pytest.raises(psycopg.errors.SerializationFailure, match="run the transaction again"):
            other.execute(first)
        other.rollback()
        waiting.join()
        assert failures == []
        other.execute(second)
        other.execute(first)
        other.commit()


def test_out_of_order_a_row_that_is_free_is_taken(dsn: str, ledger: Conn) -> None:
    with psycopg.connect(dsn, options="-c lock_timeout=7s") as other:
        for first, second in IN_ORDER.values():
            other.execute(second.encode())
            other.execute(first.encode())
            assert other.execute("SHOW lock_timeout").fetchone() == ("7s",)
            other.rollback()


def test_an_occurrence_that_is_raised_out_of_order_counts_once(dsn: str, ledger: Conn) -> None:
    with psycopg.connect(dsn) as other:
        other.execute("SELECT raise_alert('y', 'y')")
        found = other.execute("SELECT (raise_alert('x', 'x', at => now())).occurrences").fetchone()
        assert found == (2,)
    occurrences = "SELECT alert_type, occurrences FROM alerts WHERE monitor_id IS NULL ORDER BY 1"
    assert ledger.execute(occurrences).fetchall() == [("x", 2), ("y", 2)]
    assert ledger.execute(
        "SELECT count(*) FROM alert_occurrences o JOIN alerts a ON a.id = o.alert_id"
        " WHERE a.monitor_id IS NULL"
    ).fetchone() == (4,)


def test_what_a_savepoint_gave_back_is_not_counted(dsn: str, ledger: Conn) -> None:
    """After a rollback to a savepoint the order is that of the rows still held."""
    with psycopg.connect(dsn, options="-c lock_timeout=100ms") as other:
        other.execute("SELECT 1")
        with other.transaction(force_rollback=True):
            other.execute("SELECT promote('b', '1')")
        with ledger.transaction():
            ledger.execute("SELECT promote('a', '1')")
            # In order, so it waits, for as long as this session waits for a lock.
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("SELECT promote('a', '2')")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SELECT promote('a', '1')", "SELECT promote('a', '1', 'shadow')"),
        (
            "SELECT promote('a', '1')",
            "SELECT approve_action(id, 'boss') FROM agent_actions WHERE action_type = 'a'",
        ),
        ("SELECT raise_alert('a', 'new')", "SELECT run_monitors('m')"),
        (
            "SELECT raise_alert('a', 'new')",
            "SELECT ensure_partitions('predictions', '2026-01-31', '2026-01-31')",
        ),
    ],
)
def test_in_order_a_transaction_waits(dsn: str, ledger: Conn, first: str, second: str) -> None:
    with psycopg.connect(dsn, options="-c lock_timeout=100ms") as other, ledger.transaction():
        ledger.execute(second.encode())
        other.execute(first.encode())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(second.encode())


def test_a_new_transaction_starts_at_the_first_turn(dsn: str, ledger: Conn) -> None:
    """How far the one before it came is nothing to it: in order, it waits."""
    with psycopg.connect(dsn, options="-c lock_timeout=100ms") as other:
        other.execute("SELECT promote('b', '1')")
        other.commit()
        with ledger.transaction():
            ledger.execute("SELECT promote('a', '1')")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("SELECT promote('a', '2')")


def test_out_of_order_a_row_that_becomes_free_soon_is_taken(dsn: str, ledger: Conn) -> None:
    """It is tried for several times: the holder goes when the first try was in vain."""
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn) as other:
        for _ in range(100):
            holder.execute("SELECT promote('a', '1')")
            other.execute("SELECT promote('b', '1')")
            failures: list[psycopg.Error] = []
            trying = Thread(target=_attempt, args=(other, "SELECT promote('a', '2')", failures))
            trying.start()
            asleep = "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = %s"
            while ledger.execute(asleep, [other.info.backend_pid]).fetchone() != (True,):
                if not trying.is_alive():
                    break
            holder.commit()
            trying.join()
            other.rollback()
            if not failures:
                return
            assert [each.sqlstate for each in failures] == ["40001"]
    pytest.fail("nothing was tried for twice")


def test_resolving_in_any_order_while_monitors_run_ends_in_no_deadlock(
    dsn: str, ledger: Conn
) -> None:
    outcomes: Counter[str | None] = Counter()
    resolve = "SELECT resolve_alert(dedup_key => %s, resolved_by => 'me')"
    keys = [key for (key,) in ledger.execute("SELECT dedup_key FROM alerts ORDER BY 1")]

    def work(number: int) -> None:
        chance = random.Random(number)
        with psycopg.connect(dsn, options="-c deadlock_timeout=20ms") as connection:
            for turn in range(full(300, 20)):
                try:
                    with connection.transaction():
                        if number % 2:
                            for key in chance.sample(keys, len(keys)):
                                connection.execute(resolve, [key])
                        else:
                            later = f"now() + {turn + 1} * interval '1 second'"
                            connection.execute(f"SELECT run_monitors(at => {later})".encode())
                    outcomes[None] += 1
                except psycopg.Error as error:
                    outcomes[error.sqlstate] += 1

    in_threads(8, work)
    assert set(outcomes) <= {None, "40001"}
    assert outcomes[None] > 8


def test_a_promotion_does_not_fail_for_who_changes_its_version_first(
    dsn: str, ledger: Conn
) -> None:
    """Of a single call and a transaction of two the single call goes on."""
    with (
        psycopg.connect(dsn, options="-c deadlock_timeout=50ms") as single,
        psycopg.connect(dsn) as other,
    ):
        other.execute("UPDATE model_versions SET tags = '{}' WHERE model_name = 'c'")
        promoting = Thread(target=lambda: single.execute("SELECT promote('c', '1')"))
        promoting.start()
        _await_blocked(ledger, single, promoting)
        with pytest.raises(psycopg.errors.SerializationFailure):
            other.execute("SELECT promote('c', '1')")
        other.rollback()
        promoting.join()
        single.commit()
    found = ledger.execute("SELECT model_version FROM production_at('c')").fetchone()
    assert found == ("1",)


def test_of_two_who_wait_for_a_new_model_the_second_waits_on(dsn: str, ledger: Conn) -> None:
    """A model that another made is locked in its turn, as if it had always been there."""
    register = "INSERT INTO model_versions (model_name) VALUES ('new')"
    failures: list[psycopg.Error] = []
    with psycopg.connect(dsn) as maker, psycopg.connect(dsn) as one, psycopg.connect(dsn) as two:
        maker.execute(register.encode())
        waiting = {
            connection: Thread(target=_attempt, args=(connection, register, failures))
            for connection in (one, two)
        }
        for connection, work in waiting.items():
            work.start()
            _await_blocked(ledger, connection, work)
        maker.commit()
        while len(left := [each for each, work in waiting.items() if work.is_alive()]) > 1:
            pass
        for connection in left:
            _await_blocked(ledger, connection, waiting[connection])
        for connection in (one, two):
            if connection not in left:
                connection.commit()
        for work in waiting.values():
            work.join()
        one.commit()
        two.commit()
    assert failures == []
    found = ledger.execute("SELECT count(*) FROM model_versions WHERE model_name = 'new'")
    assert found.fetchone() == (3,)


def _attempt(connection: Conn, statement: str, failures: list[psycopg.Error]) -> None:
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        failures.append(error)


def _await_blocked(watcher: Conn, waiting: Conn, work: Thread) -> None:
    blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
    while watcher.execute(blocked, [waiting.info.backend_pid]).fetchone() != (True,):
        assert work.is_alive(), "it did not wait"
