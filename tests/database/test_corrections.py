"""Changing by SQL what was registered leaves an entry in the audit log, or is refused."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

Conn = psycopg.Connection[Any]


def entries(conn: Conn, columns: str = "event, actor") -> list[Any]:
    query = f"SELECT {columns} FROM audit_log ORDER BY seq"  # noqa: S608
    return conn.execute(query.encode()).fetchall()


FACTS = [
    ("model_versions", """UPDATE model_versions SET metrics = '{"rmse": 1}'""", "metrics"),
    ("model_versions", "UPDATE model_versions SET artifact_uri = 's3://other'", "artifact_uri"),
    ("model_versions", "UPDATE model_versions SET feature_names = '{b,a}'", "feature_names"),
    ("model_versions", "DELETE FROM model_versions WHERE model_name = 'fact'", None),
    ("monitoring_metrics", "UPDATE monitoring_metrics SET num_predictions = 2", "num_predictions"),
    ("monitoring_metrics", "DELETE FROM monitoring_metrics", None),
    ("performance_metrics", "UPDATE performance_metrics SET metric_value = 2", "metric_value"),
    ("performance_metrics", "DELETE FROM performance_metrics", None),
]


@pytest.fixture
def facts(conn: Conn) -> Conn:
    """A version that nothing refers to, and one with a run and a metric."""
    conn.execute(
        "INSERT INTO model_versions (model_name, metrics, feature_names)"
        """ VALUES ('fact', '{"rmse": 2}', '{a,b}')"""
    )
    return conn


@pytest.mark.parametrize(("table", "change", "column"), FACTS)
def test_changing_a_registered_fact_leaves_what_it_was_and_became(
    facts: Conn, table: str, change: str, column: str | None
) -> None:
    if table != "model_versions":
        facts.execute(
            "INSERT INTO monitoring_metrics"
            " (model_name, model_version_id, lookback_hours, num_predictions)"
            " SELECT 'fact', id, 24, 1 FROM model_versions"
        )
        facts.execute(
            "INSERT INTO performance_metrics (model_name, model_version_id, metric_name,"
            " metric_value) SELECT 'fact', id, 'rmse', 1 FROM model_versions"
        )
    [(recorded,)] = facts.execute("SELECT count(*) FROM audit_log").fetchall()
    assert recorded == (table != "model_versions")
    before = facts.execute(f"SELECT to_jsonb(t) FROM {table} t".encode()).fetchone()  # noqa: S608
    facts.execute(change.encode())
    after = facts.execute(f"SELECT to_jsonb(t) FROM {table} t".encode()).fetchone()  # noqa: S608
    [entry] = entries(facts, "event, object_table, before, after")[recorded:]
    assert entry == ("correction", table, before and before[0], after and after[0])
    assert column is None or entry[2][column] != entry[3][column]


def test_tags_and_stages_are_no_corrections(facts: Conn) -> None:
    facts.execute("""UPDATE model_versions SET tags = '{"a": 1}', stage = 'staging'""")
    facts.execute("UPDATE model_versions SET artifact_uri = artifact_uri")
    assert entries(facts) == []
    facts.execute("SELECT promote('fact', '1')")
    assert [event for event, _ in entries(facts)] == ["promotion"]


@pytest.mark.parametrize("table", ["model_versions", "monitoring_metrics", "performance_metrics"])
def test_facts_are_not_truncated(facts: Conn, table: str) -> None:
    with pytest.raises(psycopg.Error, match="is append-only"):
        facts.execute(f"TRUNCATE {table} CASCADE".encode())


def test_values_of_hosts_do_not_change(facts: Conn) -> None:
    facts.execute("SELECT ensure_partitions('system_metrics', now(), now())")
    facts.execute("INSERT INTO system_metrics (host, metric_name, metric_value) VALUES ('h','c',1)")
    with pytest.raises(psycopg.Error, match="is append-only"):
        facts.execute("UPDATE system_metrics SET metric_value = 2")
