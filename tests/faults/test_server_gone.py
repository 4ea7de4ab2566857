"""A server that is gone is told of at once; the embedded one is started again."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fix_faults import NEVER, stop
from fix_servers import open_folder
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    Database,
    ModelVersionRepository,
    PredictionLogger,
    Settings,
)
from mlops_ledger.admin.create import initialise
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.errors import ConnectionLost, LoginRefused, NothingListens

pytestmark = pytest.mark.once

# Tells a failure at once from one after waiting in vain.
LONG = float(NEVER)


@pytest.fixture(scope="module")
def own() -> Iterator[Settings]:
    """Settings of an embedded ledger of its own."""
    with open_folder() as home:
        settings = Settings(home=home, pool_timeout=LONG)
        initialise(settings)
        yield settings
        EmbeddedServer(home).stop()


def test_a_call_fails_at_once_where_nothing_listens(
    victim: EmbeddedServer, victim_dsn: str
) -> None:
    with Database(Settings(conninfo=victim_dsn, pool_timeout=LONG)) as db:
        ModelVersionRepository(db).list_versions()
        stop(victim, "fast")
        try:
            for _ in range(3):
                begun = time.monotonic()
                with pytest.raises(NothingListens, match="nothing listens at that host and port"):
                    ModelVersionRepository(db).list_versions()
                assert time.monotonic() - begun < LONG
        finally:
            victim.start()
        assert ModelVersionRepository(db).list_versions() == []


@pytest.fixture
def service(victim_dsn: str) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A session of an administrator, and the connection string of a user with the password old."""
    name = f"t{uuid4().hex[:12]}"
    user = sql.Identifier(name)
    with psycopg.connect(victim_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'old'").format(user))
        yield admin, make_conninfo(victim_dsn, user=name, password="old")
        admin.execute(sql.SQL("DROP ROLE {}").format(user))


def set_password(admin: psycopg.Connection[Any], conninfo: str, password: str) -> None:
    user = sql.Identifier(conninfo_to_dict(conninfo)["user"])
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, password))


def test_a_call_fails_at_once_where_the_password_was_changed(
    service: tuple[psycopg.Connection[Any], str],
) -> None:
    admin, conninfo = service
    with Database(Settings(conninfo=conninfo, pool_timeout=LONG)) as db:
        ModelVersionRepository(db).list_versions()
        set_password(admin, conninfo, "new")
        # Waited for: what is still alive would be lent.
        admin.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = %s",
            [conninfo_to_dict(conninfo)["user"]],
        )
        begun = time.monotonic()
        with pytest.raises(LoginRefused, match="the password or the user name is wrong"):
            ModelVersionRepository(db).list_versions()
        assert time.monotonic() - begun < LONG
        set_password(admin, conninfo, "old")
        assert ModelVersionRepository(db).list_versions() == []


def test_a_call_waits_for_a_session_that_is_older_than_the_password(
    service: tuple[psycopg.Connection[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, conninfo = service
    looked = threading.Event()
    settings = Settings(conninfo=conninfo, pool_max_size=1, pool_timeout=LONG)
    with Database(settings) as db, ThreadPoolExecutor(1) as threads:
        look = db._require_listener

        def noted(pool: Any) -> None:
            try:
                look(pool)
            finally:
                looked.set()

        monkeypatch.setattr(db, "_require_listener", noted)
        with db.connection():
            set_password(admin, conninfo, "new")
            waiting = threads.submit(ModelVersionRepository(db).list_versions)
            assert looked.wait(LONG)
        assert waiting.result() == []


async def test_an_async_call_fails_at_once_where_nothing_listens(
    victim: EmbeddedServer, victim_dsn: str
) -> None:
    async with AsyncDatabase(Settings(conninfo=victim_dsn, pool_timeout=LONG)) as db:
        async with db.connection():
            pass
        stop(victim, "kill -9")
        begun = time.monotonic()
        try:
            with pytest.raises(NothingListens):
                # A session may outlive a killed server for a time.
                while True:
                    async with db.connection():
                        await asyncio.sleep(0.01)
            assert time.monotonic() - begun < LONG
        finally:
            victim.start()
        async with db.connection():
            pass


@pytest.mark.parametrize("way", ["fast", "kill -9"])
def test_the_embedded_server_is_started_again_by_an_open_database(own: Settings, way: str) -> None:
    with Database(own) as db:
        ModelVersionRepository(db).list_versions()
        stop(EmbeddedServer(own.home), way)
        # A session may outlive a killed server for a time: its call is lost, and no other.
        with suppress(ConnectionLost):
            ModelVersionRepository(db).list_versions()
        assert ModelVersionRepository(db).list_versions() == []


def test_the_embedded_server_may_come_back_on_another_port(own: Settings) -> None:
    server = EmbeddedServer(own.home)
    with Database(own) as db:
        ModelVersionRepository(db).list_versions()
        port = server.status().port
        stop(server, "fast")
        with closing(socket.create_server(("127.0.0.1", port or 0))):
            assert ModelVersionRepository(db).list_versions() == []
            assert server.status().port != port


def test_the_embedded_server_is_started_again_by_an_open_logger(own: Settings) -> None:
    with Database(own) as db:
        ModelVersionRepository(db).insert(model_name="m")
    with PredictionLogger(own, model_name="m", model_version="1") as log:
        log(request_id="before")
        assert log.flush(timeout=60)
        stop(EmbeddedServer(own.home), "kill -9")
        log(request_id="after")
        assert log.flush(timeout=60)
    assert log.counters.stored == 2
