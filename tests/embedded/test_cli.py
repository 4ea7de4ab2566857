"""`mlops-ledger db …` as people and scripts use it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from mlops_ledger.embedded import EmbeddedServer

Db = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def db(
    python: Callable[..., subprocess.CompletedProcess[str]],
    server: EmbeddedServer,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Db:
    """Run `mlops-ledger db` with the embedded server as the configured database."""
    monkeypatch.setenv("MLOPS_LEDGER_HOME", str(home))
    monkeypatch.setenv("MLOPS_DB_NAME", "postgres")

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return python("from mlops_ledger.cli import main; main()", "db", *arguments, env=env)

    return run


def test_start_shows_where_it_is_without_the_password(db: Db, home: Path) -> None:
    done = db("start")
    assert (done.returncode, done.stderr) == (0, "")
    assert "postgresql://mlops:***@127.0.0.1:" in done.stdout
    assert str(home / "data") in done.stdout
    assert (home / "password").read_text().strip() not in done.stdout


def test_status_exits_with_3_unless_the_server_answers(db: Db) -> None:
    assert db("status").returncode == 3
    db("start")
    assert db("status").returncode == 0
    assert db("stop").stdout == "stopped\n"
    assert db("stop").stdout == "was not running\n"
    assert db("status").returncode == 3


def test_status_is_one_json_object(db: Db, home: Path) -> None:
    stopped = db("status", "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)["running"]) == (3, False)
    db("start")
    found = json.loads(db("status", "--json").stdout)
    assert found["running"] is True
    assert found["data"] == str(home / "data")
    assert {type(found["pid"]), type(found["port"])} == {int}


def test_url_opens_the_database(db: Db) -> None:
    done = db("url")
    with psycopg.connect(done.stdout.strip()) as connection:
        assert connection.info.dbname == "postgres"


@pytest.mark.parametrize("separator", [[], ["--"]])
def test_psql_passes_arguments_and_exit_code_on(db: Db, separator: list[str]) -> None:
    done = db("psql", *separator, "-XAt", "-c", "SELECT 'a b', current_user")
    assert (done.stdout, done.returncode) == ("a b|mlops\n", 0)
    assert db("psql", *separator, "-X", "-c", "SELECT nonsense").returncode == 1
    assert db(
        "psql", *separator, "-d", "template1", "-XAtc", "SELECT current_database()"
    ).stdout == ("template1\n")


def test_psql_shows_its_own_help_and_version(db: Db) -> None:
    assert db("psql", "--version").stdout.startswith("psql (PostgreSQL)")
    assert "--single-transaction" in db("psql", "--help").stdout


def test_psql_has_no_password_among_its_arguments(db: Db, home: Path) -> None:
    arguments = db("psql", "-X", "-c", r"\! tr '\0' ' ' < /proc/$PPID/cmdline").stdout
    assert "tr" in arguments
    assert (home / "password").read_text().strip() not in arguments


def test_psql_opens_a_configured_server_too(db: Db, server: EmbeddedServer) -> None:
    url = db("url").stdout.strip()
    query = ("psql", "-XAtc", "SELECT current_setting('data_directory')")
    assert db(*query, DATABASE_URL=url, PGSSLMODE="prefer").stdout.strip() == str(
        server.status().data
    )


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_server_commands_refuse_another_configured_database(db: Db, command: str) -> None:
    done = db(command, DATABASE_URL="postgresql://u:Pl4nted@db.example/mlops")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the configured database is not the embedded one")
    assert done.stderr.count("\n") == 1
    assert "Pl4nted" not in done.stdout + done.stderr


def test_unusable_home_is_one_line_on_stderr(db: Db, folder: Path) -> None:
    (folder / "file").touch()
    done = db("start", MLOPS_LEDGER_HOME=str(folder / "file"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {folder / 'file'}")
    assert done.stderr.count("\n") == 1


def test_missing_programs_are_one_line_on_stderr(db: Db) -> None:
    done = db("start", MLOPS_PG_BIN="/nonexistent")
    assert done.returncode == 2
    assert done.stderr.startswith("error: MLOPS_PG_BIN")
    assert done.stderr.count("\n") == 1
