"""The server goes away and comes back, under pools that hold connections to it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import AsyncExitStack, ExitStack

import pytest
from fix_faults import full, in_threads, stop

from mlops_ledger import AsyncDatabase, Database, ModelVersionRepository, Settings
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.errors import Unavailable

pytestmark = pytest.mark.once

SIZES = (1, 4, 10, 20)
OUTAGE = full(40, 6)
WAYS = ("fast", "immediate", "kill -9")


def settings(dsn: str, size: int, *, fixed: bool = False, timeout: float = 10) -> Settings:
    least = size if fixed else 1
    return Settings(conninfo=dsn, pool_min_size=least, pool_max_size=size, pool_timeout=timeout)


def fill(db: Database, size: int) -> None:
    """Make the pool open all its connections."""
    with ExitStack() as stack:
        for _ in range(size):
            stack.enter_context(db.connection())


async def fill_async(db: AsyncDatabase, size: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(size):
            await stack.enter_async_context(db.connection())


def effort(db: Database | AsyncDatabase) -> Counter[str]:
    """Return what the pool has counted so far."""
    assert db._pool is not None
    return Counter(db._pool.get_stats())


def assert_effortless(before: Counter[str], after: Counter[str], size: int) -> None:
    """Assert what makes a call quick: no failed attempt, which is what a pool backs off after.

    Each dead connection was asked for at most once, and then a living one: again when a busy
    machine was slow to make it.
    """
    after.subtract(before)
    assert after["connections_errors"] == 0
    assert after["returns_bad"] <= size
    assert after["requests_num"] - after["requests_errors"] <= size + 1


def test_a_server_without_room_for_locks_says_what_to_raise(victim_dsn: str) -> None:
    with Database(victim_dsn) as db:
        query = "SELECT pg_advisory_xact_lock(i) FROM generate_series(1, 1000000) i"
        with (
            pytest.raises(Unavailable, match="max_locks_per_transaction"),
            db.transaction() as tx,
            tx.connection() as connection,
        ):
            connection.execute(query)
        assert ModelVersionRepository(db).list_versions() == []


@pytest.mark.parametrize("way", WAYS)
def test_the_call_after_a_restart_succeeds_at_once(
    victim: EmbeddedServer, victim_dsn: str, way: str
) -> None:
    with ExitStack() as stack:
        pools = [stack.enter_context(Database(settings(victim_dsn, size))) for size in SIZES]
        for db, size in zip(pools, SIZES, strict=True):
            fill(db, size)
            assert db.health().pool["pool_size"] == size
        stop(victim, way)
        victim.start()
        for db, size in zip(pools, SIZES, strict=True):
            before = effort(db)
            assert ModelVersionRepository(db).list_versions() == []
            assert_effortless(before, effort(db), size)
            # Later calls find no dead connection either.
            in_threads(size, lambda _, db=db: ModelVersionRepository(db).list_versions())


@pytest.mark.parametrize("way", WAYS)
async def test_the_async_call_after_a_restart_succeeds_at_once(
    victim: EmbeddedServer, victim_dsn: str, way: str
) -> None:
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(AsyncDatabase(settings(victim_dsn, size)))
            for size in SIZES
        ]
        for db, size in zip(pools, SIZES, strict=True):
            await fill_async(db, size)
        stop(victim, way)
        victim.start()
        for db, size in zip(pools, SIZES, strict=True):
            before = effort(db)
            async with db.connection() as connection:
                await connection.execute("SELECT 1")
            assert_effortless(before, effort(db), size)

            async def call(db: AsyncDatabase = db) -> None:
                async with db.connection() as connection:
                    await connection.execute("SELECT 1")

            await asyncio.gather(*(call() for _ in range(size)))


def test_a_transaction_begun_before_a_restart_fails_and_the_next_works(
    victim: EmbeddedServer, victim_dsn: str
) -> None:
    with Database(settings(victim_dsn, 1)) as db:
        with pytest.raises(Unavailable), db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="lost")
            stop(victim, "fast")
            victim.start()
            ModelVersionRepository(tx).insert(model_name="lost")
        assert ModelVersionRepository(db).list_versions() == []


async def test_calls_succeed_soon_after_an_outage(victim: EmbeddedServer, victim_dsn: str) -> None:
    pools = {
        f"pool of {size}, fixed={fixed}": Database(
            settings(victim_dsn, size, fixed=fixed, timeout=2)
        )
        for fixed, sizes in ((False, SIZES[:3]), (True, SIZES))
        for size in sizes
    }
    async_pools = {size: AsyncDatabase(settings(victim_dsn, size, timeout=2)) for size in SIZES}
    recovered: set[str] = set()
    refused: dict[str, int] = dict.fromkeys(pools, 0)
    back = threading.Event()
    refused_since: Counter[str] = Counter()

    def call_until_it_works(name: str) -> None:
        while name not in recovered:
            try:
                ModelVersionRepository(pools[name]).list_versions()
                recovered.add(name)
            except Unavailable:
                refused[name] += 1
                refused_since[name] += back.is_set()

    async def call_async_until_it_works(size: int) -> None:
        name = f"async pool of {size}"
        while name not in recovered:
            try:
                async with async_pools[size].connection() as connection:
                    await connection.execute("SELECT 1")
                recovered.add(name)
            except Unavailable:
                refused_since[name] += back.is_set()

    for name, db in pools.items():
        fill(db, int(name.split()[2].rstrip(",")))
    for size, async_db in async_pools.items():
        await fill_async(async_db, size)
    stop(victim, "fast")
    threads = [threading.Thread(target=call_until_it_works, args=(name,)) for name in pools]
    for thread in threads:
        thread.start()
    tasks = [asyncio.create_task(call_async_until_it_works(size)) for size in SIZES]
    await asyncio.sleep(OUTAGE)
    assert recovered == set()
    await asyncio.to_thread(victim.start)
    back.set()
    await asyncio.gather(*tasks, *(asyncio.to_thread(thread.join) for thread in threads))
    for db in pools.values():
        db.close()
    for async_db in async_pools.values():
        await async_db.close()
    assert len(recovered) == len(pools) + len(async_pools)
    # The call that was waiting and one more; a pool that backs off refuses several.
    assert {name: count for name, count in refused_since.items() if count > 2} == {}
    assert min(refused.values()) > 0


def test_the_first_use_after_a_failed_one_works(victim: EmbeddedServer, victim_dsn: str) -> None:
    db = Database(settings(victim_dsn, 2))
    stop(victim, "fast")
    with pytest.raises(Unavailable, match="nothing listens"):
        db.open()
    health = db.health()
    assert not health.reachable
    assert not health.healthy
    victim.start()
    assert ModelVersionRepository(db).list_versions() == []
    assert db.health().healthy
    db.close()
