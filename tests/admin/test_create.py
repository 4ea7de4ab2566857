"""Making the database, and making it again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.admin.create import create_database, drop_database, initialise
from mlops_ledger.connection.conninfo import url
from mlops_ledger.errors import ConfigError, InvalidValue, LedgerError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fresh(server_dsn: str) -> Iterator[Settings]:
    """Settings of a database that does not exist yet."""
    name = f"test {uuid4().hex}"
    yield Settings(conninfo=make_conninfo(server_dsn, dbname=name), database=name)
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


@pytest.fixture
def role(server_dsn: str) -> Iterator[str]:
    """A role that may own a database."""
    name = f"owner {uuid4().hex}"
    identifier = sql.Identifier(name)
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(identifier))
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(identifier))


def test_initialise_makes_a_database_that_repositories_can_use(fresh: Settings) -> None:
    made = initialise(fresh)
    assert made.created
    assert len(made.applied) >= 6
    assert {"model_versions", "monitoring_metrics", "retraining_decisions"} <= set(made.tables)
    assert {"v_decision_history", "v_model_timeline", "v_recent_monitoring"} <= set(made.views)
    with Database(fresh) as db:
        assert ModelVersionRepository(db).list_versions() == []


def test_initialise_again_changes_nothing(fresh: Settings) -> None:
    first = initialise(fresh)
    again = initialise(fresh)
    assert not again.created
    assert again.applied == []
    assert (again.tables, again.views, again.owner) == (first.tables, first.views, first.owner)


def test_partitions_are_as_long_as_init_says(fresh: Settings, role: str) -> None:
    initialise(fresh, role, partition_by="week")
    with psycopg.connect(fresh.conninfo) as connection:
        assert _periods(connection) == {"week"}
    initialise(fresh, role)
    with psycopg.connect(fresh.conninfo) as connection:
        assert _periods(connection) == {"week"}
    with pytest.raises(InvalidValue, match="period"):
        initialise(fresh, partition_by="year")
    drop_database(fresh)


def test_several_processes_can_initialise_at_once(fresh: Settings) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: initialise(fresh), range(4)))
    applied = [name for one in made for name in one.applied]
    assert sorted(applied) == sorted(set(applied))
    assert applied
    assert sum(one.created for one in made) == 1


def test_a_given_owner_owns_the_database_and_its_tables(fresh: Settings, role: str) -> None:
    made = initialise(fresh, owner=role)
    assert made.owner == role
    with psycopg.connect(fresh.conninfo) as connection:
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    drop_database(fresh)
    assert owners == [(role,)]


def test_a_user_who_may_not_create_databases_is_told(fresh: Settings, server_dsn: str) -> None:
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE humble LOGIN PASSWORD 'humble'")
        try:
            conninfo = make_conninfo(fresh.conninfo, user="humble", password="humble")
            with pytest.raises(LedgerError, match="permission denied to create database"):
                create_database(Settings(conninfo=conninfo))
        finally:
            connection.execute("DROP ROLE humble")


def test_reset_never_touches_a_database_elsewhere(fresh: Settings) -> None:
    initialise(fresh)
    address = _address_of_this_machine()
    if address is None:
        pytest.skip("this machine has no address beside loopback")
    elsewhere = Settings(conninfo=make_conninfo(fresh.conninfo, host="localhost", hostaddr=address))
    with pytest.raises(LedgerError) as refusal:
        drop_database(elsewhere)
    # A server that listens on loopback only cannot even be reached at that address.
    assert isinstance(refusal.value, ConfigError) or "cannot connect" in str(refusal.value)
    with Database(fresh) as db:
        assert ModelVersionRepository(db).list_versions() == []


def test_reset_leaves_databases_alone_that_are_no_ledger(fresh: Settings) -> None:
    create_database(fresh)
    with psycopg.connect(fresh.conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE precious (id int)")
    with pytest.raises(ConfigError, match="no ledger"):
        drop_database(fresh)
    own = Settings(conninfo=make_conninfo(fresh.conninfo, dbname="postgres"), database="postgres")
    with pytest.raises(ConfigError, match="server's own"):
        drop_database(own)
    with psycopg.connect(fresh.conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM precious").fetchone() == (0,)


def test_reset_recreates_the_database(fresh: Settings) -> None:
    initialise(fresh)
    with Database(fresh) as db:
        ModelVersionRepository(db).insert(model_name="m")
    refused = _command(fresh, "db", "reset")
    assert refused.returncode == 2
    [line] = refused.stderr.splitlines()
    assert line.startswith("error: reset deletes the whole ledger: confirm with --yes")
    with Database(fresh) as db:
        assert len(ModelVersionRepository(db).list_versions()) == 1
    assert _command(fresh, "db", "reset", "--yes").returncode == 0
    with Database(fresh) as db:
        assert ModelVersionRepository(db).list_versions() == []


def test_reset_keeps_a_database_that_its_user_could_not_make_again(
    fresh: Settings, server_dsn: str
) -> None:
    name = f"humble_{uuid4().hex}"
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'humble'").format(sql.Identifier(name))
        )
        initialise(fresh, owner=name)
        humble = Settings(conninfo=make_conninfo(fresh.conninfo, user=name, password="humble"))
        with pytest.raises(ConfigError, match="CREATEDB"):
            drop_database(humble)
        with Database(humble) as db:
            assert ModelVersionRepository(db).list_versions() == []
        drop_database(fresh)
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.mark.parametrize("script", ["create_database.py", "init_database.py"])
def test_the_scripts_do_the_same_and_can_be_repeated(fresh: Settings, script: str) -> None:
    first, again = (_script(fresh, script) for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0)
    assert "created" in first.stdout
    assert "was there" in again.stdout


def _command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(settings, "-m", "mlops_ledger", *arguments)


def _script(settings: Settings, name: str) -> subprocess.CompletedProcess[str]:
    return _run(settings, str(ROOT / "scripts" / name))


def _run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url(settings.conninfo or "", password=True)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _address_of_this_machine() -> str | None:
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False)
    return next((word for word in found.stdout.split() if "." in word), None)


def _periods(connection: psycopg.Connection) -> set[str]:
    found = connection.execute(
        "SELECT period FROM partition_policies WHERE table_name IN ('predictions', 'ground_truth')"
    )
    return {period for (period,) in found}
