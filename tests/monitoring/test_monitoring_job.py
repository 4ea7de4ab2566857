"""The monitoring job: one call measures every model and judges its monitors."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner, Result

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.cli import main
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.monitoring import run_monitoring

UNTIL = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
HOUR = timedelta(hours=1)
RANDOM = np.random.default_rng(2)
SIZE = 240


@pytest.fixture
def db(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Model a has drifted and is labelled, b has no baseline, c was never in production."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    with Database(dsn) as database:
        models, predictions = ModelVersionRepository(database), PredictionsRepository(database)
        for name in "abc":
            models.insert(model_name=name, feature_names=["x"])
            if name != "c":
                models.promote(model_name=name, model_version="1", at=UNTIL - 48 * HOUR)
        BaselinesRepository(database).register(
            model_name="a", model_version="1", data={"x": RANDOM.normal(size=1000)}
        )
        for name in "ab":
            times = [UNTIL - 24 * HOUR * (n + 1) / SIZE for n in range(SIZE)]
            rows = [
                {"id": new_id(at), "predicted_at": at, "features": [3 + n % 7 / 7],
                 "probability": n / SIZE, "request_id": f"{name}{n}"}
                for n, at in enumerate(times)
            ]  # fmt: skip
            predictions.insert_many(rows=rows, model_name=name, model_version="1")
        GroundTruthRepository(database).insert_many(
            rows=[
                {"request_id": f"a{n}", "actual_value": int(n >= 90), "labeled_at": UNTIL - HOUR}
                for n in range(0, SIZE, 2)
            ]
        )
        MonitorsRepository(database).insert(
            model_name="a",
            name="drift",
            source="monitoring",
            metric_name="feature_drift_ratio",
            operator=">=",
            critical_threshold=0.5,
        )
        yield database


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["monitor", "run", "--at", UNTIL.isoformat(), *arguments])


def test_everything_is_measured_and_recorded(db: Database) -> None:
    a, b = run_monitoring(db, until=UNTIL)
    assert (a.model_name, a.model_version, a.num_predictions, a.labeled_samples) == (
        "a", "1", SIZE, SIZE // 2,
    )  # fmt: skip
    assert (a.drift_detected, a.drifted_features, a.severity) == (True, ["x"], "critical")
    assert (b.drift_detected, b.severity, b.error) == (None, None, None)
    report = DriftReportsRepository(db).latest(model_name="a")
    assert report is not None
    assert (report.id, report.monitoring_run_id) == (a.drift_report_id, a.monitoring_run_id)
    runs = MonitoringMetricsRepository(db)
    stored = runs.latest(model_name="b")
    assert stored is not None
    assert (stored.id, stored.num_predictions) == (b.monitoring_run_id, SIZE)
    metrics = PerformanceMetricsRepository(db).latest(model_name="a")
    assert a.performance == {each.metric_name: each.metric_value for each in metrics}
    direct = GroundTruthRepository(db).performance(
        model_name="a", since=UNTIL - 24 * HOUR, until=UNTIL
    )
    assert a.performance["roc_auc"] == direct.roc_auc == 1
    assert a.performance["accuracy"] == direct.accuracy


def test_running_again_records_nothing_twice(db: Database, conn: psycopg.Connection[Any]) -> None:
    counts = (
        "SELECT (SELECT count(*) FROM monitoring_metrics), (SELECT count(*) FROM drift_reports),"
        " (SELECT count(*) FROM performance_metrics), (SELECT count(*) FROM alert_occurrences)"
    )
    first = run_monitoring(db, until=UNTIL)
    before = conn.execute(counts).fetchall()
    GroundTruthRepository(db).insert(request_id="a1", actual_value=1, labeled_at=UNTIL - HOUR)
    again = run_monitoring(db, until=UNTIL)
    assert [each.monitoring_run_id for each in again] == [each.monitoring_run_id for each in first]
    assert [each.error for each in again] == [None, None]
    assert conn.execute(counts).fetchall() == before


def test_jobs_that_run_at_once_record_once(db: Database, conn: psycopg.Connection[Any]) -> None:
    found: list[Any] = []
    jobs = [
        threading.Thread(target=lambda: found.extend(run_monitoring(db, until=UNTIL)))
        for _ in range(4)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [each.error for each in found] == [None] * 8
    assert conn.execute("SELECT count(*) FROM monitoring_metrics").fetchone() == (2,)
    assert conn.execute("SELECT count(*) FROM drift_reports").fetchone() == (1,)


def test_one_model_that_fails_does_not_stop_the_others(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    conn.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'x: is broken' USING ERRCODE = 'MLIV0'; END$$"
    )
    conn.execute(
        "CREATE TRIGGER drift_reports_broken BEFORE INSERT ON drift_reports"
        " FOR EACH ROW EXECUTE FUNCTION broken()"
    )
    a, b = run_monitoring(db, until=UNTIL)
    assert (a.error, b.error) == ("x: is broken", None)
    # Report and run are one transaction.
    assert MonitoringMetricsRepository(db).latest(model_name="a") is None
    result = run()
    assert result.exit_code == 2
    assert "a 1: error: x: is broken" in result.stdout


def test_the_command_says_one_line_for_each_model(db: Database) -> None:
    result = run()
    assert result.stdout.splitlines() == [
        "a 1: 240 predictions, 120 labelled, drift (1 of 1 features), roc_auc 1, critical",
        "b 1: 240 predictions, 0 labelled, no baseline, ok",
    ]
    assert result.exit_code == 1
    assert run("--model", "b").exit_code == 0
    found = json.loads(run("--all", "--json").stdout)
    assert [each["severity"] for each in found] == ["critical", None]
    assert found[0]["monitors"][0]["name"] == "drift"


def test_what_makes_no_sense_is_refused(db: Database) -> None:
    with pytest.raises(InvalidValue, match="until: must be a full hour"):
        run_monitoring(db, until=UNTIL + timedelta(minutes=5))
    with pytest.raises(InvalidValue, match="lookback_hours"):
        run_monitoring(db, until=UNTIL, lookback_hours=0.5)
    with pytest.raises(NotFound, match="no version of model c is in production"):
        run_monitoring(db, model_name="c")
    with pytest.raises(NotFound, match="model a was in production at 2000-01-01T00:00:00Z"):
        run_monitoring(db, model_name="a", until=datetime(2000, 1, 1, tzinfo=UTC))
    assert run("--model", "a", "--all").exit_code == 2


def test_a_ledger_without_models_is_said(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    result = run()
    assert (result.exit_code, result.stdout) == (0, "no model is in production\n")


def test_dashboards_read_every_statistic(db: Database, conn: psycopg.Connection[Any]) -> None:
    run_monitoring(db, until=UNTIL)
    rows = conn.execute(
        "SELECT statistic, value FROM v_feature_drift WHERE model_name = 'a' AND feature = 'x'"
    ).fetchall()
    assert {"psi", "jensen_shannon", "wasserstein", "ks_p_value"} <= {name for name, _ in rows}
    assert all(value is not None for _, value in rows)
