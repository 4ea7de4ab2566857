"""Promotions at once, in all orders and isolation levels: the worst is to be told to run again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from threading import Event
from typing import Any

import psycopg
import pytest
from fix_faults import full, in_threads
from psycopg import IsolationLevel

from mlops_ledger import AuditRepository, Database

Conn = psycopg.Connection[Any]
SESSIONS = 20
ROUNDS = full(10_000, 240) // SESSIONS
LEVELS = list(IsolationLevel)
MODELS = ("a", "b", "c")


@pytest.fixture
def models(conn: Conn) -> Iterator[Conn]:
    """Three models of four versions each."""
    conn.execute(
        "INSERT INTO model_versions (model_name, model_version)"
        " SELECT m, n::text FROM unnest(%s::text[]) m, generate_series(1, 4) n",
        [list(MODELS)],
    )
    yield conn
    conn.execute("SELECT seal_audit_log()")
    [(several,)] = conn.execute(
        "SELECT count(*) FROM (SELECT FROM model_deployments WHERE retired_at IS NULL"
        " GROUP BY slot_id HAVING count(*) > 1) s"
    )
    [(changes, entries, queued)] = conn.execute(
        "SELECT (SELECT count(*) + count(retired_at) FROM model_deployments),"
        " (SELECT count(*) FROM audit_log WHERE object_table = 'model_deployments'),"
        " (SELECT count(*) FROM audit_queue)"
    )
    assert several == 0
    assert (entries, queued) == (changes, 0)


def whole(dsn: str) -> bool:
    with Database(dsn) as db:
        return AuditRepository(db).verify().problem is None


def test_sessions_that_mix_orders_and_isolation_levels(dsn: str, models: Conn) -> None:
    outcomes: Counter[str | None] = Counter()

    def work(number: int) -> None:
        chance = random.Random(number)
        with psycopg.connect(dsn) as connection:
            for _ in range(ROUNDS):
                connection.isolation_level = chance.choice(LEVELS)
                # Half of them in one order, as a program that wants to wait takes them.
                places = [
                    (chance.choice(MODELS), chance.choice(("production", "production", "eu")))
                    for _ in range(chance.randint(1, 3))
                ]
                places = sorted(places) if chance.random() < 0.5 else places
                outcomes[_one(connection, chance, places)] += 1

    in_threads(SESSIONS, work)
    assert set(outcomes) <= {None, "40001"}, outcomes
    assert outcomes[None] > SESSIONS
    assert whole(dsn)


def _one(connection: Conn, chance: random.Random, places: list[tuple[str, str]]) -> str | None:
    try:
        with connection.transaction():
            for name, slot in places:
                statement, version = chance.choice(
                    (
                        ("SELECT promote(%s, %s, %s)", [str(chance.randint(1, 4))]),
                        ("SELECT promote(%s, %s, %s)", [str(chance.randint(1, 4))]),
                        ("SELECT retire(%s, %s)", []),
                        ("SELECT rollback(%s, %s)", []),
                    )
                )
                connection.execute(statement.encode(), [name, *version, slot])
            if chance.random() < 0.3:
                connection.execute("INSERT INTO model_versions (model_name) VALUES (%s)", [name])
            if chance.random() < 0.3:
                connection.execute(
                    "SELECT ensure_partitions(%s, '2026-01-31', '2026-01-31')",
                    [chance.choice(("predictions", "ground_truth"))],
                )
    except psycopg.errors.SerializationFailure as error:
        return error.sqlstate
    except psycopg.Error as error:
        # Nothing to retire or to roll back to.
        return None if error.sqlstate == "MLNF0" else error.sqlstate
    return None


def test_of_first_promotions_under_repeatable_read_the_losers_run_again(
    dsn: str, models: Conn
) -> None:
    for level in (IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE):
        slot = f"slot{level.value}"
        with psycopg.connect(dsn) as loser:
            loser.isolation_level = level
            loser.execute("SELECT 1 FROM model_slots")
            models.execute("SELECT promote('a', '1', %s)", [slot])
            with pytest.raises(psycopg.errors.SerializationFailure):
                loser.execute("SELECT promote('a', '2', %s)", [slot])


def test_of_registrations_under_repeatable_read_the_losers_run_again(
    dsn: str, models: Conn
) -> None:
    with psycopg.connect(dsn) as loser:
        loser.isolation_level = IsolationLevel.REPEATABLE_READ
        loser.execute("SELECT 1 FROM model_slots")
        models.execute("INSERT INTO model_versions (model_name) VALUES ('a')")
        with pytest.raises(psycopg.errors.SerializationFailure):
            loser.execute("INSERT INTO model_versions (model_name) VALUES ('a')")


def test_of_makers_of_a_partition_under_repeatable_read_the_losers_run_again(
    dsn: str, models: Conn
) -> None:
    make = b"SELECT ensure_partitions('predictions', '2026-01-31', '2026-01-31')"
    with psycopg.connect(dsn) as loser:
        loser.isolation_level = IsolationLevel.REPEATABLE_READ
        loser.execute("SELECT 1 FROM model_slots")
        models.execute(make)
        with pytest.raises(psycopg.errors.SerializationFailure):
            loser.execute(make)


def test_a_policy_and_a_promotion_wait_for_each_other(dsn: str, models: Conn) -> None:
    promote = b"SELECT promote('a', '1')"
    require = (
        b"INSERT INTO promotion_policies (model_name, slot, requires_decision)"
        b" VALUES ('a', 'production', true)"
    )
    with psycopg.connect(dsn, options="-c lock_timeout=100ms") as other:
        with models.transaction():
            models.execute(promote)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(require)
        other.rollback()
        other.execute(require)
        models.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            models.execute("SELECT promote('a', '2')")
        other.commit()
    # It was waited for: the promotion sees it.
    with pytest.raises(psycopg.DatabaseError, match="decision"):
        models.execute("SELECT promote('a', '2')")


def test_writers_that_check_constraints_at_once_break_no_other_promotion(
    dsn: str, models: Conn
) -> None:
    over, failures = Event(), Counter[str | None]()

    def work(number: int) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            if number < 2:
                _at_once(connection, number, over)
                return
            for turn in range(full(100, 12)):
                try:
                    name, version = MODELS[(number + turn) % 3], str(1 + turn % 4)
                    connection.execute("SELECT promote(%s, %s)", [name, version])
                except psycopg.Error as error:
                    failures[error.sqlstate] += 1
            if number == 2:
                over.set()

    in_threads(6, work)
    assert failures == {}
    assert whole(dsn)


def _at_once(connection: Conn, number: int, over: Event) -> None:
    chance = random.Random(number)
    while not over.is_set():
        try:
            with connection.transaction():
                connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                for name in chance.sample(MODELS, 3):
                    connection.execute("SELECT promote(%s, %s)", [name, str(chance.randint(1, 4))])
        except psycopg.errors.SerializationFailure:
            pass  # Of these two: they lock slots in different orders.
