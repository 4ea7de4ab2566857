"""PgBouncer between the ledger and the server, pooling by transaction."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from fix_faults import in_threads
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    events,
)
from mlops_ledger.admin.create import initialise

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="the program pgbouncer is not installed")

CONFIGURATION = """\
[databases]
mlops = host={host} port={port} dbname={dbname} user={user} password='{password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
{more}
"""


@pytest.fixture
def pooler(dsn: str) -> Iterator[str]:
    """A connection string to the database by way of PgBouncer."""
    with pgbouncer(dsn) as through:
        yield through


@contextmanager
def pgbouncer(dsn: str, more: str = "") -> Iterator[str]:
    """Run PgBouncer in front of a database; `more` is added to its configuration."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="mlops-ledger-pgbouncer-"))
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(**conninfo_to_dict(dsn), listen=port, more=more))
    user = None
    if os.geteuid() == 0:
        # It does not run as root.
        user = pwd.getpwnam("nobody").pw_uid
        for path in (folder, file):
            os.chown(path, user, -1)
    process = subprocess.Popen(
        [str(PGBOUNCER), "-q", file],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    through = make_conninfo(
        host="127.0.0.1", port=port, user="anyone", dbname="mlops", sslmode="disable"
    )
    wait_for(through)
    yield through
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


def wait_for(dsn: str) -> None:
    for _ in range(100):
        with suppress(psycopg.OperationalError):
            psycopg.connect(dsn).close()
            return
        time.sleep(0.05)
    raise AssertionError("PgBouncer did not start")


async def test_a_transaction_pooler_is_detected(pooler: str, dsn: str) -> None:
    with Database(pooler) as db:
        assert db.health().transaction_pooler
    with Database(dsn) as db:
        assert db.health().transaction_pooler is False
    async with AsyncDatabase(pooler) as async_db:
        assert (await async_db.health()).transaction_pooler


def test_six_clients_get_no_wrong_answer_through_it(pooler: str) -> None:
    databases = [Database(Settings(conninfo=pooler, pool_max_size=1)) for _ in range(6)]

    def work(number: int) -> int:
        wrong = 0
        for turn in range(300):
            # The same statement often enough that a driver would prepare it.
            query = f"SELECT %s::int + {number} + {turn % 5} * 100"
            with databases[number].connection() as connection:
                row = connection.execute(query, [turn]).fetchone()  # type: ignore[call-overload]
            wrong += row[0] != turn + number + turn % 5 * 100
        return wrong

    assert in_threads(6, work) == [0] * 6
    for db in databases:
        db.close()


def test_registrations_and_promotions_work_through_it(
    pooler: str, conn: psycopg.Connection
) -> None:
    databases = [Database(Settings(conninfo=pooler, pool_max_size=2)) for _ in range(6)]

    def work(number: int) -> None:
        for _ in range(25):
            models = ModelVersionRepository(databases[number])
            made = models.get(id=models.insert(model_name="m"))
            assert made is not None
            models.promote(model_name="m", model_version=made.model_version)
            with databases[number].transaction() as tx:
                models = ModelVersionRepository(tx)
                assert models.production_at(model_name="m") is not None
                models.set_tags(model_name="m", model_version=made.model_version, tags={"a": 1})

    in_threads(6, work)
    for db in databases:
        db.close()
    counts = conn.execute(
        "SELECT count(*), count(DISTINCT model_version::int), max(model_version::int)"
        " FROM model_versions WHERE tags @> '{\"a\": 1}'"
    ).fetchone()
    assert counts == (150, 150, 150)
    assert conn.execute(
        "SELECT count(*) FROM model_deployments WHERE retired_at IS NULL"
    ).fetchone() == (1,)


def test_a_table_read_through_it_means_what_every_read_means(
    dsn: str, conn: psycopg.Connection, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        PredictionsRepository(db).insert(
            model_name="m", model_version="1", predicted_at=noon, prediction=0.12345678901234568,
            metadata={"a": 1},
        )  # fmt: skip
    name = conn.info.dbname
    for setting in (
        "TimeZone = 'Asia/Kathmandu'", "search_path = nowhere", "extra_float_digits = -5",
        "DateStyle = 'German'", "default_transaction_read_only = on",
    ):  # fmt: skip
        conn.execute(f'ALTER DATABASE "{name}" SET {setting}'.encode())
    # Its sessions begin with what the database has set.
    pooler = request.getfixturevalue("pooler")
    through = Settings(conninfo=pooler, pool_max_size=2)
    with Database(through) as db, Database(through) as other:
        for _ in range(3):
            table = PredictionsRepository(db).fetch_arrow(model_name="m")
            [row] = table.to_pylist()
            assert row["predicted_at"] == noon
            assert row["prediction"] == 0.12345678901234568
            with other.connection() as connection:
                assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)
    with psycopg.connect(pooler) as another:
        assert another.execute("SHOW TimeZone").fetchone() == ("Asia/Kathmandu",)


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"], ids=["", "dropped"])
def test_options_name_the_schema_through_it(
    empty_database: str, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE SCHEMA led")
    options = "-c search_path=led"
    initialise(Settings(conninfo=make_conninfo(empty_database, options=options)))
    with pgbouncer(empty_database, more) as pooler:
        assert not Database(pooler).health().healthy
        with Database(make_conninfo(pooler, options=options)) as db:
            assert ModelVersionRepository(db).insert(model_name="m")
        monkeypatch.setenv("PGOPTIONS", f"{options} -c mlops_ledger.actor=nightly")
        with Database(pooler) as db, db.connection() as lent:
            show = "SELECT current_setting('mlops_ledger.actor'), to_regclass('models')::text"
            assert lent.execute(show).fetchone() == ("nightly", "models")


def test_the_ledgers_session_settings_do_not_reach_other_clients(pooler: str) -> None:
    watched = ("statement_timeout", "lock_timeout", "TimeZone", "search_path", "application_name")

    def settings_seen() -> set[tuple[str, ...]]:
        seen = set()
        connections = [psycopg.connect(pooler, application_name="other") for _ in range(3)]
        for connection in connections:
            # All at once, so that each has a server connection of its own.
            row = connection.execute(
                "SELECT " + ", ".join(f"current_setting('{name}')" for name in watched)
            ).fetchone()
            seen.add(tuple(row or ()))
        for connection in connections:
            connection.close()
        return seen

    before = settings_seen()
    with Database(Settings(conninfo=pooler, statement_timeout=7)) as db:
        models = ModelVersionRepository(db)
        for _ in range(10):
            models.insert(model_name="m")
        with db.transaction() as tx:
            ModelVersionRepository(tx).promote(model_name="m", model_version="1")
        assert settings_seen() == before


def test_a_follower_of_events_polls_through_it(pooler: str, conn: psycopg.Connection) -> None:
    alert = "SELECT raise_alert(t, 'news') FROM unnest('{one,two}'::text[]) t"
    with Database(pooler) as db, closing(events(db, consumer="p", poll=0.05)) as stream:
        threading.Timer(0.3, conn.execute, [alert]).start()
        assert [next(stream).seq, next(stream).seq] == [1, 2]
