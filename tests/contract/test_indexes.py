"""Foreign keys and documented queries have an index, on tables too large to read through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from mlops_ledger.statements import load
from tools.scratch import scratch_database

FILL = """
INSERT INTO model_versions (model_name, model_version, tags, created_at)
SELECT 'm' || n % 40, n::text, jsonb_build_object('n', n),
       '2026-01-01'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 2000) n;
INSERT INTO monitoring_metrics
    (model_name, model_version_id, timestamp, lookback_hours, num_predictions)
SELECT v.model_name, v.id, v.created_at, hours, 1
FROM model_versions v, generate_series(1, 2) hours;
INSERT INTO retraining_decisions
    (model_name, timestamp, candidate_version_id, trigger_reason, action)
SELECT v.model_name, v.created_at, v.id, 'drift',
       CASE WHEN v.model_version::int % 100 = 0 THEN 'pending' ELSE 'reject' END
FROM model_versions v;
INSERT INTO agent_actions
    (model_name, requested_at, requested_by, action_type, risk_level, model_version_id)
SELECT v.model_name, v.created_at, 'agent', 'retrain',
       CASE WHEN v.model_version::int % 100 = 0 THEN 'high' ELSE 'low' END, v.id
FROM model_versions v;
SELECT execute_action(id) FROM agent_actions WHERE NOT requires_approval;
INSERT INTO model_slots (model_name, slot) SELECT 'm' || n, 'eu' FROM generate_series(0, 1999) n;
INSERT INTO model_deployments (slot_id, model_name, model_version_id, deployed_at, retired_at)
SELECT s.id, v.model_name, v.id, v.created_at, v.created_at + interval '30 seconds'
FROM model_versions v JOIN model_slots s USING (model_name);
INSERT INTO alerts (alert_type, severity, title, model_name, dedup_key, first_seen, last_seen,
                    status, resolved_at, resolved_by)
SELECT 'drift', 'warning', 'drift', model_name, 'key ' || model_version, created_at, created_at,
       CASE WHEN is_open THEN 'active' ELSE 'resolved' END,
       CASE WHEN NOT is_open THEN created_at END, CASE WHEN NOT is_open THEN 'ann' END
FROM model_versions, LATERAL (SELECT model_version::int % 100 = 0 AS is_open) o;
INSERT INTO alert_occurrences (alert_id, occurred_at, severity, title)
SELECT id, first_seen, severity, title FROM alerts;
INSERT INTO monitors
    (model_name, name, source, metric_name, "window", operator, warning_threshold)
SELECT model_name, model_version, 'monitoring', 'num_predictions', '1 day', '<', 1
FROM model_versions;
INSERT INTO monitor_states (monitor_id, evaluated_at, state)
SELECT id, now(), 'ok' FROM monitors;
INSERT INTO drift_reports
    (model_name, model_version_id, timestamp, lookback_hours, drift_detected, features)
SELECT v.model_name, v.id, v.created_at, 1, true, '[{"feature": "hour", "drifted": true}]'
FROM model_versions v;
INSERT INTO performance_metrics
    (id, model_name, model_version_id, metric_name, metric_value, timestamp, slice)
SELECT ledger_uuid(), v.model_name, v.id, metric, n, v.created_at + n * interval '1 hour', slice
FROM model_versions v, unnest(ARRAY['rmse', 'mae']) metric, unnest(ARRAY['', 'eu']) slice,
     generate_series(1, 3) n;
SELECT ensure_partitions('system_metrics', '2026-01-01', '2026-01-03');
INSERT INTO system_metrics (host, metric_name, metric_value, timestamp)
SELECT 'host' || n % 40, 'metric' || n / 40 % 20, n,
       '2026-01-01Z'::timestamptz + n * interval '10 seconds'
FROM generate_series(1, 25000) n;
ANALYZE;
"""
NOON = "2026-01-02T12:00Z"
AN_ID = "(SELECT id FROM {} LIMIT 1 OFFSET 1000)"

# The documented ways to call each list, and what answers one at a time.
QUERIES: list[tuple[str, str, dict[str, str]]] = [
    ("alerts", "get", {"id": AN_ID.format("alerts")}),
    ("alerts", "list_active", {"include_acknowledged": "false", "include_snoozed": "false"}),
    ("alerts", "list_active", {"model_name": "'m7'"}),
    ("alerts", "list_alerts", {}),
    ("alerts", "list_alerts", {"model_name": "'m7'"}),
    ("alerts", "list_alerts", {"dedup_key": "'key 77'"}),
    ("alerts", "list_alerts", {"before": AN_ID.format("alerts")}),
    ("alerts", "list_occurrences", {"alert_id": AN_ID.format("alerts")}),
    ("alerts", "stats", {"model_name": "'m7'", "since": f"'{NOON}'", "until": "now()"}),
    ("monitors", "get", {"id": AN_ID.format("monitors")}),
    ("monitors", "list_monitors", {"include_removed": "false"}),
    ("monitors", "list_monitors", {"model_name": "'m7'", "include_removed": "false"}),
    ("monitors", "list_monitors", {"before": AN_ID.format("monitors")}),
    ("models", "get", {"model_name": "'m7'"}),
    ("models", "list_models", {"after": "'m7'"}),
    ("model_versions", "get", {"model_name": "'m7'", "model_version": "'47'"}),
    ("model_versions", "get", {"id": AN_ID.format("model_versions")}),
    ("model_versions", "list_versions", {}),
    ("model_versions", "list_versions", {"model_name": "'m7'"}),
    ("model_versions", "list_versions", {"tags": """'{"n": 77}'"""}),
    ("model_versions", "list_versions", {"before": AN_ID.format("model_versions")}),
    ("model_versions", "timeline", {}),
    ("model_versions", "timeline", {"model_name": "'m7'"}),
    ("model_versions", "promotion_policy", {"model_name": "'m7'", "slot": "'eu'"}),
    ("monitoring_metrics", "get", {"id": AN_ID.format("monitoring_metrics")}),
    ("monitoring_metrics", "list_runs", {}),
    ("monitoring_metrics", "list_runs", {"model_name": "'m7'"}),
    ("monitoring_metrics", "list_runs", {"model_name": "'m7'", "since": f"'{NOON}'"}),
    ("monitoring_metrics", "list_runs", {"before": AN_ID.format("monitoring_metrics")}),
    (
        "monitoring_metrics",
        "drift_trend",
        {"model_name": "'m7'", "bucket": "'1 day'", "since": f"'{NOON}'", "until": "now()"},
    ),
    ("retraining_decisions", "get", {"id": AN_ID.format("retraining_decisions")}),
    ("retraining_decisions", "list_decisions", {}),
    ("retraining_decisions", "list_decisions", {"model_name": "'m7'"}),
    ("retraining_decisions", "list_decisions", {"action": "'pending'"}),
    ("retraining_decisions", "list_decisions", {"before": AN_ID.format("retraining_decisions")}),
    ("retraining_decisions", "list_pending", {}),
    ("retraining_decisions", "list_pending", {"model_name": "'m7'"}),
    ("agent_actions", "get", {"id": AN_ID.format("agent_actions")}),
    ("agent_actions", "list_actions", {}),
    ("agent_actions", "list_actions", {"model_name": "'m7'"}),
    ("agent_actions", "list_actions", {"before": AN_ID.format("agent_actions")}),
    ("agent_actions", "list_pending", {}),
    ("agent_actions", "list_pending", {"model_name": "'m7'"}),
    (
        "retraining_decisions",
        "acceptance_rate",
        {"model_name": "'m7'", "since": f"'{NOON}'", "until": "now()"},
    ),
    ("drift_reports", "get", {"id": AN_ID.format("drift_reports")}),
    ("drift_reports", "list_reports", {}),
    ("drift_reports", "list_reports", {"model_name": "'m7'", "since": f"'{NOON}'"}),
    ("drift_reports", "list_reports", {"before": AN_ID.format("drift_reports")}),
    (
        "drift_reports",
        "feature_trend",
        {"model_name": "'m7'", "feature": "'hour'", "since": f"'{NOON}'", "until": "now()"},
    ),
    ("drift_reports", "insert__repeated", {"model_name": "'m7'", "timestamp": f"'{NOON}'"}),
    ("performance_metrics", "get", {"id": AN_ID.format("performance_metrics")}),
    ("performance_metrics", "list_metrics", {"model_name": "'m7'"}),
    ("performance_metrics", "list_metrics", {"model_name": "'m7'", "metric_name": "'rmse'"}),
    ("performance_metrics", "latest", {"model_name": "'m7'"}),
    ("performance_metrics", "latest", {"model_name": "'m7'", "model_version": "'47'"}),
    (
        "performance_metrics",
        "compare",
        {"model_name": "'m7'", "version_a": "'7'", "version_b": "'47'"},
    ),
    (
        "performance_metrics",
        "timeseries",
        {
            "model_name": "'m7'",
            "metric_name": "'rmse'",
            "stage": "'production'",
            "slice": "''",
            "unit": "'day'",
            "since": f"'{NOON}'",
            "until": "now()",
        },
    ),
    ("system_metrics", "latest", {"host": "'host7'"}),
    (
        "system_metrics",
        "timeseries",
        {
            "metric_name": "'metric7'",
            "host": "'host7'",
            "step": "'1 hour'",
            "since": f"'{NOON}'",
            "until": "now()",
        },
    ),
]


@pytest.fixture(scope="module")
def filled(server_dsn: str, template: str) -> Iterator[psycopg.Connection]:
    """A database with thousands of rows in each table."""
    with (
        scratch_database(server_dsn, template) as dsn,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        connection.execute(FILL)
        yield connection


def test_every_foreign_key_has_an_index(conn: psycopg.Connection) -> None:
    missing = conn.execute(
        "SELECT f.conname FROM pg_constraint f WHERE f.contype = 'f' AND NOT EXISTS ("
        "  SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indkey[0] = f.conkey[1]"
        "  AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) LIKE '%% IS NOT NULL%%'))"
    ).fetchall()
    assert missing == []


@pytest.mark.parametrize(("file", "name", "given"), QUERIES)
def test_a_documented_query_uses_an_index(
    filled: psycopg.Connection, file: str, name: str, given: dict[str, str]
) -> None:
    statement = load(file)[name]
    values = {"limit": "10", **given}
    text = statement.text.decode()
    for number, parameter in enumerate(statement.parameters, 1):
        text = text.replace(f"%({parameter})s", f"${number}")
    arguments = [
        _literal(filled, values.get(parameter, "NULL")) for parameter in statement.parameters
    ]
    call = f"EXECUTE q({', '.join(arguments)})"
    filled.execute(f"PREPARE q AS {text}".encode())
    try:
        # From the sixth call on the server may choose a plan that fits any parameters.
        for _ in range(6):
            filled.execute(call.encode())
        plan = "\n".join(row[0] for row in filled.execute(f"EXPLAIN {call}".encode()))
    finally:
        filled.execute("DEALLOCATE q")
    big = "agent_actions|alert|drift|m|performance|retraining|system"
    assert not re.search(rf"Seq Scan on ({big})", plan), plan


def test_the_newest_values_are_found_by_index(filled: psycopg.Connection) -> None:
    """The plan of a function is not shown to its caller, so look at what was read."""
    filled.execute("SELECT pg_stat_force_next_flush()")
    read = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'performance_metrics'"
    before = filled.execute(read).fetchone()
    version = filled.execute(
        "SELECT id FROM model_versions WHERE model_name = 'm7' AND model_version = '47'"
    ).fetchone()
    assert version is not None
    found = filled.execute("SELECT * FROM latest_performance_metrics(%s)", version).fetchall()
    assert len(found) == 4
    filled.execute("SELECT pg_stat_force_next_flush()")
    assert filled.execute(read).fetchone() == before


def _literal(conn: psycopg.Connection, expression: str) -> Any:
    """Evaluate an expression, as EXECUTE takes no subqueries."""
    row = conn.execute(f"SELECT quote_nullable({expression}::text)".encode()).fetchone()
    assert row is not None
    return row[0]
