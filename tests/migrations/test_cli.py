from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import psycopg
import pytest
from click.testing import CliRunner

from mlops_ledger.cli.migrate import migrate
from mlops_ledger.migrations import latest_version


@pytest.fixture
def run(empty_database, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", empty_database)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str):
        return CliRunner().invoke(migrate, arguments, catch_exceptions=False)

    return invoke


def recorded(dsn) -> int:
    with psycopg.connect(dsn) as conn:
        return conn.execute("SELECT count(*) FROM ledger_migrations").fetchone()[0]


def test_up_names_what_it_applied_and_then_says_nothing_to_apply(run, empty_database):
    lines = run("up").output.splitlines()

    assert len(lines) == latest_version() == recorded(empty_database)
    assert lines[0].startswith("applied 0001_")
    assert run("up").output == "nothing to apply\n"


def test_up_to_stops_there(run, empty_database):
    run("up", "--to", "1")

    assert recorded(empty_database) == 1


def test_status_exits_with_1_if_behind_and_2_if_edited(run, empty_database):
    assert run("status").exit_code == 1
    run("up")
    assert run("status").exit_code == 0

    with psycopg.connect(empty_database) as conn:
        conn.execute("UPDATE ledger_migrations SET checksum = '' WHERE version = 1")
    result = run("status")
    assert result.exit_code == 2
    assert "edited" in result.output
    run("up", "--allow-changed")
    assert run("status").exit_code == 0


def test_status_as_json_has_every_field(run):
    run("up", "--to", "1")
    first, second, *_ = json.loads(run("status", "--json").output)

    assert first.keys() == second.keys()
    assert (first["version"], first["state"]) == (1, "applied")
    assert (second["version"], second["state"], second["applied_at"]) == (2, "pending", None)


def test_plan_prints_sql_that_psql_could_run(run, empty_database):
    script = run("plan", "--to", "5").output
    with psycopg.connect(empty_database) as conn:
        conn.execute(script.encode())
        assert conn.execute("SELECT to_regclass('model_versions')").fetchone() != (None,)
    run("baseline", str(latest_version()))

    assert run("plan").output == "-- nothing to apply\n"


def test_verify_refuses_a_database_that_is_behind(run):
    with pytest.raises(Exception, match="run 'mlops-ledger migrate up'"):
        run("verify")
    run("up")
    assert run("verify").exit_code == 0


def test_baseline_names_what_it_recorded(run, empty_database):
    assert len(run("baseline", "2").output.splitlines()) == recorded(empty_database) == 2


def test_down_refuses_without_yes_in_a_pipe(run, empty_database):
    run("up")
    assert "confirm with --yes" in run("down").stderr
    assert recorded(empty_database) == latest_version()

    assert run("down", "--yes").output.startswith("reverted ")
    assert recorded(empty_database) == latest_version() - 1
    run("down", "--to", "0", "--yes")
    assert recorded(empty_database) == 0
    assert run("down", "--yes").output == "nothing to revert\n"


def test_down_takes_steps_or_a_version_but_not_both(run, empty_database):
    run("up")
    assert "either --to or --steps" in run("down", "--steps", "2", "--to", "1", "--yes").stderr
    run("down", "--steps", "2", "--yes")
    assert recorded(empty_database) == latest_version() - 2


@pytest.mark.parametrize(("answer", "reverted"), [("y", 1), ("n", 0)])
def test_down_asks_on_a_terminal(run, empty_database, answer, reverted):
    run("up")
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    command = [sys.executable, "-c", "from mlops_ledger.cli.migrate import migrate; migrate()"]
    done = subprocess.run([*command, "down"], stdin=terminal, capture_output=True, text=True)
    os.close(keyboard)
    os.close(terminal)

    assert "Delete" in done.stderr
    assert recorded(empty_database) == latest_version() - reverted


def test_new_creates_a_pair_in_the_checkout(run, tmp_path):
    assert run("new", "labels").exit_code == 2
    (tmp_path / "schema" / "migrations").mkdir(parents=True)

    assert run("new", "labels").output.splitlines() == [
        "schema/migrations/0001_labels.up.sql",
        "schema/migrations/0001_labels.down.sql",
    ]
    assert latest_version(tmp_path / "schema" / "migrations") == 1
