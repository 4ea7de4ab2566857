"""Passwords and the contents of rows appear in no exception, no traceback and no log."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    Database,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.admin.create import create_database, initialise
from mlops_ledger.cli import main
from mlops_ledger.connection.conninfo import parse as parse_conninfo
from mlops_ledger.errors import LedgerError

SECRET = "S3cretPw"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

MALFORMED = [
    f"postgresql://user:100%{SECRET}@host/db",
    f"postgresql://user:pa@{SECRET}@host/db",
    f"postgresql://user:pa/{SECRET}@host/db",
    f"postgresql://user:1/{SECRET}@host/db",
    f"postgresql://user:{SECRET}",
    f"postgresql://user:pa[{SECRET}@[host/db",
    f"postgresql://user:pa#{SECRET}@host:port/db",
    f"postgresql://host:5432/db?password={SECRET}&nonsense=1",
    f"postgresql://host:5432/db?{SECRET}",
    f"postgresql://user:pw@host:{SECRET}/db",
    f"postgresql//user:{SECRET}@host/db",
    f"user:{SECRET}@host/db",
    f"mysql://user:{SECRET}@host/db",
    f"host=h user=u password=pass {SECRET} dbname=d",
    f"host=h user=u password='{SECRET} dbname=d",
    f"host=h port={SECRET} dbname=d",
    f"host=h {SECRET}=password",
    f"{SECRET}",
    f"host=h dbname=d password={SECRET}\x00",
    f"postgresql://user:{SECRET}\ud800@host/db",
    f"postgresql://user:{SECRET}@host/db%zz",
    f"host=h dbname=user:{SECRET}@host",
    f"host=user:{SECRET}@host dbname=d",
]
# Well formed, so that the server or the driver is the first to complain.
UNUSABLE = [
    {"password": SECRET},
    {"sslmode": SECRET},
    {"connect_timeout": SECRET},
    {"target_session_attrs": SECRET},
    {"options": f"-c nonsense.{SECRET}"},
    {"options": f"-c {SECRET}=1"},
    {"options": f"-c statement_timeout={SECRET}"},
    {"hostaddr": SECRET},
    {"channel_binding": SECRET},
    {"gssencmode": SECRET},
    {"keepalives": SECRET},
    {"passfile": f"/nowhere/{SECRET}", "password": SECRET},
    {"sslrootcert": f"/nowhere/{SECRET}", "sslmode": "verify-full"},
    {"port": "1", "password": SECRET},
    {"host": "/nowhere", "hostaddr": "", "password": SECRET},
    {"dbname": "nowhere", "application_name": SECRET},
]


def whole(error: BaseException) -> str:
    """Write down an exception with everything that a logger or an error tracker could reach."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and current not in seen:
            seen.append(current)
            waiting += [current.__cause__, current.__context__]
    return "".join(
        "".join(traceback.format_exception(each)) + str(each) + repr(each) + repr(each.args)
        for each in seen
    )


def outcome(call: Callable[[], object]) -> str:
    """Make a call that must fail as the ledger's own error."""
    try:
        call()
    except LedgerError as error:
        return whole(error)
    raise AssertionError("the call succeeded")


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    for name in ("psycopg", "psycopg.pool", "mlops_ledger", "mlops_ledger.sql", "dotenv"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield caplog
    assert SECRET not in caplog.text
    assert not any(SECRET in str(vars(record)) for record in caplog.records)


def names(log: pytest.LogCaptureFixture) -> set[str]:
    """Return which loggers have said something, so that silence is not taken for discretion."""
    return {record.name for record in log.records}


def run_command(*arguments: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    assert exit_.value.code == 2


@pytest.mark.parametrize("dsn", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_connection_string_is_not_quoted(
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Settings.from_environment({"DATABASE_URL": dsn}),
        lambda: Settings.from_environment({"MLOPS_READ_URL": dsn}),
        lambda: Settings(read_url=dsn),
        lambda: parse_conninfo(dsn),
        lambda: Database(dsn),
        lambda: AsyncDatabase(dsn),
        lambda: Database(Settings(conninfo=dsn)).open(),
        lambda: initialise(Settings(conninfo=dsn)),
    ]
    for call in calls:
        message = outcome(call)
        assert SECRET not in message
        assert "ConfigError" in message
    monkeypatch.chdir(tmp_path)
    if dsn.isascii() and "\0" not in dsn:
        for name in ("DATABASE_URL", "MLOPS_READ_URL"):
            monkeypatch.setenv(name, dsn)
            run_command("models", "list")
            monkeypatch.delenv(name)
            (tmp_path / ".env").write_text(f"{name}={dsn}\n")
            run_command("models", "list")
    output = capsys.readouterr()
    assert SECRET not in output.err + output.out


@pytest.mark.parametrize("changes", UNUSABLE, ids=range(len(UNUSABLE)))
def test_an_unusable_connection_string_is_not_quoted(
    dsn: str,
    changes: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dsn = make_conninfo(dsn, **changes)
    assert SECRET in dsn or "keepalives" in changes
    assert SECRET not in outcome(lambda: Database(dsn).open())
    settings = Settings(conninfo=dsn)
    assert SECRET not in outcome(lambda: ModelVersionRepository(Database(settings)).list_versions())
    if "dbname" not in changes:
        assert SECRET not in outcome(lambda: create_database(settings))
    health = Database(settings).health()
    assert not health.reachable
    assert SECRET not in repr(health)
    monkeypatch.setenv("DATABASE_URL", dsn)
    run_command("models", "list")
    output = capsys.readouterr()
    assert SECRET not in output.err + output.out


async def test_an_unusable_connection_string_is_not_quoted_by_async_calls(dsn: str) -> None:
    for changes in UNUSABLE:
        db = AsyncDatabase(make_conninfo(dsn, **changes))
        with pytest.raises(LedgerError) as caught:
            await AsyncModelVersionRepository(db).list_versions()
        assert SECRET not in whole(caught.value)


def test_settings_and_databases_do_not_show_the_password(dsn: str) -> None:
    url = f"postgresql://user:{SECRET}@127.0.0.1:1/db"
    settings = Settings.from_environment({"DATABASE_URL": url})
    reads = Settings.from_environment({"MLOPS_READ_URL": url})
    parts = Settings.from_environment({"POSTGRES_HOST": "h", "POSTGRES_PASSWORD": SECRET})
    databases = [Database(settings), AsyncDatabase(settings), Database(url)]
    shown = [
        settings,
        reads,
        reads.of_reads(),
        Database(reads),
        parts,
        *databases,
        *(ModelVersionRepository(db) for db in databases[:1]),
    ]
    assert SECRET not in repr(shown) + str([str(each) for each in shown])
    assert SECRET in str(settings.conninfo)
    assert SECRET not in databases[0].name


@pytest.mark.parametrize(
    "values",
    [
        {"POSTGRES_PORT": SECRET},
        {"POSTGRES_HOST": f"user:{SECRET}@host"},
        {"POSTGRES_HOST": "h", "POSTGRES_PASSWORD": SECRET, "POSTGRES_PORT": "99999"},
        {"MLOPS_POOL_MAX_SIZE": SECRET},
        {"MLOPS_POOL_TIMEOUT": SECRET},
        {"MLOPS_SQL_ECHO": SECRET},
        {"MLOPS_CONNECT_TIMEOUT": SECRET},
        {"MLOPS_STATEMENT_TIMEOUT": SECRET},
    ],
)
def test_a_malformed_setting_is_not_quoted(values: dict[str, str]) -> None:
    message = outcome(lambda: Settings.from_environment(values))
    assert SECRET not in message
    assert any(name in message for name in values)


@pytest.fixture
def known(conn: psycopg.Connection) -> UUID:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m')")
    conn.execute("SELECT promote('m', '1', at => %s)", [NOON])
    row = conn.execute("SELECT id FROM model_versions WHERE model_version = '2'").fetchone()
    assert row is not None
    return row[0]


def failing_writes(db: Database, known: UUID) -> dict[str, Callable[[], object]]:
    """Writes whose rows hold the secret and which the database or the checks refuse."""
    models, runs = ModelVersionRepository(db), MonitoringMetricsRepository(db)
    decisions = RetrainingDecisionsRepository(db)
    run = {"model_name": "m", "timestamp": NOON, "lookback_hours": 1, "num_predictions": 1}
    planted = {"metadata": {"customer": SECRET}, "drift_report_ref": SECRET}
    decision = {"model_name": "m", "trigger_reason": "drift", "reasoning": SECRET}
    taken = new_id()
    runs.insert(**run, id=taken)
    decided = decisions.insert(**decision, action="reject")
    pending = decisions.insert(**decision, action="pending", candidate_version_id=known)
    decisions.resolve(decision_id=pending, action="reject", reasoning=SECRET)

    def version(**changes: object) -> Callable[[], object]:
        values = {"model_name": "m", "algorithm": SECRET, "tags": {"owner": SECRET}}
        return lambda: models.insert(**(values | changes))

    def monitoring(**changes: object) -> Callable[[], object]:
        later = {"timestamp": NOON.replace(hour=13)}
        return lambda: runs.insert(**(run | planted | later | changes))

    def decide(**changes: object) -> Callable[[], object]:
        return lambda: decisions.insert(**(decision | {"action": "reject"} | changes))

    def promote(**changes: object) -> Callable[[], object]:
        values = {"model_name": "m", "model_version": "2", "reason": SECRET, "promoted_by": SECRET}
        return lambda: models.promote(**(values | changes))

    return {
        "unique": version(model_version="1"),
        "primary key": version(id=known, model_version="9"),
        "check name": version(model_name=" m"),
        "check long name": version(model_name=SECRET * 100),
        "check stage": version(stage=SECRET),
        "check production": version(stage="production"),
        "check metrics": version(metrics={"accuracy": 2, "note": 1}),
        "check metrics text": version(metrics={"note": SECRET}),
        "check samples": version(training_samples=-1),
        "nul": version(algorithm=f"{SECRET}\x00"),
        "surrogate": version(algorithm=f"{SECRET}\ud800"),
        "surrogate in json": version(tags={"a": f"{SECRET}\ud800"}),
        "too long": version(algorithm=SECRET * 200_000),
        "wrong type": version(training_samples=SECRET),
        "bytes": version(algorithm=SECRET.encode()),
        "json number": version(hyperparameters={"secret": SECRET, "x": float("nan")}),
        "json object": version(tags=[SECRET]),
        "not a uuid": version(id=SECRET),
        "not a time": version(created_at=SECRET),
        "list": version(feature_names=SECRET),
        "required": version(model_name=None),
        "run conflict": monitoring(timestamp=NOON),
        "run id": monitoring(id=taken),
        "run ratio": monitoring(positive_rate=2),
        "run foreign key": monitoring(model_version_id=new_id()),
        "run unknown model": monitoring(model_name="unknown"),
        "run future": monitoring(timestamp=datetime(2999, 1, 1, tzinfo=UTC)),
        "run drifted": monitoring(num_features=1, num_drifted_features=2),
        "decision action": decide(action=SECRET),
        "decision foreign key": decide(candidate_version_id=new_id()),
        "decision run": decide(monitoring_run_id=new_id()),
        "decision gates": decide(gate_results=[{"gate": SECRET}]),
        "decision promote": decide(action="promote"),
        "decision resolved": decide(resolves_id=pending, candidate_version_id=known),
        "decision not pending": decide(resolves_id=decided),
        "decision id": decide(id=decided, reasoning="other"),
        "promote unknown": promote(model_version="77"),
        "promote rejected": promote(decision_id=decided),
        "promote unknown decision": promote(decision_id=new_id()),
        "promote future": promote(at=datetime(2999, 1, 1, tzinfo=UTC)),
        "promote past": promote(at=NOON.replace(year=2000)),
        "promote slot": promote(slot=f"A {SECRET}"),
        "rollback": lambda: models.rollback(model_name="m", reason=SECRET),
        "retire": lambda: models.retire(model_name="m", slot="empty", reason=SECRET),
        "tags": lambda: models.set_tags(model_name="x", model_version="1", tags={"a": SECRET}),
    }


def test_no_failing_write_shows_the_contents_of_its_row(
    dsn: str, known: UUID, log: pytest.LogCaptureFixture
) -> None:
    with Database(dsn) as db:
        writes = failing_writes(db, known)
        leaks = [name for name, write in writes.items() if SECRET in outcome(write)]
        assert leaks == []

        def in_transaction(write: Callable[[Database], object]) -> None:
            with db.transaction() as tx:
                write(tx)  # type: ignore[arg-type]

        def unique(tx: Database) -> object:
            return ModelVersionRepository(tx).insert(
                model_name="m", model_version="1", algorithm=SECRET
            )

        assert SECRET not in outcome(lambda: in_transaction(unique))
    assert "mlops_ledger.sql" in names(log)


RAW = {
    "not null": "INSERT INTO model_versions (algorithm) VALUES ('S3cretPw')",
    "unique": "INSERT INTO model_versions (model_name, model_version, algorithm)"
    " VALUES ('m', '1', 'S3cretPw')",
    "check": "INSERT INTO model_versions (model_name, algorithm, training_samples)"
    " VALUES ('m', 'S3cretPw', -1)",
    "number": "INSERT INTO model_versions (model_name, training_samples) VALUES ('m', 'S3cretPw')",
    "time": "SELECT 'S3cretPw'::timestamptz",
    "uuid": "SELECT 'S3cretPw'::uuid",
    "json": "SELECT '{S3cretPw'::jsonb",
    "syntax": "SELEC 'S3cretPw'",
    "column": 'SELECT "S3cretPw" FROM model_versions',
    "table": 'SELECT * FROM "S3cretPw"',
    "function": "SELECT \"S3cretPw\"('S3cretPw')",
    "cast": "SELECT 'S3cretPw'::int",
    "raise": "DO $$ BEGIN RAISE EXCEPTION 'S3cretPw'; END $$",
    "detail": "DO $$ BEGIN RAISE EXCEPTION 'x' USING DETAIL = 'S3cretPw'; END $$",
    "update": "UPDATE retraining_decisions SET reasoning = 'S3cretPw'",
    "overlap": "INSERT INTO model_deployments (slot_id, model_name, model_version_id, deployed_at,"
    " reason) SELECT slot_id, model_name, model_version_id, deployed_at, 'S3cretPw'"
    " FROM model_deployments",
}


@pytest.mark.parametrize("kind", RAW)
def test_errors_of_own_sql_do_not_show_it(dsn: str, known: UUID, kind: str) -> None:
    with Database(dsn) as db:

        def alone() -> None:
            with db.connection() as connection:
                connection.execute(RAW[kind])  # type: ignore[call-overload]

        def in_transaction() -> None:
            with db.transaction() as tx, tx.connection() as connection:
                connection.execute(RAW[kind])  # type: ignore[call-overload]

        assert SECRET in RAW[kind]
        assert SECRET not in outcome(alone)
        assert SECRET not in outcome(in_transaction)


async def test_a_failing_async_write_does_not_show_its_row(dsn: str, known: UUID) -> None:
    async with AsyncDatabase(dsn) as db:
        with pytest.raises(LedgerError) as caught:
            await AsyncModelVersionRepository(db).insert(
                model_name="m", model_version="1", algorithm=SECRET
            )
        assert SECRET not in whole(caught.value)
        with pytest.raises(LedgerError) as caught:
            async with db.transaction() as tx:
                await AsyncModelVersionRepository(tx).insert(
                    model_name="m", model_version="1", algorithm=SECRET
                )
        assert SECRET not in whole(caught.value)


def test_the_log_of_statements_shows_no_values(dsn: str, log: pytest.LogCaptureFixture) -> None:
    with Database(Settings(conninfo=dsn, sql_echo=True)) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name="m", algorithm=SECRET, tags={"a": SECRET})
        models.promote(model_name="m", model_version="1", reason=SECRET)
    assert "insert" in log.text
    assert "promote" in log.text
