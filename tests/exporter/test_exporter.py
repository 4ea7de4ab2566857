"""What a scrape of a real exporter says of a real ledger."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from fix_exporter import Samples, Scraped
from fix_full import fill
from fix_roles import KINDS, drop_roles
from fix_servers import open_folder
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    PredictionLogger,
    PredictionsRepository,
    Settings,
    SummariesRepository,
)
from mlops_ledger.admin.retention import Retention
from mlops_ledger.admin.roles import Roles
from mlops_ledger.cli import main
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.migrations import Migrator

Export = Callable[..., Scraped]
HOSTILE = 'a"b\\c{x="1"} 1\u00a0<é>'
DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def value(samples: Samples, name: str, **labels: str) -> float:
    """The value of the one sample with these labels."""
    [found] = [value for given, value in samples[name] if labels.items() <= given.items()]
    return found


@pytest.fixture
def filled(dsn: str) -> str:
    """A ledger with something of everything, folded."""
    with Database(dsn) as db:
        fill(db, HOSTILE)
        MonitorsRepository(db).run()
        SummariesRepository(db).fold()
    return dsn


@pytest.fixture
def reader(filled: str) -> Iterator[str]:
    """A connection string of a user who may only read."""
    prefix = f"t{uuid4().hex[:12]}_"
    user = sql.Identifier(f"{prefix}user")
    with Database(filled) as db:
        Roles(db).create(prefix=prefix)
    with psycopg.connect(filled, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' IN ROLE {}").format(
                user, sql.Identifier(f"{prefix}reader")
            )
        )
        yield make_conninfo(filled, user=f"{prefix}user", password="secret")
        drop_roles(admin, *(prefix + kind for kind in ("user", *KINDS)))


def test_a_ledger_with_everything_is_told(filled: str, export: Export) -> None:
    found = export(filled).full()
    assert value(found, "up") == 1
    assert value(found, "deployment_info", model="m", slot="production") == 1
    with Database(filled) as db:
        live = ModelVersionRepository(db).production_at(model_name="m")
    assert live is not None
    since = value(found, "deployment_timestamp_seconds", model="m", slot="production")
    assert since == pytest.approx(live.deployed_at.timestamp(), abs=1e-3)
    assert value(found, "open_alerts", model="m", severity="critical") == 1
    assert value(found, "open_alerts", model="", severity="info") == 0
    assert value(found, "pending_actions", risk_level="high") == 1
    assert value(found, "pending_actions", risk_level="low") == 0
    states = [each for each in found["monitor_state"] if each[0]["model"] == "m"]
    assert sorted(number for _, number in states) == [0, 0, 0, 1]
    assert value(found, "monitor_value", model="m", monitor="drift") == 0.5
    assert value(found, "model_metric", model="m", metric="loss", stage="production") == 1250.5
    assert value(found, "predictions_total", model="m", version="1") == 1
    assert value(found, "labels_waiting") == 0
    assert value(found, "audit_entries_total") > 3
    assert value(found, "database_size_bytes") > 1_000_000
    assert value(found, "partitions_ahead_seconds", table="predictions") >= 0
    assert value(found, "system_metric", host="web", metric="load") == 1
    assert value(found, "spool_dead_letters") == 0
    assert value(found, "unfolded_seconds") == 0
    assert {number for _, number in found["query_series_left_out"]} == {0}


def test_prometheus_accepts_what_is_served(filled: str, export: Export) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    exporter = export(filled)
    exporter.full()
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exporter.text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_reader_sees_all_but_the_audit_log(reader: str, export: Export) -> None:
    found = export(reader).full()
    assert value(found, "up") == 1
    assert value(found, "predictions_total", model="m") == 1
    assert value(found, "open_alerts", model="m", severity="critical") == 1
    assert "audit_entries_total" not in found
    assert len(found["deployment_info"]) == 1


def test_names_come_through_as_they_are(dsn: str, export: Export) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name=HOSTILE, model_version=HOSTILE)
        models.promote(model_name=HOSTILE, model_version=HOSTILE)
        predictions = PredictionsRepository(db)
        predictions.insert(model_name=HOSTILE, model_version=HOSTILE, latency_ms=250)
        [written] = predictions.list_predictions(model_name=HOSTILE)
        SummariesRepository(db).fold()
    found = export(dsn).full()
    names = {"model": HOSTILE, "version": HOSTILE}
    assert value(found, "deployment_info", slot="production", **names) == 1
    assert value(found, "predictions_total", **names) == 1
    assert value(found, "prediction_latency_seconds_sum", **names) == 0.25
    last = value(found, "last_prediction_timestamp_seconds", **names)
    assert last == pytest.approx(written.predicted_at.timestamp(), abs=1e-3)


def test_a_table_that_nobody_writes_has_no_partitions_to_end(dsn: str, export: Export) -> None:
    # Its gauge would be 0 for ever, and the rule about partitions that end never at rest.
    assert "partitions_ahead_seconds" not in export(dsn).full()
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        PredictionsRepository(db).insert(model_name="m", model_version="1")
    found = export(dsn).full()["partitions_ahead_seconds"]
    assert [labels["table"] for labels, _ in found] == ["predictions"]


def test_counters_do_not_fall_when_retention_deletes(dsn: str, export: Export) -> None:
    rows: list[dict[str, Any]] = [
        {
            "predicted_at": TODAY - day * DAY + hour * timedelta(hours=1),
            "status": "error" if hour % 4 == 0 else "success",
            "latency_ms": 10.0,
        }
        for day in range(1, 6)
        for hour in range(24)
    ]
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        PredictionsRepository(db).insert_many(rows=rows, model_name="m", model_version="1")
        SummariesRepository(db).fold()
        before = export(dsn).full()
        Retention(db).cleanup(before=TODAY - 2 * DAY + timedelta(hours=7, minutes=30))
        with db.connection() as connection:
            [[left]] = connection.execute("SELECT count(*) FROM predictions").fetchall()
        # Another process: what it says is in the ledger, not in its memory.
        after = export(dsn).full()
    assert 0 < left < len(rows)
    for name, expected in (
        ("predictions_total", 120),
        ("prediction_errors_total", 30),
        ("prediction_latency_seconds_count", 120),
        ("prediction_latency_seconds_sum", 1.2),
    ):
        for found in (before, after):
            assert value(found, name, model="m") == pytest.approx(expected), name


def test_counters_do_not_fall_while_it_runs(dsn: str, export: Export) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        PredictionsRepository(db).insert_many(
            rows=[{"latency_ms": 1000}, {"latency_ms": 2000}], model_name="m", model_version="1"
        )
        SummariesRepository(db).fold()
        exporter = export(dsn)
        exporter.full()
        with db.connection() as connection:
            connection.execute("DELETE FROM predictions WHERE latency_ms = 2000")
            connection.execute("SELECT rebuild_summaries(id) FROM model_versions")
        SummariesRepository(db).fold()
    for found, count, seconds in ((exporter.full(), 2, 3), (export(dsn).full(), 1, 1)):
        assert value(found, "predictions_total") == count
        assert value(found, "prediction_latency_seconds_sum") == seconds


def test_series_are_bounded_and_what_is_left_out_is_counted(dsn: str, export: Export) -> None:
    with Database(dsn) as db:
        models = ModelVersionRepository(db)
        id = models.insert(model_name="m")
        models.promote(model_name="m", model_version="1")
        version = {"model_name": "m", "model_version_id": id, "metric_name": "loss"}
        rows: list[dict[str, Any]] = [
            {**version, "metric_value": n, "slice": f"s{n}"} for n in range(25)
        ]
        PerformanceMetricsRepository(db).insert_many(rows=[*rows, {**version, "metric_value": 99}])
    found = export(dsn, "--limit", "10").full()
    assert len(found["model_metric"]) == 10
    assert value(found, "model_metric", slice="") == 99
    assert value(found, "query_series_left_out", query="model_metrics") == 16


def test_a_query_that_hangs_leaves_its_last_answer_and_all_others(
    filled: str, export: Export
) -> None:
    exporter = export(filled, "--timeout", "1.5")
    exporter.full()
    with psycopg.connect(filled) as blocker:
        blocker.execute("LOCK TABLE ground_truth_waiting IN ACCESS EXCLUSIVE MODE")
        for _ in range(3):
            found = exporter.samples()
            assert value(found, "up") == 1
            assert value(found, "query_success", query="labels_waiting") == 0
            assert value(found, "labels_waiting") == 0
            time.sleep(0.5)
        ages = {each["query"]: age for each, age in found["query_age_seconds"]}
        assert ages["labels_waiting"] > 1.5
        assert value(found, "query_success", query="alerts") == 1
    assert value(exporter.full(), "labels_waiting") == 0


def test_without_a_database_it_says_so(export: Export, tmp_path: Path) -> None:
    with open_folder() as home:
        server = EmbeddedServer(home)
        server.start()
        dsn = server.conninfo("postgres")
        Migrator(dsn).up()
        server.stop()
        exporter = export(dsn)
        found = exporter.samples()
        assert value(found, "up") == 0
        assert "deployment_info" not in found
        assert value(found, "spool_dead_letters") == 0
        server.start()
        assert value(exporter.full(), "up") == 1
        server.stop()
        found = exporter.samples()
        assert value(found, "up") == 0
        assert value(found, "labels_waiting") == 0
        assert value(found, "query_success", query="labels_waiting") == 0


def test_a_frozen_database_is_said_to_be_down(export: Export) -> None:
    with open_folder() as home:
        server = EmbeddedServer(home)
        server.start()
        dsn = server.conninfo("postgres")
        Migrator(dsn).up()
        exporter = export(dsn)
        assert value(exporter.full(), "up") == 1
        processes = _server_processes(home)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            found = exporter.samples()
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        assert value(found, "up") == 0
        assert value(found, "labels_waiting") == 0
        assert value(exporter.full(), "up") == 1


def _server_processes(home: Path) -> list[int]:
    """The postmaster under a folder, and its children."""
    [file] = home.glob("**/postmaster.pid")
    postmaster = int(file.read_text().splitlines()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--address", "192.0.2.1"], "cannot listen at 192.0.2.1:9877: "),
        (["--timeout", "0"], "--timeout"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(
    options: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    done = CliRunner().invoke(main, ["exporter", *options])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert problem in done.stderr


def test_the_spool_of_the_host_is_told(dsn: str, export: Export, tmp_path: Path) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
    away = make_conninfo(dsn, port="1")
    spool = tmp_path / "spool"
    settings = Settings(conninfo=away, spool_dir=spool)
    logger = PredictionLogger(settings, model_name="m", model_version="1", durability="disk")
    # Files carry the time of the system's last tick.
    began = time.time() - 1
    for _ in range(3):
        logger(prediction=1.0)
    found = export(dsn, MLOPS_SPOOL_DIR=str(spool)).full()
    [(labels, records)] = found["spool_records"]
    assert (records, labels["live"], labels["target"]) == (3, "true", settings.target)
    assert value(found, "spool_bytes") > 0
    assert began < value(found, "spool_oldest_timestamp_seconds") <= time.time()
    logger.close(timeout=0)
