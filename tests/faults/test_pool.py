"""A pool that has no connection to lend says why."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from fix_faults import Proxy

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    Database,
    ModelVersionRepository,
    Settings,
)
from mlops_ledger._sync import database
from mlops_ledger.errors import PoolExhausted, Unavailable

pytestmark = pytest.mark.once


def test_the_first_call_opens_one_connection(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_SOON", 60)
    with Database(dsn) as db:
        for _ in range(3):
            ModelVersionRepository(db).list_versions()
        assert db._pool is not None
        assert db._pool.get_stats()["connections_num"] == 1


def test_an_exhausted_pool_says_so_in_time(dsn: str) -> None:
    with (
        Database(Settings(conninfo=dsn, pool_max_size=2, pool_timeout=0.5)) as db,
        db.connection(),
        db.connection(),
    ):
        began = time.monotonic()
        with pytest.raises(PoolExhausted, match="all 2 connections were in use"):
            ModelVersionRepository(db).list_versions()
        assert time.monotonic() - began > 0.4


class _Reluctant(Proxy):
    """A server that answers, but lets no connection of a pool begin until it is told to."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, share=0)
        self.relent = threading.Event()

    def _fault(self, request: bytes) -> str | None:
        # Only what begins a session of the pool names the schema.
        if b"search_path" in request and request[0] == 0:
            self.relent.wait(60)
        return None


def test_a_pool_that_cannot_connect_is_not_said_to_be_in_use(dsn: str) -> None:
    with (
        _Reluctant(dsn) as server,
        Database(Settings(conninfo=server.dsn, pool_timeout=0.5)) as db,
    ):
        try:
            with (
                # The pool has not begun the first, which has looked at the server.
                db.connection(),
                pytest.raises(Unavailable, match="no further connection was made") as raised,
            ):
                ModelVersionRepository(db).list_versions()
            assert not isinstance(raised.value, PoolExhausted)
        finally:
            # Before the pool is closed, which waits for what it began.
            server.relent.set()


async def test_calls_wait_side_by_side_for_an_exhausted_async_pool(dsn: str) -> None:
    settings = Settings(conninfo=dsn, pool_max_size=2, pool_timeout=2)
    async with AsyncDatabase(settings) as db, db.connection(), db.connection():
        models = AsyncModelVersionRepository(db)
        calls = [asyncio.create_task(models.list_versions()) for _ in range(5)]
        assert db._pool is not None
        while db._pool.get_stats()["requests_waiting"] < 5:
            assert not any(call.done() for call in calls)
            await asyncio.sleep(0)
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [PoolExhausted] * 5
