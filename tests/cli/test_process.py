"""The command as a process: exit codes, one line on stderr, pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import ModelVersionRepository
from mlops_ledger.cli import main
from mlops_ledger.migrations import latest_version

COMMAND = Path(sys.executable).parent / "mlops-ledger"
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"

# What is refused, and a word of the reason.
REFUSED = [
    (["models", "show", "m", "9"], "model m has no version 9"),
    (["models", "promote", "m", "9"], "model m has no version 9"),
    (["models", "promote", "unknown", "1"], "there is no model unknown"),
    (["models", "rollback", "m"], "no earlier version"),
    (["models", "retire", "m", "--slot", "eu"], "model m has no slot eu"),
    (["models", "register", "m", "1"], "already registered"),
    (["models", "register", "x" * 300], "MODEL_NAME: must have 1 to 255"),
    (["models", "register", "m", "--stage", "live"], "--stage: must be"),
    (["models", "register", "m", "--stage", "production"], "through promote()"),
    (["models", "register", "m", "--metrics", '{"loss": NaN}'], "not valid JSON"),
    (["models", "register", "m", "--metrics", "[1]"], "must be a JSON object"),
    (["models", "register", "m", "--metrics", '{"roc_auc": 2}'], "--metrics: roc_auc must be"),
    (["models", "register", "m", "--metrics", '{"a": "\\u0000"}'], "NUL byte"),
    (["models", "register", "m", "--training-samples", "-1"], "--training-samples: must not"),
    (["models", "register", "m", "--tag", "novalue"], "must be KEY=VALUE"),
    (["models", "at", "m", "2026-01-01T00:00"], "has no time zone"),
    (["models", "at", "m", "yesterday"], "not a time"),
    (["models", "promote", "m", "2", "--at", "2100-01-01T00:00Z"], "lies in the future"),
    (["models", "promote", "m", "2", "--decision", UNKNOWN_ID], "there is no decision"),
    (["models", "promote", "m", "2", "--slot", "A B"], "--slot: must be"),
    (["models", "list", "--limit", "0"], "--limit: must be between"),
    (["decisions", "show", UNKNOWN_ID], "there is no decision"),
    (["predictions", "list", "--status", "failed"], "is not one of 'success', 'error'"),
    (["decisions", "show", "5"], "not a valid UUID"),
    (["monitoring", "trend", "m", "--days", "-1"], "--days: must be above 0"),
    (["monitoring", "trend", "m", "--days", "nan"], "is not a finite number"),
    (["monitoring", "trend", "m", "--bucket-hours", "0"], "--bucket-hours: must be longer"),
    (["monitoring", "trend", "m", "--bucket-hours", "nan"], "bucket-hours"),
    (["monitoring", "trend", "m", "--bucket-hours", "1e300"], "bucket-hours"),
    (["nonsense"], "no such command"),
    (["models", "list", "--nonsense"], "No such option"),
]


def assert_refused(done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_refused_exits_with_2_and_one_line(run, ledger, conn) -> None:
    before = conn.execute("SELECT count(*), max(xmin::text) FROM model_versions").fetchall()
    for arguments, reason in REFUSED:
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), (arguments, result.stderr)
        assert result.stderr.startswith("error: "), arguments
        assert result.stderr.count("\n") == 1, arguments
        assert reason in result.stderr, arguments
    after = conn.execute("SELECT count(*), max(xmin::text) FROM model_versions").fetchall()
    assert after == before


def test_the_process_refuses_in_the_same_way(process, ledger) -> None:
    assert_refused(process("models", "show", "m", "9"), "model m has no version 9")
    assert_refused(process("models", "list", "--limit", "x"), "is not a valid integer")


def test_a_lone_surrogate_is_refused(ledger, dsn, tmp_path) -> None:
    done = subprocess.run(
        [os.fsencode(COMMAND), b"models", b"register", b"m\xff"],
        env={**os.environ, "DATABASE_URL": dsn},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: MODEL_NAME: contains a lone surrogate")


def test_a_server_that_cannot_be_used_is_one_line(process, dsn, empty_database) -> None:
    assert_refused(process("models", "list", url="postgresql://127.0.0.1:9/x"), "nothing listens")
    missing = make_conninfo(dsn, dbname="missing")
    assert_refused(process("models", "list", url=missing), "run mlops-ledger init")
    assert_refused(process("models", "list", url=empty_database), "run mlops-ledger init")
    wrong = make_conninfo(dsn, user="nobody", password="planted")
    done = process("models", "list", url=wrong)
    assert_refused(done, "cannot connect")
    assert "planted" not in done.stderr


def test_a_wrong_setting_is_one_line(process) -> None:
    assert_refused(process("models", "list", MLOPS_POOL_MAX_SIZE="many"), "MLOPS_POOL_MAX_SIZE")
    assert_refused(process("models", "list", url="postgresql://u:planted@h:x/d"), "DATABASE_URL")


def test_the_help_has_a_line_for_every_command(process) -> None:
    shown = process("--help").stdout.splitlines()
    lines = {line.split()[0]: line for line in shown if line.startswith("  ") and line.strip()}
    for name in main.list_commands(click.Context(main)):
        assert lines[name].rstrip().endswith("."), name
        assert not lines[name].endswith("..."), name


def test_output_can_be_cut_short(ledger, dsn, tmp_path) -> None:
    # More than a pipe holds.
    for n in range(30):
        ModelVersionRepository(ledger).insert(model_name=f"n{n}", algorithm="x" * 5000)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{COMMAND}' models list --limit 1000 | head -n 1"],
        env={**os.environ, "DATABASE_URL": dsn},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[:2] == ["model_name", "model_version"]
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_health_exits_with_0_when_healthy(process, conn) -> None:
    done = process("health", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (report["healthy"], report["schema_version"]) == (True, latest_version())
    assert process("health").stdout.splitlines()[0].split() == ["healthy", "yes"]


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_health_exits_with_1_when_not(process, empty_database, json_option) -> None:
    for url in (empty_database, "postgresql://127.0.0.1:9/x"):
        done = process("health", *json_option, url=url)
        assert (done.returncode, done.stderr) == (1, "")
        assert "problem" in done.stdout


def test_init_again_changes_nothing(process, dsn) -> None:
    done = process("init")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing to do: the schema is up to date\n")
    made = json.loads(process("init", "--json").stdout)
    assert (made["created"], made["applied"]) == (False, [])
    assert {"model_versions", "monitoring_metrics", "retraining_decisions"} <= set(made["tables"])
    assert "v_model_timeline" in made["views"]


def test_init_migrates_an_empty_database(process, empty_database) -> None:
    made = json.loads(process("init", "--json", url=empty_database).stdout)
    assert len(made["applied"]) == latest_version()
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM model_versions").fetchone() == (0,)


def test_statements_are_shown_on_stderr_when_asked(process, ledger) -> None:
    done = process("models", "list", "--json", MLOPS_SQL_ECHO="1")
    assert json.loads(done.stdout)
    assert "sql/model_versions.sql:" in done.stderr
    assert "list_versions: 2 rows in" in done.stderr


def test_the_module_is_the_command(dsn) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlops_ledger", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("mlops-ledger, version ")
