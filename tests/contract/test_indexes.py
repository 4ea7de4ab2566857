"""Foreign keys and documented queries have an index, on tables too large to read through."""

from __future__ import annotations

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
FROM generate_series(1, 4000) n;
INSERT INTO monitoring_metrics
    (model_name, model_version_id, timestamp, lookback_hours, num_predictions)
SELECT v.model_name, v.id, v.created_at, hours, 1
FROM model_versions v, generate_series(1, 2) hours;
INSERT INTO retraining_decisions
    (model_name, timestamp, candidate_version_id, trigger_reason, action)
SELECT v.model_name, v.created_at, v.id, 'drift',
       CASE WHEN v.model_version::int % 100 = 0 THEN 'pending' ELSE 'reject' END
FROM model_versions v, generate_series(1, 2);
INSERT INTO model_slots (model_name, slot) SELECT 'm' || n, 'eu' FROM generate_series(0, 39) n;
INSERT INTO model_deployments (slot_id, model_name, model_version_id, deployed_at, retired_at)
SELECT s.id, v.model_name, v.id, v.created_at, v.created_at + interval '30 seconds'
FROM model_versions v JOIN model_slots s USING (model_name);
ANALYZE;
"""
NOON = "2026-01-02T12:00Z"
AN_ID = "(SELECT id FROM {} LIMIT 1 OFFSET 2000)"

# The documented ways to call each list, and what answers one at a time.
QUERIES: list[tuple[str, str, dict[str, str]]] = [
    ("model_versions", "get", {"model_name": "'m7'", "model_version": "'47'"}),
    ("model_versions", "get", {"id": AN_ID.format("model_versions")}),
    ("model_versions", "list_versions", {}),
    ("model_versions", "list_versions", {"model_name": "'m7'"}),
    ("model_versions", "list_versions", {"tags": """'{"n": 77}'"""}),
    ("model_versions", "list_versions", {"before": AN_ID.format("model_versions")}),
    ("model_versions", "timeline", {}),
    ("model_versions", "timeline", {"model_name": "'m7'"}),
    ("monitoring", "get", {"id": AN_ID.format("monitoring_metrics")}),
    ("monitoring", "list_runs", {}),
    ("monitoring", "list_runs", {"model_name": "'m7'"}),
    ("monitoring", "list_runs", {"model_name": "'m7'", "since": f"'{NOON}'"}),
    ("monitoring", "list_runs", {"before": AN_ID.format("monitoring_metrics")}),
    (
        "monitoring",
        "drift_trend",
        {"model_name": "'m7'", "bucket": "'1 day'", "since": f"'{NOON}'", "until": "now()"},
    ),
    ("decisions", "get", {"id": AN_ID.format("retraining_decisions")}),
    ("decisions", "list_decisions", {}),
    ("decisions", "list_decisions", {"model_name": "'m7'"}),
    ("decisions", "list_decisions", {"action": "'pending'"}),
    ("decisions", "list_decisions", {"before": AN_ID.format("retraining_decisions")}),
    ("decisions", "list_pending", {}),
    ("decisions", "list_pending", {"model_name": "'m7'"}),
    (
        "decisions",
        "acceptance_rate",
        {"model_name": "'m7'", "since": f"'{NOON}'", "until": "now()"},
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
    assert "Seq Scan on m" not in plan, plan
    assert "Seq Scan on retraining_decisions" not in plan, plan


def _literal(conn: psycopg.Connection, expression: str) -> Any:
    """Evaluate an expression, as EXECUTE takes no subqueries."""
    row = conn.execute(f"SELECT quote_nullable({expression}::text)".encode()).fetchone()
    assert row is not None
    return row[0]
