"""Opening, sharing transactions, health, and the database of the environment."""

from __future__ import annotations

import logging

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncRetrainingDecisionsRepository,
    Settings,
)
from mlops_ledger._async import database
from mlops_ledger.errors import (
    Conflict,
    InvalidValue,
    LedgerError,
    NotFound,
    SchemaError,
    Unavailable,
)
from mlops_ledger.migrations import Migrator, latest_version

NOBODY_LISTENS = "postgresql://someone:secret@127.0.0.1:9/mlops"


async def test_open_is_not_needed_and_only_open_opens_again(dsn: str) -> None:
    db = AsyncDatabase(dsn)
    models = AsyncModelVersionRepository(db)
    await models.insert(model_name="m")
    await db.close()
    await db.close()
    with pytest.raises(LedgerError, match="closed"):
        await models.list_versions()
    assert "closed" in repr(db)
    await db.open()
    assert len(await models.list_versions()) == 1
    await db.close()


async def test_close_leaves_no_connection(dsn: str, conn: psycopg.Connection) -> None:
    async with AsyncDatabase(Settings(conninfo=dsn, pool_min_size=3)) as db:
        await AsyncModelVersionRepository(db).list_versions()
        assert _ours(conn) >= 1
    for _ in range(100):
        if not (left := _ours(conn)):
            break
        conn.execute("SELECT pg_sleep(0.02)")
    assert left == 0


async def test_the_connection_that_looked_at_the_server_is_kept(
    dsn: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SOON", 60)
    before = _sessions(conn)
    async with AsyncDatabase(dsn) as db:
        await AsyncModelVersionRepository(db).list_versions()
    while _ours(conn):
        conn.execute("SELECT pg_sleep(0.02)")
    assert _sessions(conn) - before == 1


async def test_all_connections_are_alike(dsn: str) -> None:
    async with (
        AsyncDatabase(Settings(conninfo=dsn, pool_min_size=2)) as db,
        db.connection() as one,
        db.connection() as other,
    ):
        settings = "SELECT name, setting FROM pg_settings ORDER BY name"
        found = [await (await each.execute(settings)).fetchall() for each in (one, other)]
    assert one is not other
    assert found[0] == found[1]


async def test_connections_are_in_utc_and_named(db: AsyncDatabase) -> None:
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT current_setting('TimeZone'), current_setting('application_name'),"
            " current_setting('statement_timeout')"
        )
        zone, name, timeout = await cursor.fetchone()
    assert zone == "UTC"
    assert name.startswith("mlops-ledger/")
    assert timeout == "30s"


async def test_repositories_share_a_transaction(
    db: AsyncDatabase, models: AsyncModelVersionRepository
) -> None:
    async with db.transaction() as tx:
        candidate = await AsyncModelVersionRepository(tx).insert(model_name="m")
        decision = await AsyncRetrainingDecisionsRepository(tx).insert(
            model_name="m",
            trigger_reason="drift",
            action="promote",
            candidate_version_id=candidate,
        )
        await AsyncModelVersionRepository(tx).promote(
            model_name="m", model_version="1", decision_id=decision
        )
        assert await models.list_versions() == []
    live = await models.production_at(model_name="m")
    assert live is not None
    assert live.decision_id == decision


async def test_a_transaction_that_fails_leaves_nothing(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    decisions: AsyncRetrainingDecisionsRepository,
) -> None:
    async def fail() -> None:
        async with db.transaction() as tx:
            await AsyncModelVersionRepository(tx).insert(model_name="m")
            await AsyncRetrainingDecisionsRepository(tx).insert(
                model_name="m", trigger_reason="drift", action="reject"
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await models.list_versions() == []
    assert await decisions.list_decisions() == []


async def test_a_statement_that_fails_takes_its_transaction_with_it(
    db: AsyncDatabase, models: AsyncModelVersionRepository
) -> None:
    async def fail() -> None:
        async with db.transaction() as tx:
            await AsyncModelVersionRepository(tx).insert(model_name="m")
            await AsyncModelVersionRepository(tx).promote(model_name="m", model_version="2")

    with pytest.raises(NotFound):
        await fail()
    assert await models.list_versions() == []


async def test_a_swallowed_failure_is_not_taken_for_success(
    db: AsyncDatabase, models: AsyncModelVersionRepository
) -> None:
    async def swallow() -> None:
        async with db.transaction() as tx:
            repository = AsyncModelVersionRepository(tx)
            await repository.insert(model_name="m")
            with pytest.raises(Conflict):
                await repository.insert(model_name="m", model_version="1")

    with pytest.raises(LedgerError, match="nothing was written"):
        await swallow()
    assert await models.list_versions() == []


async def test_what_fails_in_a_savepoint_leaves_the_transaction_usable(
    db: AsyncDatabase, models: AsyncModelVersionRepository
) -> None:
    async with db.transaction() as tx:
        repository = AsyncModelVersionRepository(tx)
        await repository.insert(model_name="m", model_version="1")

        async def fail() -> None:
            async with tx.transaction() as nested:
                await AsyncModelVersionRepository(nested).insert(model_name="lost")
                await AsyncModelVersionRepository(nested).insert(model_name="m", model_version="1")

        with pytest.raises(Conflict):
            await fail()
        await repository.insert(model_name="m", model_version="2")
    assert [version.model_version for version in await models.list_versions()] == ["2", "1"]


async def test_a_refused_value_leaves_the_transaction_usable(
    db: AsyncDatabase, models: AsyncModelVersionRepository
) -> None:
    async with db.transaction() as tx:
        repository = AsyncModelVersionRepository(tx)
        with pytest.raises(InvalidValue):
            await repository.insert(model_name="m\x00")
        await repository.insert(model_name="m")
    assert len(await models.list_versions()) == 1


async def test_a_transaction_cannot_be_used_after_its_end(db: AsyncDatabase) -> None:
    async with db.transaction() as tx:
        async with tx.transaction() as nested:
            pass
        with pytest.raises(LedgerError, match="the transaction is over"):
            await AsyncModelVersionRepository(nested).list_versions()
    with pytest.raises(LedgerError, match="the transaction is over"):
        await AsyncModelVersionRepository(tx).list_versions()
    with pytest.raises(LedgerError, match="the transaction is over"):
        async with tx.transaction():
            pass


async def test_health_of_a_good_database(db: AsyncDatabase, conn: psycopg.Connection) -> None:
    await AsyncModelVersionRepository(db).list_versions()
    report = await db.health()
    assert (report.healthy, report.reachable, report.problem) == (True, True, None)
    assert report.schema_version == report.expected_schema_version == latest_version()
    assert report.server_version is not None
    assert (
        report.server_version.split()[0] == conn.info.parameter_status("server_version").split()[0]
    )
    assert report.latency_ms is not None
    assert 0 < report.latency_ms < 5_000
    assert (report.transaction_pooler, report.embedded) == (False, False)
    assert report.pool["pool_size"] >= 1


async def test_health_never_raises_and_names_the_problem(empty_database: str) -> None:
    report = await AsyncDatabase(empty_database).health()
    assert (report.healthy, report.reachable, report.schema_version) == (False, True, None)
    assert report.problem == "the database was never migrated: run mlops-ledger init"
    report = await AsyncDatabase(NOBODY_LISTENS).health()
    assert (report.healthy, report.reachable, report.latency_ms) == (False, False, None)
    assert report.problem is not None
    assert "nothing listens" in report.problem
    assert "secret" not in str(report)


async def test_an_older_or_newer_schema_is_refused(empty_database: str) -> None:
    Migrator(empty_database).up(latest_version() - 1)
    db = AsyncDatabase(empty_database)
    with pytest.raises(SchemaError, match=r"is older .*run mlops-ledger migrate up"):
        await db.open()
    report = await db.health()
    assert (report.healthy, report.schema_version) == (False, latest_version() - 1)
    Migrator(empty_database).up()
    await db.open()
    await db.close()
    with psycopg.connect(empty_database) as connection:
        connection.execute("UPDATE ledger_migrations SET version = 9999 WHERE version = 1")
    with pytest.raises(SchemaError, match=r"is newer .*upgrade mlops-ledger"):
        await AsyncModelVersionRepository(AsyncDatabase(empty_database)).list_versions()


async def test_what_cannot_be_reached_is_unavailable(dsn: str) -> None:
    with pytest.raises(Unavailable, match="nothing listens at that host and port"):
        await AsyncDatabase(NOBODY_LISTENS).open()
    with pytest.raises(Unavailable, match="run mlops-ledger init"):
        await AsyncDatabase(make_conninfo(dsn, dbname="missing")).open()


async def test_repositories_use_the_database_of_the_environment(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setattr(database, "_default", None)
    assert await AsyncModelVersionRepository().list_versions() == []
    await AsyncModelVersionRepository().insert(model_name="m")
    await AsyncRetrainingDecisionsRepository().insert(
        model_name="m", trigger_reason="drift", action="reject"
    )
    async with AsyncDatabase(dsn) as db:
        assert len(await AsyncModelVersionRepository(db).list_versions()) == 1
        assert len(await AsyncRetrainingDecisionsRepository(db).list_decisions()) == 1
    shared = database.default_database()
    assert shared is database.default_database()
    await shared.close()


async def test_statements_are_logged_by_name_without_their_values(
    models: AsyncModelVersionRepository, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await models.insert(model_name="canary")
    [record] = [r for r in caplog.records if r.name == "mlops_ledger.sql"]
    assert record.getMessage().startswith("sql/model_versions.sql:")
    assert " insert: 1 rows in " in record.getMessage()
    assert "canary" not in caplog.text


def _sessions(connection: psycopg.Connection) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    return int(row[0])


def _ours(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'mlops-ledger/%'"
    ).fetchone()
    return int(row[0])
