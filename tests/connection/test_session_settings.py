"""No setting of server, role, database or environment changes what a session reads or writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Database,
    GroundTruthRepository,
    LedgerError,
    ModelsRepository,
    ModelVersionRepository,
    PredictionLogger,
    PredictionsRepository,
    Settings,
)
from mlops_ledger.admin.backup import backup, restore
from mlops_ledger.admin.create import initialise
from mlops_ledger.connection.session import LATE, LIMITS, PINNED
from mlops_ledger.errors import TimedOut

NUMBER: Final = 0.12345678901234568
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Values that are as far as possible from what a ledger needs, or just another one.
ODD: Final = {
    "client_encoding": "LATIN1",
    "DateStyle": "German, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "extra_float_digits": "-5",
    "bytea_output": "escape",
    "search_path": "odd",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "1ms",
    "transaction_timeout": "1s",
    "timezone_abbreviations": "India",
    "default_tablespace": "odd_space",
    "temp_tablespaces": "odd_space",
    "default_table_access_method": "odd_method",
    "restrict_nonsystem_relation_kind": "view",
    "plpgsql.extra_errors": "all",
    "gin_fuzzy_search_limit": "1",
    "xmlbinary": "hex",
    "lc_monetary": "POSIX",
    "lc_numeric": "POSIX",
    "lc_time": "POSIX",
    "session_replication_role": "replica",
    "default_transaction_isolation": "serializable",
    # At 1, with no joins by hash or merge, PostgreSQL 15 reads the catalog seven times as long.
    "join_collapse_limit": "9",
    "from_collapse_limit": "9",
}
# Of the connection itself or of one transaction, or nothing that a role or database can have.
ELSEWHERE: Final = {
    "transaction_isolation",
    "transaction_read_only",
    "transaction_deferrable",
    "local_preload_libraries",
    "session_preload_libraries",
    "wal_consistency_checking",
    "tcp_user_timeout",
    "log_statement_stats",
    "temp_file_limit",
    "debug_discard_caches",
    "max_stack_depth",
    "lc_messages",
    "role",
    "session_authorization",
    # With this too at zero, and no joins by hash or merge, pg_dump reads the catalog for minutes.
    "cpu_operator_cost",
}


def settable(conn: psycopg.Connection) -> list[tuple[str, str]]:
    """Return every setting that a user or superuser can change, with an odd value."""
    rows = conn.execute(
        "SELECT name, vartype, boot_val, min_val, enumvals FROM pg_settings"
        " WHERE context IN ('user', 'superuser')"
        " ORDER BY name"
    ).fetchall()
    return [(row[0], odd(*row)) for row in rows if row[0] not in ELSEWHERE]


def odd(name: str, kind: str, boot: str, least: str, choices: list[str] | None) -> str:
    if name in ODD:
        return ODD[name]
    if kind == "bool":
        return "off" if boot == "on" else "on"
    if kind == "enum":
        assert choices is not None
        return next((choice for choice in reversed(choices) if choice != boot), boot)
    if kind in ("integer", "real"):
        return least if float(least) != float(boot) else str(float(boot) + 1).split(".")[0]
    return boot


def write_and_read(settings: Settings) -> None:
    """Write by every way there is, and read all of it back exactly."""
    with Database(settings) as db:
        with db.connection() as conn:
            session = dict(conn.execute("SELECT name, current_setting(name) FROM pg_settings"))
        pinned = {**PINNED, **LATE, "default_transaction_read_only": "off", "jit": "off"}
        assert {
            name: session[name] for name in pinned.keys() & session.keys()
        }.items() <= pinned.items()
        models, predictions = ModelVersionRepository(db), PredictionsRepository(db)
        truth, alerts = GroundTruthRepository(db), AlertsRepository(db)
        name = f"m{datetime.now(UTC).timestamp()}"
        one = {"predicted_label": "café", "probability": NUMBER, "latency_ms": NUMBER}
        models.insert(model_name=name, model_version=r"1\s", metrics={"accuracy": NUMBER})
        models.promote(model_name=name, model_version=r"1\s", promoted_by="é", reason=r"a\b'")
        version: dict[str, Any] = {"model_name": name, "model_version": r"1\s"}
        ids = [predictions.insert(**version, predicted_at=NOON, request_id=f"{name}0", **one)]
        rows = [{**one, "predicted_at": NOON, "request_id": f"{name}{n}"} for n in (1, 2)]
        predictions.insert_many(**version, rows=rows)
        columns = {key: [value] for key, value in one.items()} | {"predicted_at": [NOON]}
        predictions.insert_columns(**version, columns=columns)
        with PredictionLogger(db, **version, durability="memory") as log:
            log(predicted_at=NOON, **one)
            assert log.flush(30)
        truth.insert(prediction_id=ids[0], actual_label="café")
        truth.insert_many(rows=[{"request_id": f"{name}{n}", "actual_label": "x"} for n in (1, 2)])
        found = truth.performance(
            **version, since=NOON, until=NOON + timedelta(hours=1), positive_label="café"
        )
        alerts.raise_alert(alert_type="é", title=r"t\t", model_name=name)
        read = predictions.list_predictions(**version, since=NOON)
        assert [(p.predicted_label, p.probability, p.latency_ms) for p in read] == [
            ("café", NUMBER, NUMBER)
        ] * 5
        assert {p.predicted_at for p in read} == {NOON}
        assert found.labeled_samples == 3
        stored = models.get(**version)
        assert stored is not None
        assert stored.metrics["accuracy"] == NUMBER
        [entry] = models.timeline(model_name=name)
        assert (entry.deployed_by, entry.reason) == ("é", r"a\b'")
        assert alerts.stats(model_name=name)


@pytest.fixture
def fresh(server_dsn: str) -> Iterator[str]:
    """A connection string to a database that does not exist, as a superuser of its own."""
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        clear(conn)
        conn.execute("CREATE ROLE walker SUPERUSER LOGIN PASSWORD 'walker'")
        yield make_conninfo(server_dsn, user="walker", password="walker", dbname="walked")
        clear(conn)


def clear(conn: psycopg.Connection) -> None:
    for name in ("walked", "restored"):
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))
    conn.execute("DROP ROLE IF EXISTS walker")


def whole_life(conninfo: str, folder: Path) -> None:
    settings = Settings(conninfo=conninfo, spool_dir=folder / "spool")
    initialise(settings)
    assert initialise(settings).applied == []
    write_and_read(settings)
    saved = backup(settings, folder / "saved")
    restored = restore(settings, folder / "saved", "restored")
    assert restored.rows == saved.rows
    write_and_read(Settings(conninfo=make_conninfo(conninfo, dbname="restored")))


def test_the_role_cannot_change_what_a_session_means(
    fresh: str, server_dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        for name, value in settable(conn):
            conn.execute(
                sql.SQL("ALTER ROLE walker SET {} = {}").format(
                    sql.SQL(name),  # type: ignore[arg-type]
                    value,
                )
            )
    whole_life(fresh, tmp_path)


def test_the_database_cannot_change_what_a_session_means(
    fresh: str, server_dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute("CREATE DATABASE walked OWNER walker TEMPLATE template0")
        for name, value in settable(conn):
            conn.execute(
                sql.SQL("ALTER DATABASE walked SET {} = {}").format(
                    sql.SQL(name),  # type: ignore[arg-type]
                    value,
                )
            )
    whole_life(fresh, tmp_path)


def test_the_environment_cannot_change_what_a_session_means(
    fresh: str, server_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server itself refuses names that do not exist when a session begins.
    absent = {"default_tablespace", "temp_tablespaces", "default_table_access_method"}
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        odd_ones = [(name, value) for name, value in settable(conn) if name not in absent]
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in odd_ones)
    monkeypatch.setenv("PGOPTIONS", f"{options} -c mlops_ledger.actor=nightly-job")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGTZ", "Asia/Kathmandu")
    monkeypatch.setenv("PGDATESTYLE", "German")
    whole_life(fresh, tmp_path)
    with Database(fresh) as db, db.connection() as conn:
        actor = conn.execute("SELECT current_setting('mlops_ledger.actor')").fetchone()
        assert actor == ("nightly-job",)


def test_every_pinned_setting_is_walked(server_dsn: str) -> None:
    with psycopg.connect(server_dsn) as conn:
        conn.execute("LOAD 'plpgsql'")
        known = {row[0] for row in conn.execute("SELECT name FROM pg_settings")}
        walked = dict(settable(conn))
    assert {*PINNED, *LIMITS, *LATE} & known <= walked.keys()
    pinned = {name: value for name, value in PINNED.items() if name in walked}
    only_choice = {"default_toast_compression"}
    assert {name for name, value in pinned.items() if walked[name] == value} <= only_choice


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("standard_conforming_strings", "off"),
        ("statement_timeout", "100ms"),
        ("client_encoding", "LATIN1"),
        ("DateStyle", "SQL, DMY"),
        ("IntervalStyle", "iso_8601"),
        ("extra_float_digits", "-5"),
        ("jit", "on"),
    ],
)
def test_one_setting_of_the_role_from_the_beginning(
    fresh: str, server_dsn: str, tmp_path: Path, name: str, value: str
) -> None:
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        statement = sql.SQL("ALTER ROLE walker SET {} = {}")
        conn.execute(statement.format(sql.SQL(name), value))  # type: ignore[arg-type]
    settings = Settings(conninfo=fresh, spool_dir=tmp_path)
    initialise(settings)
    write_and_read(settings)
    with Database(settings) as db:
        # The names of partitions and of people are read by regular expressions inside functions.
        predictions, actions = PredictionsRepository(db), AgentActionsRepository(db)
        ModelVersionRepository(db).insert(model_name="m")
        for days in (0, 1, 40):
            at = datetime.now(UTC) - timedelta(days=days)
            predictions.insert(model_name="m", model_version="1", predicted_at=at)
        predictions.ensure_partitions(since=NOON, until=NOON + timedelta(days=3))
        request = actions.insert(requested_by="a b", action_type="x", risk_level="high")
        with pytest.raises(LedgerError, match="somebody other than requested_by"):
            actions.approve(id=request, reviewed_by="A\u2003 b")


def test_a_set_does_not_reach_the_next_user_of_a_connection(dsn: str) -> None:
    """What somebody sets in a transaction of the pool ends with it, behind a pooler or not."""
    with Database(Settings(conninfo=dsn, pool_max_size=1)) as db:
        with db.transaction() as tx, tx.connection() as conn:
            conn.execute("SET LOCAL TimeZone = 'Asia/Kathmandu'")
        with db.connection() as conn:
            assert conn.execute("SHOW TimeZone").fetchone() == ("UTC",)


def test_no_lock_is_waited_for_or_held_without_end(dsn: str) -> None:
    ends = make_conninfo(dsn, options="-c idle_in_transaction_session_timeout=60s")
    with (
        Database(Settings(conninfo=dsn, statement_timeout=0.2)) as db,
        psycopg.connect(ends) as holder,
    ):
        with db.connection() as conn:
            # A transaction that holds locks and does nothing.
            idle = conn.execute("SHOW idle_in_transaction_session_timeout").fetchone()
            assert idle == ("1min",)
        holder.execute("LOCK TABLE models")
        with pytest.raises(TimedOut), db.transaction() as tx:
            # What takes its time may, but not the lock of somebody else.
            tx.be_patient()
            with tx.connection() as conn:
                conn.execute("SELECT pg_sleep(0.3)")
            ModelsRepository(tx).get(model_name="m")


def test_a_search_path_of_the_environment_is_that_of_every_session(
    fresh: str, server_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(conninfo=fresh, spool_dir=tmp_path)
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute("CREATE DATABASE walked OWNER walker TEMPLATE template0")
    with psycopg.connect(fresh, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA led")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=led")
    initialise(settings)
    write_and_read(settings)
    with psycopg.connect(fresh) as conn:
        where = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'models'"
        assert conn.execute(where).fetchone() == ("led",)
