"""Async calls that are cancelled, at any time of their life, and tables that are ended."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import AsyncDatabase, AsyncModelVersionRepository, Settings, new_id
from mlops_ledger.arrow import Source, read_batches, read_table
from mlops_ledger.errors import LedgerError, TimedOut, Unavailable

pytestmark = pytest.mark.once

CANCELS = 100


@pytest.fixture
def chance() -> random.Random:
    return random.Random(3)


async def cancel_after(seconds: float, call: asyncio.Task[object]) -> bool:
    """Cancel a task after a while; return whether that was in time."""
    await asyncio.sleep(seconds)
    call.cancel()
    return isinstance(
        (await asyncio.gather(call, return_exceptions=True))[0], asyncio.CancelledError
    )


async def idle_in(db: AsyncDatabase) -> int:
    """Return how many of the pool's connections wait to be lent."""
    return (await db.health()).pool["pool_available"]


class CancelledAt:
    """A call that is cancelled when it waits for the so-manyth time."""

    def __init__(self, call: Coroutine[Any, Any, object], at: int) -> None:
        self._call = call
        self._left = at

    def __await__(self) -> Generator[Any, None, bool]:
        """Return whether it had its end before."""
        error: BaseException | None = None
        while True:
            try:
                awaited = self._call.throw(error) if error else self._call.send(None)
            except StopIteration:
                return self._left > 0
            self._left -= 1
            if self._left == 0 and (task := asyncio.current_task()):
                task.cancel()
            error = None
            try:
                yield awaited
            except BaseException as thrown:
                error = thrown


@pytest.mark.parametrize("end", ["open", "close"])
async def test_cancelling_an_opening_or_closing_leaves_nothing_open(
    dsn: str, conn: psycopg.Connection, end: str
) -> None:
    sessions = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    before = asyncio.all_tasks()
    at, ended = 0, False
    while not ended:
        at += 1
        db = AsyncDatabase(Settings(conninfo=dsn, pool_min_size=3))
        if end == "close":
            await db.open()

        async def cancelled(db: AsyncDatabase = db, at: int = at) -> bool:
            return await CancelledAt(db.open() if end == "open" else db.close(), at)

        [outcome] = await asyncio.gather(asyncio.create_task(cancelled()), return_exceptions=True)
        ended = outcome is True
        if db.is_open:
            await db.close()
        deadline = time.monotonic() + 20
        del outcome
        while asyncio.all_tasks() != before or conn.execute(sessions).fetchone() != (0,):
            assert time.monotonic() < deadline, f"cancelled at {at}"
            if end == "open":
                # The driver leaves a connection that it was making to the garbage.
                gc.collect()
            await asyncio.sleep(0.01)
    assert at > 1


@pytest.mark.parametrize("in_transaction", [False, True], ids=["alone", "transaction"])
async def test_a_cancelled_call_gives_its_connection_back(
    dsn: str, chance: random.Random, in_transaction: bool
) -> None:
    async with AsyncDatabase(Settings(conninfo=dsn, pool_max_size=1, pool_timeout=3)) as db:

        async def call() -> object:
            if in_transaction:
                async with db.transaction() as tx:
                    return await AsyncModelVersionRepository(tx).insert(model_name="m")
            return await AsyncModelVersionRepository(db).insert(model_name="m")

        cancelled = 0
        for _ in range(CANCELS):
            cancelled += await cancel_after(chance.uniform(0, 0.001), asyncio.create_task(call()))
            # A pool of one shows a leak at once.
            await AsyncModelVersionRepository(db).list_versions()
        assert cancelled > 0
        assert await idle_in(db) == 1


async def test_a_cancelled_query_ends_on_the_server(dsn: str, conn: psycopg.Connection) -> None:
    async with AsyncDatabase(Settings(conninfo=dsn, pool_max_size=1, pool_timeout=3)) as db:

        async def sleep() -> None:
            async with db.connection() as connection:
                await connection.execute("SELECT pg_sleep(30)")

        running = (
            "SELECT 1 FROM pg_stat_activity"
            " WHERE query LIKE 'SELECT pg_sleep(30)%' AND state = 'active'"
        )
        for _ in range(10):
            call = asyncio.create_task(sleep())
            while not conn.execute(running).fetchone():
                await asyncio.sleep(0.01)
            assert await cancel_after(0, call)
            assert await AsyncModelVersionRepository(db).list_versions() == []
            assert conn.execute(running).fetchone() is None


async def test_waiting_for_a_connection_can_be_cancelled(dsn: str, chance: random.Random) -> None:
    async with AsyncDatabase(Settings(conninfo=dsn, pool_max_size=1, pool_timeout=3)) as db:
        models = AsyncModelVersionRepository(db)
        for _ in range(CANCELS):
            async with db.connection():
                waiting = [asyncio.create_task(models.list_versions()) for _ in range(3)]
                await asyncio.sleep(chance.uniform(0, 0.002))
                waiting[0].cancel()
            # Just when the connection is handed over.
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert waiting[2].result() == []
        assert await idle_in(db) == 1


async def test_a_cancel_while_dead_connections_are_sorted_out_leaks_none(
    dsn: str, conn: psycopg.Connection, chance: random.Random
) -> None:
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with AsyncDatabase(Settings(conninfo=dsn, pool_max_size=1, pool_timeout=3)) as db:
        models = AsyncModelVersionRepository(db)
        for _ in range(CANCELS):
            conn.execute(terminate)
            call = asyncio.create_task(models.list_versions())
            # One step further in the life of the call each time.
            for _ in range(chance.randint(1, 12)):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert await models.list_versions() == []


async def test_a_write_that_was_cancelled_can_be_repeated(
    dsn: str, conn: psycopg.Connection, chance: random.Random
) -> None:
    async with AsyncDatabase(dsn) as db:
        models = AsyncModelVersionRepository(db)
        ids = [new_id() for _ in range(CANCELS)]
        for id in ids:
            call = asyncio.create_task(models.insert(model_name="m", id=id))
            await cancel_after(chance.uniform(0, 0.002), call)
            assert await models.insert(model_name="m", id=id) == id
    rows = conn.execute("SELECT id FROM model_versions ORDER BY model_version::int").fetchall()
    assert [id for (id,) in rows] == ids


async def test_a_timeout_around_calls_leaks_no_connection(dsn: str, chance: random.Random) -> None:
    async with AsyncDatabase(Settings(conninfo=dsn, pool_max_size=4, pool_timeout=5)) as db:
        models = AsyncModelVersionRepository(db)

        async def call() -> None:
            try:
                async with asyncio.timeout(chance.uniform(0.0001, 0.01)):
                    await models.insert(model_name="m")
            except TimeoutError:
                pass

        for _ in range(10):
            await asyncio.gather(*(call() for _ in range(20)))
        await asyncio.gather(*(models.list_versions() for _ in range(8)))
        for _ in range(100):
            stats = (await db.health()).pool
            if stats["pool_available"] == stats["pool_size"]:
                break
            # The pool replaces in the background what was cut off in the middle of an answer.
            await asyncio.sleep(0.02)
        assert stats["pool_available"] == stats["pool_size"]


# Ending a loop without closing the database leaves its connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_database_may_be_used_by_one_event_loop_after_another(dsn: str) -> None:
    db = AsyncDatabase(Settings(conninfo=dsn, pool_max_size=1, pool_timeout=3))

    async def job() -> list[int]:
        models = AsyncModelVersionRepository(db)
        await asyncio.gather(*(models.insert(model_name="m") for _ in range(5)))
        pages = await asyncio.gather(*(models.list_versions() for _ in range(5)))
        return [len(page) for page in pages]

    for number in (1, 2, 3):
        assert asyncio.run(job()) == [5 * number] * 5
    asyncio.run(db.close())


async def test_a_database_of_another_living_event_loop_is_refused(dsn: str) -> None:
    async with AsyncDatabase(dsn) as db:
        models = AsyncModelVersionRepository(db)
        assert await models.list_versions() == []
        with pytest.raises(LedgerError, match="event loop"):
            await asyncio.to_thread(asyncio.run, models.list_versions())
        assert await models.list_versions() == []


# Far more than a server sends ahead of its reader, and made as it is read: it does not stand in
# FROM, where all numbers would be stored first.
ENDLESS = "SELECT generate_series(1, 20000000) AS i, repeat('x', 100) AS endless"
READERS = (
    "FROM pg_stat_activity WHERE query LIKE '%AS endless%' AND datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize(
    ("function", "expected"),
    [("pg_cancel_backend", TimedOut), ("pg_terminate_backend", Unavailable)],
)
def test_a_table_that_is_ended_while_it_is_read_says_so(
    dsn: str, conn: psycopg.Connection[tuple[Any, ...]], function: str, expected: type[LedgerError]
) -> None:
    end = sql.SQL("SELECT {}(pid) " + READERS).format(sql.Identifier(function))
    source = Source(dsn, ENDLESS, "")
    batches = read_batches(source)
    assert next(batches).num_rows > 0
    assert conn.execute(end).fetchall() == [(True,)]
    with pytest.raises(expected) as caught:
        for _ in batches:
            pass
    assert caught.value.__context__ is None
    # The first reader's session takes its time to end, and another end would be wasted on it.
    while conn.execute("SELECT " + READERS).fetchall():
        time.sleep(0.01)
    with ThreadPoolExecutor(1) as pool:
        table = pool.submit(read_table, source)
        while not conn.execute(end).fetchall():
            time.sleep(0.01)
        with pytest.raises(expected):
            table.result()


def test_a_table_of_a_server_that_takes_no_connection_says_so(dsn: str) -> None:
    nowhere = make_conninfo(dsn, host="127.0.0.1", port=1)
    with pytest.raises(Unavailable, match="could not be made"):
        read_table(Source(nowhere, "SELECT 1", ""))
