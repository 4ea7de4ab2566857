"""Concurrent promotions and registrations, through the repositories and as psql would."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fix_faults import full, in_threads

from mlops_ledger import (
    Database,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.errors import Conflict, NotFound

ROUNDS = 200

# What may not be in the history of a slot: a second open interval, a gap, an overlap.
FLAWS = """
WITH history AS (
    SELECT deployed_at, retired_at,
           lag(retired_at) OVER w AS retired_before, lead(deployed_at) OVER w AS deployed_after
    FROM v_deployments WHERE model_name = 'm' AND slot = 'production'
    WINDOW w AS (ORDER BY deployed_at))
SELECT count(*) FILTER (WHERE retired_before <> deployed_at),
       count(*) FILTER (WHERE retired_at IS NULL AND deployed_after IS NOT NULL),
       count(*) FILTER (WHERE retired_at <= deployed_at)
FROM history
"""


def promote_with_repository(dsn: str) -> tuple[Callable[[int, str], object], Callable[[], None]]:
    db = Database(dsn)
    models = ModelVersionRepository(db)
    return lambda _, version: models.promote(model_name="m", model_version=version), db.close


def promote_with_sql(dsn: str) -> tuple[Callable[[int, str], object], Callable[[], None]]:
    connections = [psycopg.connect(dsn, autocommit=True) for _ in range(2)]

    def promote(number: int, version: str) -> object:
        return connections[number].execute("SELECT promote('m', %s)", [version])

    def close() -> None:
        for connection in connections:
            connection.close()

    return promote, close


@pytest.mark.parametrize("open_way", [promote_with_repository, promote_with_sql])
def test_two_promotions_at_once_leave_one_open_interval(
    dsn: str, conn: psycopg.Connection, open_way: Callable[..., tuple]
) -> None:
    conn.execute(
        "INSERT INTO model_versions (model_name, model_version)"
        " SELECT 'm', n::text FROM generate_series(1, 4) n"
    )
    promote, close = open_way(dsn)
    for number in range(ROUNDS):
        # Never one of the last round's versions, so that each promotion changes something.
        pair = ("1", "2") if number % 2 else ("3", "4")
        in_threads(2, lambda thread, pair=pair: promote(thread, pair[thread]))
        open_now = conn.execute(
            "SELECT array_agg(model_version) FROM v_deployments WHERE retired_at IS NULL"
        ).fetchone()
        staged = conn.execute(
            "SELECT array_agg(model_version) FROM model_versions WHERE stage = 'production'"
        ).fetchone()
        assert open_now is not None
        assert open_now == staged
        assert len(open_now[0]) == 1
        assert open_now[0][0] in pair
    close()
    assert conn.execute("SELECT count(*) FROM model_deployments").fetchone() == (2 * ROUNDS,)
    assert conn.execute(FLAWS).fetchone() == (0, 0, 0)


def test_sixteen_promoters_see_neither_deadlock_nor_duplicate(
    dsn: str, conn: psycopg.Connection
) -> None:
    each = full(200, 20)
    with Database(Settings(conninfo=dsn, pool_max_size=16)) as db:
        models = ModelVersionRepository(db)
        for _ in range(16):
            models.insert(model_name="m")

        def work(number: int) -> None:
            for _ in range(each):
                models.promote(model_name="m", model_version=str(number + 1), slot="production")
                models.promote(model_name="m", model_version=str(number + 1), slot=f"s{number % 3}")

        in_threads(16, work)
    assert conn.execute(FLAWS).fetchone() == (0, 0, 0)
    open_slots = conn.execute(
        "SELECT slot, count(*) FROM v_deployments WHERE retired_at IS NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert open_slots == [("production", 1), ("s0", 1), ("s1", 1), ("s2", 1)]


def test_promotions_and_rollbacks_at_once_leave_no_gap(dsn: str, conn: psycopg.Connection) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        for version in ("1", "2", "3", "4"):
            models.insert(model_name="m")
            models.promote(model_name="m", model_version=version)

        def work(number: int) -> None:
            for turn in range(full(100, 25)):
                if number < 2:
                    models.promote(model_name="m", model_version=str((turn + number) % 4 + 1))
                else:
                    # Alone at the end, rollbacks may arrive at the very first version.
                    with suppress(NotFound):
                        models.rollback(model_name="m")

        in_threads(3, work)
    assert conn.execute(FLAWS).fetchone() == (0, 0, 0)
    assert conn.execute(
        "SELECT count(*) FROM v_deployments WHERE retired_at IS NULL"
    ).fetchone() == (1,)


def test_production_at_is_right_at_random_timestamps(dsn: str, conn: psycopg.Connection) -> None:
    chance = random.Random(7)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        for _ in range(5):
            models.insert(model_name="m")
        at, live = began, False
        for _ in range(100):
            at += timedelta(microseconds=chance.randint(1, 10**10))
            if live and chance.random() < 0.2:
                models.retire(model_name="m", at=at)
                live = False
            else:
                models.promote(model_name="m", model_version=str(chance.randint(1, 5)), at=at)
                live = True
        history = conn.execute(
            "SELECT deployed_at, retired_at, id FROM model_deployments"
        ).fetchall()
        edges = [edge for row in history for edge in row[:2] if edge is not None]
        timestamps = [began + (at - began) * chance.uniform(-0.1, 1.1) for _ in range(700)]
        near = timedelta(microseconds=1)
        timestamps += [chance.choice(edges) + near * chance.randint(-1, 1) for _ in range(300)]
        for when in timestamps:
            expected = [
                id for start, end, id in history if start <= when and (not end or when < end)
            ]
            found = models.production_at(model_name="m", at=when)
            assert ([found.id] if found else []) == expected


def test_inserts_without_a_version_number_without_holes(dsn: str, conn: psycopg.Connection) -> None:
    each = full(100, 25)
    with Database(Settings(conninfo=dsn, pool_max_size=8)) as db:
        models = ModelVersionRepository(db)

        def work(number: int) -> None:
            for turn in range(each):
                if turn % 5 == number % 5:
                    # A transaction that fails gives its number back.
                    fail_in_transaction(db)
                models.insert(model_name="m", id=new_id())

        in_threads(8, work)
    numbers = conn.execute("SELECT model_version::int FROM model_versions ORDER BY 1").fetchall()
    assert [number for (number,) in numbers] == list(range(1, 8 * each + 1))


def test_of_many_that_make_a_model_at_once_none_fails(dsn: str, conn: psycopg.Connection) -> None:
    barrier = threading.Barrier(8)
    turns = full(500, 100)
    refusals: list[str] = []

    def work(number: int) -> None:
        with Database(dsn) as db:
            for turn in range(turns):
                barrier.wait(60)
                if number:
                    ModelVersionRepository(db).insert(model_name=f"m{turn}")
                    continue
                try:
                    ModelsRepository(db).insert(model_name=f"m{turn}")
                except Conflict as error:
                    refusals.append(str(error))

    in_threads(8, work)
    assert all("this model is already registered" in each for each in refusals)
    counts = conn.execute("SELECT count(*) FROM model_versions GROUP BY model_name").fetchall()
    assert counts == [(7,)] * turns


def test_who_is_second_to_register_a_version_gets_that_of_the_first(dsn: str) -> None:
    """It was not there yet when it was looked for."""
    one = {"model_name": "m", "model_version": "1"}
    waits = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    with Database(dsn) as db, ThreadPoolExecutor(1) as pool:
        with db.transaction() as tx, tx.connection() as holder:
            first = ModelVersionRepository(tx).get_or_insert(**one)
            second = pool.submit(ModelVersionRepository(db).get_or_insert, **one)
            while holder.execute(waits).fetchone() == (0,):
                assert not second.done()
        assert second.result() == first


def fail_in_transaction(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        ModelVersionRepository(tx).insert(model_name="m")
        raise ZeroDivisionError


def refused_after(
    holder: psycopg.Connection, waiting: psycopg.Connection, statement: str, refusal: str
) -> None:
    """Run a statement that waits for `holder`, which then commits, and is refused."""
    blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
    backend = waiting.info.backend_pid
    answered = threading.Event()

    def work(thread: int) -> None:
        if thread:
            while holder.execute(blocked, [backend]).fetchone() != (True,):
                assert not answered.is_set(), "it did not wait"
            holder.commit()
            return
        try:
            with pytest.raises(psycopg.Error, match=refusal):
                waiting.execute(statement.encode())
        finally:
            answered.set()

    in_threads(2, work)


WITHDRAW = "SELECT withdraw_version('m', '1')"
REGISTER = "INSERT INTO model_versions (model_name, model_version) VALUES ('m', '1')"
MEASURE = (
    "INSERT INTO performance_metrics (model_name, model_version_id, metric_name, metric_value)"
    " VALUES ('m', '{id}', 'rmse', 1)"
)


@pytest.mark.parametrize(
    ("first", "second", "refusal"),
    [
        (WITHDRAW, REGISTER, "was withdrawn"),
        (WITHDRAW, MEASURE, "names no version of this model"),
        (MEASURE, WITHDRAW, r"performance_metrics \(1\)"),
        ("SELECT promote('m', '1')", WITHDRAW, r"model_deployments \(1\)"),
    ],
)
def test_of_a_withdrawal_and_what_refers_to_its_version_one_is_refused(
    dsn: str, conn: psycopg.Connection, first: str, second: str, refusal: str
) -> None:
    registered = "INSERT INTO model_versions (model_name) VALUES ('m') RETURNING id"
    [(version,)] = conn.execute(registered).fetchall()
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn, autocommit=True) as waiting:
        holder.execute(first.format(id=version).encode())
        refused_after(holder, waiting, second.format(id=version), refusal)


def test_a_withdrawal_waits_for_a_prediction_that_is_being_stored(
    dsn: str, conn: psycopg.Connection
) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        conn.execute("SET lock_timeout = '50ms'")
        with db.transaction() as tx:
            PredictionsRepository(tx).insert(model_name="m", model_version="1")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                conn.execute(WITHDRAW)
        with pytest.raises(psycopg.Error, match=r"predictions \(1\)"):
            conn.execute(WITHDRAW)
