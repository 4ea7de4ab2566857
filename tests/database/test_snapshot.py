"""The views over the whole record: the health of a model, and where a deployment came from."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row


def rows(conn: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    """Run a query and return its rows by column."""
    return conn.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def health(conn: psycopg.Connection, model: str = "m") -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of v_recent_monitoring of a model by type and name of the metric."""
    found = [
        row for row in rows(conn, "SELECT * FROM v_recent_monitoring") if row["model_name"] == model
    ]
    assert len({(row["metric_type"], row["metric_name"], row["slice"]) for row in found}) == len(
        found
    )
    return {(row["metric_type"], row["metric_name"]): row for row in found}


@pytest.fixture
def watched(live: psycopg.Connection) -> psycopg.Connection:
    """Model m with two of everything that watches it, and model n with nothing."""
    live.execute(
        "INSERT INTO model_versions (model_name, dataset_version) VALUES ('n', 'flights-1')"
    )
    live.execute(
        "INSERT INTO monitoring_metrics (model_name, timestamp, lookback_hours,"
        " num_predictions, coverage_pct)"
        " VALUES ('m', '2026-03-01Z', 24, 100, 10), ('m', '2026-03-02Z', 24, 120, 30)"
    )
    live.execute(
        "INSERT INTO drift_reports (model_name, timestamp, lookback_hours, drift_detected,"
        " drift_score, method, drifted_features)"
        " VALUES ('m', '2026-03-01Z', 24, false, 0.1, 'psi', '{}'),"
        " ('m', '2026-03-02Z', 24, true, 0.4, 'psi', '{distance}')"
    )
    live.execute(
        "INSERT INTO performance_metrics (model_name, timestamp, metric_name, metric_value, stage)"
        " VALUES ('m', '2026-03-01Z', 'accuracy', 0.8, 'production'),"
        " ('m', '2026-03-02Z', 'accuracy', 0.7, 'production'),"
        " ('m', '2026-03-02Z', 'accuracy', 0.9, 'validation')"
    )
    return live


def test_the_health_of_a_model_is_its_latest_run_report_and_metrics(
    watched: psycopg.Connection,
) -> None:
    found = health(watched)
    volume = found["volume", "num_predictions"]
    assert (volume["metric_value"], volume["change"], volume["model_version"]) == (120, 20, "2")
    assert found["label", "coverage_pct"]["metric_value"] == 30
    report = found["drift_report", "drift_score"]
    assert (report["metric_value"], report["previous_value"]) == (0.4, 0.1)
    assert (report["dataset_drift_detected"], report["drifted_features"]) == (True, ["distance"])
    assert found["drift_report", "n_drifted_features"]["change"] == 1
    accuracy = found["performance", "accuracy"]
    assert (accuracy["metric_value"], accuracy["previous_value"]) == (0.7, 0.8)


def test_the_health_counts_open_alerts_and_approvals_that_wait(watched: psycopg.Connection) -> None:
    watched.execute(
        "INSERT INTO alerts (alert_type, severity, title, model_name, dedup_key) VALUES"
        " ('drift', 'critical', 't', 'm', 'a'), ('drift', 'warning', 't', 'm', 'b')"
    )
    watched.execute("SELECT resolve_alert(dedup_key => 'b', resolved_by => 'ann')")
    watched.execute(
        "INSERT INTO agent_actions (action_type, risk_level, model_name, requested_by) VALUES"
        " ('promote', 'high', 'm', 'ann'), ('scale', 'low', 'm', 'ann')"
    )
    found = {name: row["metric_value"] for (_, name), row in health(watched).items()}
    counts = found["open_alerts"], found["critical_alerts"], found["pending_approvals"]
    assert counts == (1, 1, 1)
    assert health(watched, "n") == {}


def test_lineage_leads_from_the_dataset_to_the_next_decision(watched: psycopg.Connection) -> None:
    watched.execute(
        "UPDATE model_versions SET dataset_version = 'flights-2' WHERE model_version = '2'"
    )
    watched.execute(
        "INSERT INTO prediction_batches (id, model_version_id, num_predictions,"
        " first_predicted_at, last_predicted_at)"
        " SELECT gen_random_uuid(), id, n, t::timestamptz, t::timestamptz FROM model_versions,"
        " (VALUES (7, '2026-01-01 12:30Z'), (5, '2026-01-01 13:30Z')) b (n, t)"
        " WHERE model_name = 'm' AND model_version <> '3'"
    )
    watched.execute(
        "INSERT INTO retraining_decisions (model_name, timestamp, trigger_reason, action)"
        " VALUES ('m', '2026-03-03Z', 'drift', 'reject')"
    )
    one, two, three, other = rows(
        watched, "SELECT * FROM v_lineage ORDER BY model_name, model_version"
    )
    assert (one["num_predictions"], two["num_predictions"]) == (7, 5)
    assert (two["dataset_version"], two["monitoring_runs"]) == ("flights-2", 2)
    assert (one["next_decision_action"], two["next_decision_action"]) == (None, "reject")
    assert (three["deployment_id"], three["num_predictions"]) == (None, 0)
    assert (other["dataset_version"], other["slot"]) == ("flights-1", None)
