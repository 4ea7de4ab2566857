"""A server that is not there, does not answer, refuses, or ends a call in the middle."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    Database,
    ModelVersionRepository,
    Settings,
)
from mlops_ledger.cli import main
from mlops_ledger.errors import (
    ConnectionLost,
    LedgerError,
    SchemaError,
    TimedOut,
    Unavailable,
)

pytestmark = pytest.mark.once

CONNECT_TIMEOUT = 2


@contextmanager
def black_hole() -> Iterator[int]:
    """Listen on a port, accept, and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def nobody() -> Iterator[int]:
    """Bind a port without listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def slammed_door(words: bytes = b"") -> Iterator[int]:
    """Accept connections and close them at once, as a load balancer without servers does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def close_all() -> None:
            while True:
                try:
                    with listener.accept()[0] as caller:
                        if words:
                            caller.recv(1000)
                            caller.sendall(words)
                except OSError:
                    return

        thread = threading.Thread(target=close_all)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def complaint(code: str, message: str) -> Callable[[], AbstractContextManager[int]]:
    """Make a server that refuses everybody, in words of its own language."""
    fields = "".join(f"{part}\0" for part in ("SFATAL", "VFATAL", f"C{code}", f"M{message}"))
    body = f"{fields}\0".encode()
    return lambda: slammed_door(b"E" + (4 + len(body)).to_bytes(4) + body)


REFUSALS = {
    "wrong password": ({"password": "wrong"}, "the password or the user name is wrong"),
    "unknown user": ({"user": "timeout"}, "the password or the user name is wrong"),
    # A name that contains a phrase of another refusal, to be told apart from it.
    "unknown database": ({"dbname": "controller ssl timeout"}, "the database does not exist"),
    "unknown host": (
        {"host": "controller.invalid", "hostaddr": ""},
        "the host name cannot be resolved",
    ),
    "nobody": ({"port": nobody}, "nothing listens at that host and port"),
    "black hole": ({"port": black_hole}, "no answer within the connect timeout"),
    "slammed door": ({"port": slammed_door}, "the server ended the connection"),
    "another language": (
        {"port": complaint("3D000", "Datenbank »x« existiert \x1bnicht"), "sslmode": "disable"},
        "the server refused it: Datenbank »x« existiert ?nicht",
    ),
    "no file": (
        {"port": complaint("58P01", "could not open file: No such file or directory")}
        | {"sslmode": "disable"},
        "the server misses one of its files",
    ),
    "no socket": ({"host": "/nowhere", "hostaddr": ""}, "nothing listens at that socket"),
}


@pytest.fixture(params=REFUSALS)
def refused(request: pytest.FixtureRequest, dsn: str) -> Iterator[tuple[str, str]]:
    changes, reason = REFUSALS[request.param]
    with ExitStack() as stack:
        values = {
            name: stack.enter_context(value()) if callable(value) else value
            for name, value in changes.items()
        }
        yield make_conninfo(dsn, connect_timeout=CONNECT_TIMEOUT, **values), reason


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was connected to, one entry for each attempt, sync or async."""
    made: list[str] = []
    connect, connect_async = psycopg.Connection.connect, psycopg.AsyncConnection.connect

    def counted(conninfo: str, **options: Any) -> psycopg.Connection[Any]:
        made.append(conninfo)
        return connect(conninfo, **options)

    async def counted_async(conninfo: str, **options: Any) -> psycopg.AsyncConnection[Any]:
        made.append(conninfo)
        return await connect_async(conninfo, **options)

    monkeypatch.setattr(psycopg.Connection, "connect", counted)
    monkeypatch.setattr(psycopg.AsyncConnection, "connect", counted_async)
    return made


def test_a_refused_connection_says_why_after_one_attempt(
    refused: tuple[str, str], attempts: list[str]
) -> None:
    dsn, reason = refused
    db = Database(dsn)
    with pytest.raises(Unavailable, match=re.escape(reason)) as caught:
        ModelVersionRepository(db).list_versions()
    assert len(attempts) == 1
    assert "cannot connect to database" in str(caught.value)
    assert "\n" not in str(caught.value)
    health = db.health()
    assert (health.healthy, health.reachable) == (False, False)
    assert reason in str(health.problem)


async def test_a_refused_async_connection_says_why_after_one_attempt(
    refused: tuple[str, str], attempts: list[str]
) -> None:
    dsn, reason = refused
    db = AsyncDatabase(dsn)
    with pytest.raises(Unavailable, match=re.escape(reason)):
        await AsyncModelVersionRepository(db).list_versions()
    assert len(attempts) == 1
    assert reason in str((await db.health()).problem)


def test_the_command_says_why_in_one_line(
    refused: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn, reason = refused
    monkeypatch.setenv("DATABASE_URL", dsn)
    with pytest.raises(SystemExit) as exit_:
        main(["models", "list"])
    assert exit_.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: cannot connect to")
    assert reason in lines[0]


def schema_of(dsn: str, change: str) -> str:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(change)  # type: ignore[arg-type]
    return dsn


def test_an_empty_database_is_told_from_a_migrated_one(empty_database: str) -> None:
    db = Database(empty_database)
    with pytest.raises(SchemaError, match="never migrated: run mlops-ledger init"):
        ModelVersionRepository(db).insert(model_name="m")
    health = db.health()
    assert (health.healthy, health.reachable, health.schema_version) == (False, True, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM ledger_migrations WHERE version > 1", "schema is older .*migrate up"),
        (
            "INSERT INTO ledger_migrations"
            " SELECT (jsonb_populate_record(m, '{\"version\": 9999}')).*"
            " FROM ledger_migrations m WHERE version = 1",
            "schema is newer .*upgrade mlops-ledger",
        ),
        ("DELETE FROM ledger_migrations", "never migrated"),
    ],
    ids=["older", "newer", "empty"],
)
def test_a_schema_of_another_release_is_refused(dsn: str, change: str, message: str) -> None:
    db = Database(schema_of(dsn, change))
    with pytest.raises(SchemaError, match=message):
        ModelVersionRepository(db).insert(model_name="m")
    health = db.health()
    assert (health.healthy, health.reachable) == (False, True)


def test_a_user_without_rights_is_told_so(dsn: str, conn: psycopg.Connection) -> None:
    role = "ledger_guest"
    conn.execute(f"DROP ROLE IF EXISTS {role}")
    conn.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'")
    try:
        db = Database(make_conninfo(dsn, user=role, password="guest"))
        with pytest.raises(LedgerError, match="lacks the right"):
            db.open()
        assert "lacks the right" in str(db.health().problem)
    finally:
        conn.execute(f"DROP ROLE {role}")


def test_a_long_statement_is_timed_out(dsn: str) -> None:
    with Database(Settings(conninfo=dsn, statement_timeout=1)) as db:
        # Without the timeout it would succeed.
        with pytest.raises(TimedOut, match="timeout"), db.connection() as connection:
            connection.execute("SELECT pg_sleep(60)")
        assert ModelVersionRepository(db).list_versions() == []


def test_a_lock_that_is_held_times_out(dsn: str, conn: psycopg.Connection) -> None:
    with Database(Settings(conninfo=dsn, statement_timeout=2)) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name="m")
        with conn.transaction():
            conn.execute("LOCK TABLE model_deployments IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(TimedOut):
                models.promote(model_name="m", model_version="1")
        assert models.production_at(model_name="m") is None
        assert models.promote(model_name="m", model_version="1").model_version == "1"


# Waits until they are gone: a call that begins before would be cut off in its middle.
TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def terminate_sleeper(conn: psycopg.Connection) -> None:
    """Terminate the other sessions as soon as one of them runs the statement that sleeps."""
    sleeping = (
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <> pg_backend_pid()"
    )
    while not conn.execute(sleeping).fetchone():
        time.sleep(0.02)
    conn.execute(TERMINATE)


def test_a_terminated_session_is_a_lost_connection(dsn: str, conn: psycopg.Connection) -> None:
    with Database(Settings(conninfo=dsn, pool_max_size=1)) as db:
        models = ModelVersionRepository(db)
        killer = threading.Thread(target=terminate_sleeper, args=(conn,))
        killer.start()
        with pytest.raises(ConnectionLost, match="same id"), db.connection() as connection:
            connection.execute("SELECT pg_sleep(60)")
        killer.join()
        with pytest.raises(ConnectionLost), db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="m")
            conn.execute(TERMINATE)
            ModelVersionRepository(tx).insert(model_name="m")
        # Idle in the pool: nobody needs to know.
        conn.execute(TERMINATE)
        assert models.list_versions() == []


def test_a_transaction_whose_session_was_terminated_unnoticed_is_not_taken_for_written(
    dsn: str, conn: psycopg.Connection
) -> None:
    with Database(dsn) as db:
        with pytest.raises(ConnectionLost), db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="m")
            conn.execute(TERMINATE)
        with pytest.raises(Unavailable), db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="m")
            conn.execute(TERMINATE)
            # A caller who believes that nothing depends on this.
            with pytest.raises(ConnectionLost):
                ModelVersionRepository(tx).list_versions()
        assert ModelVersionRepository(db).list_versions() == []


def test_a_transaction_that_idles_too_long_is_a_lost_connection(
    dsn: str, conn: psycopg.Connection
) -> None:
    with Database(make_conninfo(dsn, options="-c idle_in_transaction_session_timeout=200ms")) as db:
        with pytest.raises(ConnectionLost), db.transaction() as tx:
            with tx.connection() as connection:
                pid = connection.info.backend_pid
            ModelVersionRepository(tx).insert(model_name="m")
            while conn.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
                time.sleep(0.02)
        assert ModelVersionRepository(db).list_versions() == []


@pytest.mark.parametrize(
    ("change", "told"), [("promote", "a concurrent transaction"), ("set_tags", "a deadlock")]
)
def test_of_two_transactions_in_opposite_orders_one_is_asked_to_run_again(
    dsn: str, change: str, told: str
) -> None:
    """Promotions are told before a deadlock comes about; who locks rows otherwise, by it."""
    content = {"promote": {}, "set_tags": {"tags": {"a": 1}}}[change]
    with Database(make_conninfo(dsn, options="-c deadlock_timeout=100ms")) as db:
        models = ModelVersionRepository(db)
        for name in ("a", "b"):
            models.insert(model_name=name)
        barrier = threading.Barrier(2)
        failures: list[Unavailable] = []

        def change_both(names: str) -> None:
            try:
                with db.transaction() as tx:
                    call = getattr(ModelVersionRepository(tx), change)
                    call(model_name=names[0], model_version="1", **content)
                    barrier.wait(10)
                    call(model_name=names[1], model_version="1", **content)
            except Unavailable as error:
                failures.append(error)

        threads = [threading.Thread(target=change_both, args=(names,)) for names in ("ab", "ba")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [failure] = failures
        assert told in str(failure)
        assert "run" in str(failure)
        changed = models.timeline() or [each for each in models.list_versions() if each.tags]
        assert len(changed) == 2


def test_a_serialization_failure_asks_to_run_the_transaction_again(dsn: str) -> None:
    with Database(
        make_conninfo(dsn, options="-c default_transaction_isolation=serializable")
    ) as db:
        models = ModelVersionRepository(db)
        for _ in range(2):
            models.insert(model_name="m")
        with pytest.raises(Unavailable, match="again"), db.transaction() as tx:
            assert ModelVersionRepository(tx).production_at(model_name="m") is None
            models.promote(model_name="m", model_version="2")
            ModelVersionRepository(tx).promote(model_name="m", model_version="1")
        live = models.production_at(model_name="m")
        assert live is not None
        assert live.model_version == "2"


def test_an_error_that_was_caught_in_a_transaction_does_not_pass_for_success(dsn: str) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name="m")
        with pytest.raises(LedgerError, match="nothing was written"), db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="kept")
            with pytest.raises(LedgerError, match="already registered"):
                ModelVersionRepository(tx).insert(model_name="m", model_version="1")
        with pytest.raises(LedgerError, match="an earlier call"), db.transaction() as tx:
            with pytest.raises(LedgerError, match="already registered"):
                ModelVersionRepository(tx).insert(model_name="m", model_version="1")
            ModelVersionRepository(tx).insert(model_name="kept")
        assert [version.model_name for version in models.list_versions()] == ["m"]


def test_an_error_in_a_savepoint_leaves_the_transaction_whole(dsn: str) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name="m")
        with db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="kept")
            with pytest.raises(LedgerError, match="already registered"), tx.transaction() as inner:
                ModelVersionRepository(inner).insert(model_name="m", model_version="1")
        assert {version.model_name for version in models.list_versions()} == {"m", "kept"}
