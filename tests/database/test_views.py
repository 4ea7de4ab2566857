"""The views, and the queries that people already have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

EXISTING_QUERIES = [
    (
        "SELECT id, timestamp, num_predictions, feature_drift_ratio"
        " FROM monitoring_metrics ORDER BY timestamp DESC LIMIT 1",
        1,
    ),
    ("SELECT action, COUNT(*) FROM retraining_decisions GROUP BY action", 2),
    (
        "SELECT model_name, stage, COUNT(*) AS versions"
        " FROM model_versions GROUP BY model_name, stage",
        3,
    ),
    ("SELECT * FROM v_model_timeline ORDER BY created_at DESC", 3),
    ("SELECT * FROM v_decision_history ORDER BY timestamp DESC", 2),
    ("SELECT * FROM v_recent_monitoring", 3),
    ("SELECT timestamp, feature_drift_ratio FROM monitoring_metrics", 2),
]


@pytest.fixture
def ledger(live: psycopg.Connection) -> psycopg.Connection:
    """Two monitoring runs, a rejected candidate, and a promoted one."""
    live.execute(
        "INSERT INTO monitoring_metrics (model_name, timestamp, lookback_hours, num_predictions,"
        " num_drifted_features, num_features, drifted_features) VALUES"
        " ('m', '2026-01-01 12:30Z', 24, 100, 1, 4, '{hour}'),"
        " ('m', '2026-01-02 12:30Z', 24, 150, 3, 4, '{hour,day,carrier}')"
    )
    live.execute(
        "UPDATE model_versions SET metrics = '{\"roc_auc\": 0.75}' WHERE model_version = '3'"
    )
    live.execute(
        "INSERT INTO retraining_decisions (model_name, timestamp, trigger_reason, action,"
        " reasoning, candidate_version_id, gate_results)"
        " SELECT 'm', t::timestamptz, 'drift', a, 'because', id, g::jsonb"
        " FROM model_versions, (VALUES"
        ' (\'2026-01-03Z\', \'reject\', \'[{"gate": "auc", "passed": false},'
        ' {"gate": "size", "passed": true}]\'),'
        " ('2026-01-04Z', 'promote', '[{\"gate\": \"auc\", \"passed\": true}]')) d (t, a, g)"
        " WHERE model_version = '3'"
    )
    live.execute(
        "SELECT promote('m', '3', promoted_by => 'cid', reason => 'drift', at => '2026-01-05Z',"
        " decision_id => (SELECT id FROM retraining_decisions WHERE action = 'promote'))"
    )
    return live


def rows(conn: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    """Run a query and return its rows by column."""
    return conn.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


@pytest.mark.parametrize(("query", "count"), EXISTING_QUERIES)
def test_queries_that_people_have_run_as_they_are(
    ledger: psycopg.Connection, query: str, count: int
) -> None:
    ledger.execute("UPDATE model_versions SET stage = 'staging' WHERE false")
    ledger.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    assert len(rows(ledger, query)) == count


def test_the_timeline_tells_who_was_live_when_and_why(ledger: psycopg.Connection) -> None:
    third, second, first = rows(ledger, "SELECT * FROM v_model_timeline ORDER BY deployed_at DESC")
    assert [row["model_version"] for row in (first, second, third)] == ["1", "2", "3"]
    assert first["live_for"] == timedelta(hours=1)
    assert first["retired_by"] == "bob"
    assert (third["is_live"], third["deployed_by"], third["reason"]) == (True, "cid", "drift")
    assert (third["decision_action"], third["decision_reasoning"]) == ("promote", "because")
    assert (third["roc_auc"], third["stage"]) == (0.75, "production")
    assert (first["decision_id"], first["stage"]) == (None, "archived")


def test_the_decision_history_tells_gates_and_what_followed(ledger: psycopg.Connection) -> None:
    promoted, rejected = rows(ledger, "SELECT * FROM v_decision_history ORDER BY timestamp DESC")
    assert (rejected["action"], rejected["gates"], rejected["gates_passed"]) == ("reject", 2, 1)
    assert rejected["failed_gates"] == ["auc"]
    assert rejected["deployment_id"] is None
    assert (promoted["candidate_version"], promoted["production_version"]) == ("3", "2")
    assert (promoted["candidate_roc_auc"], promoted["production_roc_auc"]) == (0.75, None)
    assert (promoted["failed_gates"], promoted["deployed_by"]) == ([], "cid")


def test_the_decision_history_tells_how_a_pending_one_was_resolved(
    ledger: psycopg.Connection,
) -> None:
    ledger.execute(
        "WITH p AS (INSERT INTO retraining_decisions (model_name, trigger_reason, action)"
        " VALUES ('m', 'manual', 'pending') RETURNING id)"
        " SELECT set_config('t.id', id::text, false) FROM p"
    )
    ledger.execute(
        "INSERT INTO retraining_decisions (model_name, trigger_reason, action, resolves_id)"
        " VALUES ('m', 'manual', 'reject', current_setting('t.id')::uuid)"
    )
    [row] = rows(ledger, "SELECT * FROM v_decision_history WHERE action = 'pending'")
    assert row["resolution"] == "reject"
    [other] = rows(ledger, "SELECT * FROM v_decision_history WHERE resolves_id IS NOT NULL")
    assert row["resolved_by_id"] == other["decision_id"]


def test_recent_monitoring_tells_the_change_since_the_run_before(
    ledger: psycopg.Connection,
) -> None:
    found = {row["metric_name"]: row for row in rows(ledger, "SELECT * FROM v_recent_monitoring")}
    assert set(found) == {"num_predictions", "feature_drift_ratio", "num_drifted_features"}
    volume, drift = found["num_predictions"], found["feature_drift_ratio"]
    assert (volume["metric_value"], volume["previous_value"], volume["change"]) == (150, 100, 50)
    assert (drift["metric_type"], drift["metric_value"], drift["change"]) == ("drift", 0.75, 0.5)
    assert drift["drifted_features"] == ["hour", "day", "carrier"]
    assert drift["model_version"] == "2"


def test_recent_monitoring_compares_windows_of_one_length(ledger: psycopg.Connection) -> None:
    ledger.execute(
        "INSERT INTO monitoring_metrics (model_name, timestamp, lookback_hours, num_predictions)"
        " VALUES ('m', '2026-01-03Z', 1, 7)"
    )
    [row] = rows(ledger, "SELECT * FROM v_recent_monitoring")
    assert (row["metric_value"], row["previous_value"], row["change"]) == (7, None, None)


def test_the_estimate_of_no_view_has_it_compiled_on_a_small_ledger(
    conn: psycopg.Connection[Any],
) -> None:
    """To compile a query of psql takes a second; what functions return is a guess."""
    views = conn.execute(
        "SELECT viewname::text FROM pg_views WHERE schemaname = current_schema()"
    ).fetchall()
    assert len(views) > 10
    for (view,) in views:
        plan: Any = conn.execute(
            psycopg.sql.SQL("EXPLAIN (FORMAT json) SELECT * FROM {}").format(
                psycopg.sql.Identifier(view)
            )
        ).fetchone()
        # jit_above_cost is 100,000.
        assert plan[0][0]["Plan"]["Total Cost"] < 50_000, view
