"""`mlops-ledger spool`: what waits is shown, delivered and printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import orjson

from mlops_ledger import PredictionLogger, Settings


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlops_ledger", "spool", *arguments],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DATABASE_URL": str(settings.conninfo),
            "MLOPS_LEDGER_HOME": str(settings.home),
        },
    )


def test_what_a_process_left_is_shown_and_replayed(
    home: Settings, stored: Callable[[], list[str]]
) -> None:
    assert run(home, "status").returncode == 0
    away = Settings(conninfo="host=127.0.0.1 port=1 dbname=none", home=home.home)
    with PredictionLogger(away, model_name="m", model_version="1") as log:
        for number in range(3):
            log(features=[1.0, float("nan"), 3.0], request_id=f"r{number}")
        log(features=[1.0], request_id="bad")
        live = orjson.loads(run(home, "status", "--json").stdout)["folders"]
        assert [(folder["live"], folder["records"]) for folder in live] == [(True, 4)]
        assert "0 folders" in run(home, "replay").stdout
        log.close(timeout=0.1)
    shown = run(home, "status", "--json")
    assert shown.returncode == 1
    assert [f["records"] for f in orjson.loads(shown.stdout)["folders"]] == [4]
    inspected = run(home, "inspect", "--limit", "1").stdout
    assert orjson.loads(inspected)["record"]["features"] == [1.0, "nan", 3.0]
    assert "1 folders: 3 stored, 0 were there already, 1 refused" in run(home, "replay").stdout
    assert stored() == ["r0", "r1", "r2"]
    after = run(home, "status")
    assert after.returncode == 0
    assert "dead letters      1" in after.stdout
    letter = orjson.loads(run(home, "inspect", "--dead-letters").stdout)
    assert letter["reason"] == "features: must be 3 numbers, not 1"
    assert letter["record"]["request_id"] == "bad"


def test_a_replay_without_a_database_says_why_and_keeps_all(home: Settings) -> None:
    away = Settings(conninfo="host=127.0.0.1 port=1 dbname=none", home=home.home)
    with PredictionLogger(away, model_name="m", model_version="1") as log:
        log(features=[1.0, 2.0, 3.0])
        log.close(timeout=0.1)
    refused = run(away, "replay")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: cannot connect")
    left = orjson.loads(run(home, "status", "--json").stdout)["folders"]
    assert [folder["records"] for folder in left] == [1]
