# Generated from tests/_async/test_database.py by tools/unasync.py: edit that file, then run `make sync`.
"""Opening, sharing transactions, health, and the database of the environment."""

from __future__ import annotations

import logging

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
    Settings,
)
from mlops_ledger._sync import database
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


def test_open_is_not_needed_and_only_open_opens_again(dsn: str) -> None:
    db = Database(dsn)
    models = ModelVersionRepository(db)
    models.insert(model_name="m")
    db.close()
    db.close()
    with pytest.raises(LedgerError, match="closed"):
        models.list_versions()
    assert "closed" in repr(db)
    db.open()
    assert len(models.list_versions()) == 1
    db.close()


def test_close_leaves_no_connection(dsn: str, conn: psycopg.Connection) -> None:
    with Database(Settings(conninfo=dsn, pool_min_size=3)) as db:
        ModelVersionRepository(db).list_versions()
        assert _ours(conn) >= 1
    for _ in range(100):
        if not (left := _ours(conn)):
            break
        conn.execute("SELECT pg_sleep(0.02)")
    assert left == 0


def test_the_connection_that_looked_at_the_server_is_kept(
    dsn: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SOON", 60)
    before = _sessions(conn)
    with Database(dsn) as db:
        ModelVersionRepository(db).list_versions()
    while _ours(conn):
        conn.execute("SELECT pg_sleep(0.02)")
    assert _sessions(conn) - before == 1


def test_all_connections_are_alike(dsn: str) -> None:
    with (
        Database(Settings(conninfo=dsn, pool_min_size=2)) as db,
        db.connection() as one,
        db.connection() as other,
    ):
        settings = "SELECT name, setting FROM pg_settings ORDER BY name"
        found = [(each.execute(settings)).fetchall() for each in (one, other)]
    assert one is not other
    assert found[0] == found[1]


def test_connections_are_in_utc_and_named(db: Database) -> None:
    with db.connection() as connection:
        cursor = connection.execute(
            "SELECT current_setting('TimeZone'), current_setting('application_name'),"
            " current_setting('statement_timeout')"
        )
        zone, name, timeout = cursor.fetchone()
    assert zone == "UTC"
    assert name.startswith("mlops-ledger/")
    assert timeout == "30s"


def test_repositories_share_a_transaction(
    db: Database, models: ModelVersionRepository
) -> None:
    with db.transaction() as tx:
        candidate = ModelVersionRepository(tx).insert(model_name="m")
        decision = RetrainingDecisionsRepository(tx).insert(
            model_name="m",
            trigger_reason="drift",
            action="promote",
            candidate_version_id=candidate,
        )
        ModelVersionRepository(tx).promote(
            model_name="m", model_version="1", decision_id=decision
        )
        assert models.list_versions() == []
    live = models.production_at(model_name="m")
    assert live is not None
    assert live.decision_id == decision


def test_a_transaction_that_fails_leaves_nothing(
    db: Database,
    models: ModelVersionRepository,
    decisions: RetrainingDecisionsRepository,
) -> None:
    def fail() -> None:
        with db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="m")
            RetrainingDecisionsRepository(tx).insert(
                model_name="m", trigger_reason="drift", action="reject"
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert models.list_versions() == []
    assert decisions.list_decisions() == []


def test_a_statement_that_fails_takes_its_transaction_with_it(
    db: Database, models: ModelVersionRepository
) -> None:
    def fail() -> None:
        with db.transaction() as tx:
            ModelVersionRepository(tx).insert(model_name="m")
            ModelVersionRepository(tx).promote(model_name="m", model_version="2")

    with pytest.raises(NotFound):
        fail()
    assert models.list_versions() == []


def test_a_swallowed_failure_is_not_taken_for_success(
    db: Database, models: ModelVersionRepository
) -> None:
    def swallow() -> None:
        with db.transaction() as tx:
            repository = ModelVersionRepository(tx)
            repository.insert(model_name="m")
            with pytest.raises(Conflict):
                repository.insert(model_name="m", model_version="1")

    with pytest.raises(LedgerError, match="nothing was written"):
        swallow()
    assert models.list_versions() == []


def test_what_fails_in_a_savepoint_leaves_the_transaction_usable(
    db: Database, models: ModelVersionRepository
) -> None:
    with db.transaction() as tx:
        repository = ModelVersionRepository(tx)
        repository.insert(model_name="m", model_version="1")

        def fail() -> None:
            with tx.transaction() as nested:
                ModelVersionRepository(nested).insert(model_name="lost")
                ModelVersionRepository(nested).insert(model_name="m", model_version="1")

        with pytest.raises(Conflict):
            fail()
        repository.insert(model_name="m", model_version="2")
    assert [version.model_version for version in models.list_versions()] == ["2", "1"]


def test_a_refused_value_leaves_the_transaction_usable(
    db: Database, models: ModelVersionRepository
) -> None:
    with db.transaction() as tx:
        repository = ModelVersionRepository(tx)
        with pytest.raises(InvalidValue):
            repository.insert(model_name="m\x00")
        repository.insert(model_name="m")
    assert len(models.list_versions()) == 1


def test_a_transaction_cannot_be_used_after_its_end(db: Database) -> None:
    with db.transaction() as tx:
        with tx.transaction() as nested:
            pass
        with pytest.raises(LedgerError, match="the transaction is over"):
            ModelVersionRepository(nested).list_versions()
    with pytest.raises(LedgerError, match="the transaction is over"):
        ModelVersionRepository(tx).list_versions()
    with pytest.raises(LedgerError, match="the transaction is over"):
        with tx.transaction():
            pass


def test_health_of_a_good_database(db: Database, conn: psycopg.Connection) -> None:
    ModelVersionRepository(db).list_versions()
    report = db.health()
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


def test_health_never_raises_and_names_the_problem(empty_database: str) -> None:
    report = Database(empty_database).health()
    assert (report.healthy, report.reachable, report.schema_version) == (False, True, None)
    assert report.problem == "the database was never migrated: run mlops-ledger init"
    report = Database(NOBODY_LISTENS).health()
    assert (report.healthy, report.reachable, report.latency_ms) == (False, False, None)
    assert report.problem is not None
    assert "nothing listens" in report.problem
    assert "secret" not in str(report)


def test_an_older_or_newer_schema_is_refused(empty_database: str) -> None:
    Migrator(empty_database).up(latest_version() - 1)
    db = Database(empty_database)
    with pytest.raises(SchemaError, match=r"is older .*run mlops-ledger migrate up"):
        db.open()
    report = db.health()
    assert (report.healthy, report.schema_version) == (False, latest_version() - 1)
    Migrator(empty_database).up()
    db.open()
    db.close()
    with psycopg.connect(empty_database) as connection:
        connection.execute("UPDATE ledger_migrations SET version = 9999 WHERE version = 1")
    with pytest.raises(SchemaError, match=r"is newer .*upgrade mlops-ledger"):
        ModelVersionRepository(Database(empty_database)).list_versions()


def test_what_cannot_be_reached_is_unavailable(dsn: str) -> None:
    with pytest.raises(Unavailable, match="nothing listens at that host and port"):
        Database(NOBODY_LISTENS).open()
    with pytest.raises(Unavailable, match="run mlops-ledger init"):
        Database(make_conninfo(dsn, dbname="missing")).open()


def test_repositories_use_the_database_of_the_environment(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setattr(database, "_default", None)
    assert ModelVersionRepository().list_versions() == []
    ModelVersionRepository().insert(model_name="m")
    RetrainingDecisionsRepository().insert(
        model_name="m", trigger_reason="drift", action="reject"
    )
    with Database(dsn) as db:
        assert len(ModelVersionRepository(db).list_versions()) == 1
        assert len(RetrainingDecisionsRepository(db).list_decisions()) == 1
    shared = database.default_database()
    assert shared is database.default_database()
    shared.close()


def test_statements_are_logged_by_name_without_their_values(
    models: ModelVersionRepository, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        models.insert(model_name="canary")
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
