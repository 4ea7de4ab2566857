"""mlops-ledger drift and mlops-ledger metrics."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from mlops_ledger import (
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    SystemMetricsRepository,
    new_id,
)

COMMAND = Path(sys.executable).parent / "mlops-ledger"
NOW = datetime.now(UTC)


@pytest.fixture
def reported(ledger: Database) -> UUID:
    """A report of two features, one of which has drifted."""
    version = ModelVersionRepository(ledger).get(model_name="m", model_version="1")
    assert version is not None
    return DriftReportsRepository(ledger).insert(
        model_name="m",
        model_version_id=version.id,
        timestamp=NOW,
        lookback_hours=24,
        drift_detected=True,
        drift_score=0.3,
        method="psi",
        features=[
            {"feature": "hour", "drifted": True, "score": 0.3},
            {"feature": "carrier", "drifted": False, "score": 0.1},
        ],
        metadata={
            "reference": "baseline",
            "outputs": [{"feature": "probability", "drifted": False, "score": 0.01}],
            "notes": {"long": "x" * 200},
            "id": "another",
        },
    )


def test_reports_are_listed_and_shown(run, answer, reported) -> None:
    [row] = answer("drift", "list", "--model", "m")
    assert (row["id"], row["drifted_features"]) == (str(reported), ["hour"])
    assert answer("drift", "list", "--until", "2026-01-01T00:00Z") == []
    assert answer("drift", "latest", "m") == answer("drift", "show", str(reported)) == row
    shown = run("drift", "latest", "m").output
    assert "drift_detected      yes\n" in shown
    assert [line.split() for line in shown.splitlines()[-8:]] == [
        ["see", "--json", "notes"],
        [],
        columns := ["feature", "drifted", "method", "statistic", "p_value", "score", "threshold"],
        ["hour", "yes", "0.3"],
        ["carrier", "no", "0.1"],
        [],
        columns,
        ["probability", "no", "0.01"],
    ]
    assert "reference           baseline\n" in shown
    assert str(reported) in shown
    assert max(map(len, shown.splitlines())) <= 80
    for arguments in (("latest", "x"), ("show", str(new_id()))):
        result = run("drift", *arguments)
        assert (result.exit_code, "there is no" in result.stderr) == (2, True)


def test_values_are_logged_listed_and_compared(run, answer, ledger) -> None:
    made = run("metrics", "log", "m", "rmse", "12.5").output.strip()
    run("metrics", "log", "m", "rmse", "10", "--version", "2", "--metadata", '{"n": 5}')
    run("metrics", "log", "m", "rmse", "9", "--version", "2", "--slice", "eu", "--stage", "test")
    assert [row["metric_value"] for row in answer("metrics", "list", "--model", "m")] == [
        9,
        10,
        12.5,
    ]
    [first] = answer("metrics", "list", "--model", "m", "--version", "1")
    assert first["id"] == made
    [day] = answer("metrics", "timeseries", "m", "rmse")
    assert (day["count"], day["min"], day["mean"], day["max"]) == (2, 10, 11.25, 12.5)
    assert run("metrics", "timeseries", "m", "rmse", "--bucket", "2h").exit_code == 0
    both, only = answer("metrics", "compare", "m", "1", "2")
    assert (both["value_a"], both["value_b"], both["difference"]) == (12.5, 10, -2.5)
    assert (only["slice"], only["value_a"], only["value_b"]) == ("eu", None, 9)
    lines = run("metrics", "compare", "m", "1", "2").output.splitlines()
    assert lines[1].split() == ["rmse", "production", "12.5", "10", "-2.5"]
    run("metrics", "log", "m", "r2", "-0.5", "--type", "training")
    [below] = answer("metrics", "list", "--model", "m", "--metric", "r2")
    assert (below["metric_value"], below["metric_type"]) == (-0.5, "training")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["log", "m", "rmse", "nan"], "'nan' is not a finite number"),
        (["log", "m", "rmse", "1", "--version", "9"], "model m has no version 9"),
        (["log", "m", "rmse", "1", "--stag", "test"], "unexpected extra argument"),
        (["log", "x", "rmse", "1"], "there is no model x"),
        (["log", "m", "rmse", "1", "--at", "2100-01-01T00:00Z"], "lies in the future"),
        (["compare", "m", "1", "9"], "model m has no version 9"),
        (
            ["timeseries", "m", "rmse", "--bucket", "year"],
            "must be minute, hour, day",
        ),
        (["timeseries", "m", "rmse", "--bucket", "1s"], "more than 1000"),
        (["collect", "--every", "0s"], "must be a length of time"),
        (["collect", "--disk", "/nowhere"], "--disk: there is no such disk"),
        (["collect", "--pid", "-1"], "pid: there is no such process"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, ledger, arguments: list[str], words: str) -> None:
    result = run("metrics", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_a_host_is_shown(run, answer, ledger) -> None:
    assert run("metrics", "collect", "--count", "1").output == "1 samples stored, 0 lost\n"
    found = {row["metric_name"]: row for row in answer("metrics", "system")}
    assert found["disk_percent"]["attributes"] == {"path": "/"}
    assert answer("metrics", "system", "elsewhere") == []
    disk = ("--metric", "disk_percent", "--attributes", '{"path": "/"}', "--bucket", "5m")
    [minute] = answer("metrics", "system", socket.gethostname(), *disk)
    assert (minute["count"], minute["mean"]) == (1, found["disk_percent"]["metric_value"])


def test_collecting_stops_when_it_is_told_to(dsn: str, tmp_path: Path) -> None:
    """The metrics of a host and a process are collected at intervals."""
    running = {
        number: subprocess.Popen(
            [str(COMMAND), "metrics", "collect", "--every", "1s"],
            cwd=tmp_path,
            env={**os.environ, "DATABASE_URL": dsn},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    seen: set[int] = set()
    with Database(dsn) as db:
        while seen != {process.pid for process in running.values()}:
            time.sleep(0.05)
            found = SystemMetricsRepository(db).latest(host=socket.gethostname())
            seen = {row.attributes["pid"] for row in found if row.metric_name == "process_threads"}
            assert {process.poll() for process in running.values()} == {None}
    for number, process in running.items():
        process.send_signal(number)
    for process in running.values():
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
        assert output.endswith(" samples stored, 0 lost\n")


def test_what_an_outage_costs_is_said(process) -> None:
    done = process(
        *("metrics", "collect", "--every", "1s", "--count", "2", "--buffer", "1"),
        *("--pid", str(os.getpid())),
        url="postgresql://nobody@127.0.0.1:1/none",
    )
    assert (done.returncode, done.stdout) == (1, "0 samples stored, 2 lost\n")
    away, full = done.stderr.splitlines()
    assert away.startswith("cannot connect to database none at nobody@127.0.0.1:1: ")
    assert away.endswith(": keeping up to 1 samples until it is back")
    assert full == "1 samples wait: from now on the oldest are dropped"
