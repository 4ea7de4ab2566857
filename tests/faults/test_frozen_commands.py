"""What operators run ends when the server freezes, and waits for one that is only busy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_faults import NEVER, frozen
from fix_logger import wait_until
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
)
from mlops_ledger.admin.backup import backup, restore
from mlops_ledger.admin.create import initialise
from mlops_ledger.connection import bounded
from mlops_ledger.connection.connections import connect, direct
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.errors import Unavailable
from mlops_ledger.migrations import Migrator

pytestmark = pytest.mark.once

GONE = r"has not answered for|no longer answers"


@pytest.fixture
def settings(victim_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that make a frozen server known soon."""
    monkeypatch.setattr(bounded, "SILENCE", 0.3)
    monkeypatch.setattr(bounded, "_TRIES", 2)
    return Settings(conninfo=victim_dsn, home=tmp_path, connect_timeout=2)


HOLDERS = (
    b"SELECT FROM pg_locks WHERE relation = 'predictions'::regclass AND pid <> pg_backend_pid()"
)


@pytest.fixture
def frozen_when(victim: EmbeddedServer, victim_dsn: str) -> Iterator[Any]:
    """Run something in a thread, freeze the server at a time, and return what was raised."""

    def run(work: Callable[[], object], waits: str) -> BaseException | None:
        raised: list[BaseException] = []

        def attempt() -> None:
            try:
                work()
            except Exception as error:
                raised.append(error)

        worker = threading.Thread(target=attempt)
        with psycopg.connect(victim_dsn, autocommit=True) as watcher:
            worker.start()
            asked = "SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND " + waits
            while watcher.execute(asked.encode()).rowcount == 0:
                assert worker.is_alive(), raised
            with frozen(victim):
                worker.join(NEVER)
        assert not worker.is_alive()
        return raised[0] if raised else None

    return run


@pytest.fixture
def stored(settings: Settings) -> str:
    """A model with enough predictions that reading them takes several answers."""
    with Database(settings) as db:
        if not ModelVersionRepository(db).list_versions(model_name="stored"):
            ModelVersionRepository(db).insert(model_name="stored", model_version="1")
            rows = [{"prediction": 1.0, "inputs": {"a": "x" * 1000}} for _ in range(20_000)]
            PredictionsRepository(db).insert_many(model_name="stored", model_version="1", rows=rows)
    return "stored"


@pytest.fixture
def locked(settings: Settings, stored: str) -> Iterator[psycopg.Connection[Any]]:
    """A session that keeps others from reading predictions."""
    with psycopg.connect(str(settings.conninfo)) as holder:
        holder.execute("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE")
        yield holder


def test_a_migration_gives_up(settings: Settings, frozen_when: Any, tmp_path: Path) -> None:
    (tmp_path / "0001_long.up.sql").write_text("SELECT pg_sleep(3600);\n")
    (tmp_path / "0001_long.down.sql").write_text("SELECT 1;\n")
    conninfo = make_conninfo(direct(settings, str(settings.conninfo)), dbname="postgres")
    with psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS long")
        admin.execute("CREATE DATABASE long")
    migrator = Migrator(make_conninfo(conninfo, dbname="long"), tmp_path)
    error = frozen_when(migrator.up, "query LIKE '%pg_sleep%' AND state = 'active'")
    assert isinstance(error, Unavailable)
    with psycopg.connect(make_conninfo(conninfo, dbname="long")) as conn:
        assert conn.execute("SELECT count(*) FROM ledger_migrations").fetchone() == (0,)


def test_init_gives_up(settings: Settings, frozen_when: Any) -> None:
    other = make_conninfo(str(settings.conninfo), dbname="slowly")
    target = Settings(conninfo=other, home=settings.home, connect_timeout=2)
    migrating = "application_name = 'mlops-ledger migrate' AND state = 'active'"
    error = frozen_when(lambda: initialise(target), migrating)
    assert isinstance(error, Unavailable)
    assert initialise(target).database == "slowly"


def test_counting_for_a_backup_gives_up(
    settings: Settings, locked: psycopg.Connection[Any], frozen_when: Any, tmp_path: Path
) -> None:
    error = frozen_when(lambda: backup(settings, tmp_path / "b"), "wait_event_type = 'Lock'")
    assert isinstance(error, Unavailable)
    assert list(tmp_path.glob("b*")) == []


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_a_program_that_waits_for_ever_is_ended(
    victim: EmbeddedServer, settings: Settings, stored: str, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "whole"
    backup(settings, file)
    with ExitStack() as stack:

        def freeze(done: int, total: int) -> None:
            if not ice:
                ice.append(stack.enter_context(frozen(victim)))

        ice: list[object] = []
        with pytest.raises(Unavailable, match=GONE):
            if what == "backup":
                backup(settings, tmp_path / "half", freeze)
            else:
                restore(settings, file, "half", freeze)
        assert ice
    assert [path.name for path in tmp_path.glob("*half*")] == []
    # Nothing of it stands in the way.
    assert restore(settings, file, "half").rows["predictions"] > 0
    with psycopg.connect(make_conninfo(str(settings.conninfo), dbname="postgres")) as admin:
        admin.autocommit = True
        admin.execute("DROP DATABASE half")


def test_reading_a_table_gives_up(
    settings: Settings, locked: psycopg.Connection[Any], frozen_when: Any, stored: str
) -> None:
    def read() -> None:
        with Database(settings) as db:
            PredictionsRepository(db).fetch_arrow(model_name=stored)

    error = frozen_when(read, "wait_event_type = 'Lock'")
    assert isinstance(error, Unavailable)


def test_reading_batches_gives_up(
    settings: Settings, locked: psycopg.Connection[Any], frozen_when: Any, stored: str
) -> None:
    def read() -> None:
        with Database(settings) as db:
            for _ in PredictionsRepository(db).iter_batches(model_name=stored):
                pass

    error = frozen_when(read, "wait_event_type = 'Lock'")
    assert isinstance(error, Unavailable)
    # The server is back: nobody reads on, and nobody else waits for the locks of that.
    locked.execute("ROLLBACK")
    wait_until(lambda: locked.execute(HOLDERS).rowcount == 0)


async def test_an_async_statement_without_an_end_gives_up(
    victim: EmbeddedServer, settings: Settings
) -> None:
    async with AsyncDatabase(settings) as db:
        with frozen(victim), pytest.raises(Unavailable, match=GONE):
            async with db.connection() as connection:
                connection.patience = None
                await connection.execute("SELECT 1")


def test_what_is_only_slow_is_waited_for(settings: Settings, stored: str) -> None:
    """Many silences long, though the server would refuse whoever comes."""
    conninfo = direct(settings, str(settings.conninfo))
    with connect(conninfo) as connection:
        connection.execute("SELECT pg_sleep(2)")
        assert bounded.answers(make_conninfo(conninfo, dbname="not there"))
        assert bounded.answers(make_conninfo(conninfo, password="wrong"))
        with Database(settings) as db, connection.transaction():
            connection.execute("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE")
            release = threading.Timer(2, connection.execute, ["ROLLBACK"])
            release.start()
            table = PredictionsRepository(db).fetch_arrow(model_name=stored)
            release.join()
    assert table.num_rows == 20_000


def test_who_accepts_and_stays_silent_does_not_answer(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert not bounded.answers(f"host=127.0.0.1 port={port} connect_timeout=2")
    # Who refuses is there.
    assert bounded.answers(f"host=127.0.0.1 port={port} connect_timeout=2")
