"""Deleting what is old."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    SystemMetricsRepository,
    new_id,
)
from mlops_ledger.admin import retention
from mlops_ledger.admin.retention import Retention
from mlops_ledger.cli import main
from mlops_ledger.errors import InvalidValue, NotFound, TimedOut

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SIZE = 24 * 10


@pytest.fixture
def db(dsn: str, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ten days of predictions, one an hour, of two models in turn; each day is a write."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    with Database(dsn) as database:
        for name in ("m", "other"):
            ModelVersionRepository(database).insert(model_name=name)
        for day in range(10):
            rows = [
                {
                    "predicted_at": TODAY - (day + 1) * DAY + hour * HOUR,
                    "model_name": ("m", "other")[hour % 2],
                }
                for hour in range(24)
            ]
            PredictionsRepository(database).insert_many(rows=rows, model_version="1")
        conn.execute("SELECT ensure_partitions('ground_truth', %s, %s)", [TODAY - 10 * DAY, TODAY])
        conn.execute(
            "INSERT INTO ground_truth (prediction_id, predicted_at, labeled_at, model_version_id,"
            " actual_label) SELECT id, predicted_at, now(), model_version_id, 'late'"
            " FROM predictions"
        )
        yield database


def counts(conn: psycopg.Connection[Any]) -> tuple[int, int, int]:
    [found] = conn.execute(
        "SELECT (SELECT count(*) FROM predictions), (SELECT count(*) FROM ground_truth),"
        " (SELECT count(*) FROM prediction_batches)"
    ).fetchall()
    return found


def run(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    return exit_.value.code


def test_cleanup_drops_old_partitions_and_trims_the_last(
    db: Database, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 3)
    before = TODAY - 4 * DAY + 10 * HOUR
    planned = Retention(db).cleanup(before=before, dry_run=True)
    assert counts(conn) == (SIZE, SIZE, 20)
    reported: list[Any] = []
    freed = Retention(db).cleanup(before=before, report=reported.append)
    assert freed == reported
    assert freed[: len(planned)] == planned
    assert sum(step.bytes is not None for step in freed) == 2 * 6
    assert [step.rows for step in freed if step.partition and step.rows] == [10, 10]
    assert counts(conn) == (SIZE - 154, SIZE - 154, 8)
    [(earliest,)] = conn.execute("SELECT min(predicted_at) FROM predictions").fetchall()
    assert earliest == before
    assert Retention(db).cleanup(before=before) == []
    [(versions,)] = conn.execute("SELECT count(*) FROM model_versions").fetchall()
    assert versions == 2


def test_the_predictions_of_an_hour_go_together(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    started = TODAY - 4 * DAY + 10 * HOUR
    Retention(db).cleanup(before=started + timedelta(minutes=59, seconds=59))
    [(earliest,)] = conn.execute("SELECT min(predicted_at) FROM predictions").fetchall()
    assert earliest == started


def test_what_a_cleanup_frees_is_recorded(db: Database, conn: psycopg.Connection[Any]) -> None:
    freed = Retention(db).cleanup(before=TODAY - 4 * DAY + 10 * HOUR)
    partitions = {step.partition for step in freed if step.bytes is not None}
    assert len(partitions) == 2 * 6
    rows = conn.execute(
        "SELECT after ->> 'partition' FROM audit_log WHERE event = 'retention'"
    ).fetchall()
    assert partitions <= {name for (name,) in rows}


def test_cleanup_of_a_model_leaves_the_others(
    db: Database, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 5)
    Retention(db).cleanup(before=TODAY, model_name="m")
    assert counts(conn) == (SIZE // 2, SIZE // 2, 10)
    assert PredictionsRepository(db).stats(model_name="other").count == SIZE // 2
    with pytest.raises(NotFound, match="no model unknown"):
        Retention(db).cleanup(before=TODAY, model_name="unknown")
    with pytest.raises(InvalidValue, match="future"):
        Retention(db).cleanup(before=TODAY + 2 * DAY)


def test_cleanup_covers_system_metrics(
    db: Database,
    conn: psycopg.Connection[Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 7)
    SystemMetricsRepository(db).insert_many(
        rows=[
            {
                "timestamp": TODAY - hour * HOUR,
                "host": "a",
                "metric_name": "load_1m",
                "metric_value": 1,
            }
            for hour in range(1, 10 * 24 + 1)
        ]
    )
    earliest = "SELECT min(timestamp) FROM system_metrics"

    Retention(db).cleanup(before=TODAY - 9 * DAY, model_name="m")
    assert conn.execute(earliest).fetchone() == (TODAY - 10 * DAY,)
    Retention(db).cleanup(before=TODAY - 9 * DAY)
    assert conn.execute(earliest).fetchone() == (TODAY - 9 * DAY,)
    limit = TODAY - 3 * DAY + 10 * HOUR
    planned = Retention(db).cleanup(before=TODAY - 9 * DAY, metrics_before=limit, dry_run=True)
    freed = Retention(db).cleanup(before=TODAY - 9 * DAY, metrics_before=limit)
    assert freed == planned
    assert {step.table_name for step in freed} == {"system_metrics"}
    assert [step.rows for step in freed] == [None] * 6 + [10]
    assert conn.execute(earliest).fetchone() == (limit,)
    assert counts(conn)[0] == SIZE - 24

    assert run("cleanup", "--older-than", "30d", "--metrics-older-than", "26h", "--yes") == 0
    [(kept,)] = conn.execute(earliest).fetchall()
    assert kept >= datetime.now(UTC) - 27 * HOUR
    assert counts(conn)[0] == SIZE - 24
    capsys.readouterr()
    both = ("--model", "m", "--metrics-older-than", "24h")
    assert run("cleanup", "--older-than", "30d", *both) == 2
    assert "of no model" in capsys.readouterr().err
    with pytest.raises(InvalidValue, match="metrics_before: lies in the future"):
        Retention(db).cleanup(before=TODAY, metrics_before=TODAY + 2 * DAY)


def test_a_partition_in_use_is_dropped_when_it_is_free(
    db: Database, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    conn.execute("BEGIN")
    conn.execute("SELECT count(*) FROM predictions")
    monkeypatch.setattr(retention, "_TRIES", 1)
    with pytest.raises(TimedOut, match=r"partition predictions_p\d+_\d\d_\d\d stays in use"):
        Retention(db).cleanup(before=TODAY)
    monkeypatch.setattr(retention, "_TRIES", 5)
    threading.Timer(1.5, lambda: conn.execute("ROLLBACK")).start()
    Retention(db).cleanup(before=TODAY)
    assert counts(conn) == (0, 0, 0)


def test_the_command_says_what_it_freed(
    db: Database, conn: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cleanup", "--older-than", "3d", "--dry-run") == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0].startswith("would drop ")
    assert output[-1].startswith("would free ")
    assert counts(conn) == (SIZE, SIZE, 20)
    assert run("cleanup", "--older-than", "3d", "--json", "--yes") == 0
    assert len(json.loads(capsys.readouterr().out)["freed"]) >= 12
    [(kept,)] = conn.execute("SELECT min(predicted_at) FROM predictions").fetchall()
    assert kept >= datetime.now(UTC) - 3 * DAY - HOUR
    [(ahead,)] = conn.execute("SELECT max(until) FROM ledger_partitions('predictions')").fetchall()
    assert ahead >= TODAY + 8 * DAY
    for wrong in ("0d", "90", "-1d", "d"):
        assert run("cleanup", "--older-than", wrong) == 2


def test_the_commands_show_predictions(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    ModelVersionRepository(db).insert(model_name="named", feature_names=["hour", "distance"])
    made = PredictionsRepository(db).insert(
        model_name="named", model_version="1", features=[7, float("nan")], probability=0.25
    )
    assert run("predictions", "list", "--model", "named", "--json") == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["id"], row["probability"]) == (str(made), 0.25)
    assert run("predictions", "show", str(made)) == 0
    shown = capsys.readouterr().out
    assert "  hour = 7\n" in shown
    assert run("predictions", "list", "--limit", "3") == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert run("predictions", "stats", "--model", "other", "--json") == 0
    assert json.loads(capsys.readouterr().out)["count"] == SIZE // 2
    assert run("predictions", "show", str(new_id())) == 2
