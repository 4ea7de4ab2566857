"""Drift reports and metrics, written with psql."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from mlops_ledger import (
    Database,
    DriftReportsRepository,
    PerformanceMetricsRepository,
    SystemMetricsRepository,
    new_id,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

REPORT = (
    "INSERT INTO drift_reports (model_name, drift_detected, lookback_hours, {})"
    " VALUES ('m', true, 1, {})"
)
METRIC = "INSERT INTO performance_metrics (model_name, metric_name, {}) VALUES ('m', 'rmse', {})"
SYSTEM = "INSERT INTO system_metrics (host, metric_name, {}) VALUES ('h', 'load_1m', {})"
REFUSED = [
    (REPORT, "features", "'{}'", "drift_reports_features_check"),
    (REPORT, "features", "'[5]'", 'features[0]: must be {"feature"'),
    (
        REPORT,
        "features",
        """'[{"feature": "a", "drifted": true, "score": 1e400}]'""",
        "features: holds a number that double precision cannot",
    ),
    (
        REPORT,
        "features",
        """'[{"feature": "a", "drifted": true, "p_value": 1e-400}]'""",
        "features: holds a number that double precision cannot",
    ),
    (REPORT, "drift_score", "'NaN'", "drift_reports_drift_score_check"),
    (REPORT, "threshold", "'infinity'", "drift_reports_threshold_check"),
    (METRIC, "metric_value", "'NaN'", "performance_metrics_metric_value_check"),
    (METRIC, "metric_value", "'-infinity'", "performance_metrics_metric_value_check"),
    (METRIC, "metric_value, stage", "1, 'Test'", "performance_metrics_stage_check"),
    (METRIC, "metric_value, slice", "1, ' eu'", "performance_metrics_slice_check"),
    (METRIC, "metric_value, timestamp", "1, '2100-01-01Z'", "timestamp: lies in the future"),
    (SYSTEM, "metric_value", "'NaN'", "system_metrics_p"),
    (SYSTEM, "metric_value, attributes", "1, '[]'", "attributes_check"),
]


@pytest.mark.parametrize(("statement", "columns", "values", "words"), REFUSED)
def test_a_value_out_of_range_is_refused(
    live: psycopg.Connection, statement: str, columns: str, values: str, words: str
) -> None:
    live.execute("SELECT ensure_partitions('system_metrics', now(), now())")
    with pytest.raises(psycopg.Error) as refusal:
        live.execute(statement.format(columns, values).encode())
    assert words in str(refusal.value)


def test_what_is_left_out_is_filled_in(live: psycopg.Connection) -> None:
    live.execute(
        REPORT.format("features", """'[{"feature": "a", "drifted": true, "score": 1}]'""").encode()
    )
    found = live.execute(
        "SELECT drifted_features, n_drifted_features, n_features, window_end = timestamp,"
        " window_end - window_start = '1 hour', v.model_version"
        " FROM drift_reports r JOIN model_versions v ON v.id = r.model_version_id"
    ).fetchall()
    assert found == [(["a"], 1, 1, True, True, "2")]
    live.execute(METRIC.format("metric_value", "0.5").encode())
    found = live.execute(
        "SELECT v.model_version, metric_type, m.stage, slice, m.metadata"
        " FROM performance_metrics m JOIN model_versions v ON v.id = m.model_version_id"
    ).fetchall()
    assert found == [("2", "performance", "production", "", {})]


@pytest.mark.parametrize(
    "change", ["UPDATE drift_reports SET drift_score = 1", "DELETE FROM drift_reports"]
)
def test_drift_reports_are_history(live: psycopg.Connection, change: str) -> None:
    live.execute(REPORT.format("method", "'psi'").encode())
    for statement in (change, "TRUNCATE drift_reports"):
        with pytest.raises(psycopg.Error, match="append-only") as refusal:
            live.execute(statement.encode())
        assert refusal.value.sqlstate == "MLAO0"
    assert live.execute("SELECT count(*) FROM drift_reports").fetchone() == (1,)


def test_of_writers_at_once_one_stores(live: psycopg.Connection, dsn: str) -> None:
    idempotency_key = new_id()
    value = {"metric_name": "rmse", "metric_value": 1, "timestamp": NOON}
    with Database(dsn) as db, ThreadPoolExecutor(8) as pool:

        def write(_: int) -> tuple[object, int, int]:
            return (
                DriftReportsRepository(db).insert(
                    model_name="m", timestamp=NOON, lookback_hours=24, drift_detected=True
                ),
                PerformanceMetricsRepository(db)
                .insert_many(
                    rows=[{**value, "model_name": "m"}] * 500, idempotency_key=idempotency_key
                )
                .stored,
                SystemMetricsRepository(db)
                .insert_many(rows=[{**value, "host": "h"}] * 500, idempotency_key=idempotency_key)
                .stored,
            )

        reports, values, measured = zip(*pool.map(write, range(8)), strict=True)
    assert len(set(reports)) == 1
    assert sorted(values) == sorted(measured) == [0] * 7 + [500]
