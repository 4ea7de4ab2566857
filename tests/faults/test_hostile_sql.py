"""Rows that psql users and other languages might write, past every check of the repositories."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

# What psql users and other languages might write: the database itself is the last to refuse.
RAW = [
    ("model_versions", "model_name", "''"),
    ("model_versions", "model_name", "' m'"),
    ("model_versions", "model_name", "E'a\\nb'"),
    ("model_versions", "model_name", "repeat('x', 256)"),
    ("model_versions", "model_name", "NULL"),
    ("model_versions", "model_version", "''"),
    ("model_versions", "stage", "'live'"),
    ("model_versions", "stage", "'production'"),
    ("model_versions", "metrics", "'[]'"),
    ("model_versions", "metrics", "'null'"),
    ("model_versions", "metrics", """'{"accuracy": "0.5"}'"""),
    ("model_versions", "metrics", """'{"accuracy": true}'"""),
    ("model_versions", "metrics", """'{"accuracy": 1.1}'"""),
    ("model_versions", "metrics", """'{"rmse": -1}'"""),
    ("model_versions", "metrics", """'{"accuracy": 1e999}'"""),
    ("model_versions", "hyperparameters", "'[]'"),
    ("model_versions", "tags", "'\"a\"'"),
    ("model_versions", "feature_names", "'{}'"),
    ("model_versions", "feature_names", "'{a,NULL}'"),
    ("model_versions", "feature_names", "'{{a,b}}'"),
    ("model_versions", "training_samples", "-1"),
    ("model_versions", "created_at", "'infinity'"),
    ("model_versions", "created_at", "'-infinity'"),
    ("model_versions", "created_at", "'0044-03-15 BC'"),
    ("model_versions", "created_at", "'20000-01-01'"),
    ("monitoring_metrics", "model_name", "'unknown'"),
    ("monitoring_metrics", "model_name", "NULL"),
    ("monitoring_metrics", "timestamp", "'infinity'"),
    ("monitoring_metrics", "timestamp", "'-infinity'"),
    ("monitoring_metrics", "timestamp", "'0044-03-15 BC'"),
    ("monitoring_metrics", "timestamp", "now() + interval '1 day'"),
    ("monitoring_metrics", "lookback_hours", "0"),
    ("monitoring_metrics", "lookback_hours", "'NaN'"),
    ("monitoring_metrics", "lookback_hours", "'infinity'"),
    ("monitoring_metrics", "num_predictions", "-1"),
    ("monitoring_metrics", "num_predictions", "NULL"),
    ("monitoring_metrics", "positive_rate", "'NaN'"),
    ("monitoring_metrics", "positive_rate", "1.1"),
    ("monitoring_metrics", "probability_mean", "'-infinity'"),
    ("monitoring_metrics", "probability_std", "'NaN'"),
    ("monitoring_metrics", "entropy", "'NaN'"),
    ("monitoring_metrics", "entropy", "-1"),
    ("monitoring_metrics", "feature_drift_ratio", "'NaN'"),
    ("monitoring_metrics", "coverage_pct", "'NaN'"),
    ("monitoring_metrics", "coverage_pct", "100.1"),
    ("monitoring_metrics", "num_drifted_features", "-1"),
    ("monitoring_metrics", "num_features", "-1"),
    ("monitoring_metrics", "labeled_samples", "-1"),
    ("monitoring_metrics", "drifted_features", "'{a,NULL}'"),
    ("monitoring_metrics", "drifted_features", "'{{a},{b}}'"),
    ("monitoring_metrics", "metadata", "'[]'"),
    ("monitoring_metrics", "metadata", "NULL"),
    ("retraining_decisions", "action", "'approve'"),
    ("retraining_decisions", "action", "'promote'"),
    ("retraining_decisions", "trigger_reason", "''"),
    ("retraining_decisions", "timestamp", "'infinity'"),
    ("retraining_decisions", "timestamp", "'0044-03-15 BC'"),
    ("retraining_decisions", "gate_results", "'{}'"),
    ("retraining_decisions", "gate_results", "'[1]'"),
    ("retraining_decisions", "gate_results", """'[{"gate": "a", "passed": "yes"}]'"""),
    ("retraining_decisions", "drift_context", "'5'"),
    ("retraining_decisions", "data_context", "'[]'"),
    ("retraining_decisions", "decision_details", "'\"x\"'"),
    ("retraining_decisions", "coverage_pct", "'NaN'"),
    ("retraining_decisions", "labeled_samples", "-1"),
]
NEEDED = {
    "model_versions": {"model_name": "'raw'"},
    "monitoring_metrics": {
        "model_name": "'m'",
        "timestamp": "'2026-06-01'",
        "lookback_hours": "24",
        "num_predictions": "10",
    },
    "retraining_decisions": {
        "model_name": "'m'",
        "trigger_reason": "'drift'",
        "action": "'reject'",
    },
}


def insert(table: str, values: Mapping[str, str]) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.SQL, values.values())),  # type: ignore[arg-type]
    )


def test_the_database_itself_refuses(conn: psycopg.Connection) -> None:
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
    conn.execute("SELECT promote('m', '1', at => '2026-01-01')")
    problems = []
    for table, column, value in RAW:
        with conn.transaction(force_rollback=True):
            try:
                conn.execute(insert(table, NEEDED[table] | {column: value}))
                problems.append(f"{table}.{column} = {value} is taken")
            except psycopg.Error as error:
                # Refused as a value, not for a slip of this test.
                if not str(error.sqlstate).startswith(("22", "23", "ML")):
                    problems.append(f"{table}.{column} = {value}: {error}")
    assert problems == []
    for table, values in NEEDED.items():
        conn.execute(insert(table, values))
