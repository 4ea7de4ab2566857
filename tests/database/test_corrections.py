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


@pytest.mark.parametrize(
    ("taken_back", "who"),
    [
        ("SELECT withdraw_version('fact', '1', 'ann', 'wrong data')", ("ann", "wrong data")),
        ("DELETE FROM model_versions WHERE model_name = 'fact'", (None, None)),
    ],
)
def test_a_version_that_is_gone_was_withdrawn(
    facts: Conn, taken_back: str, who: tuple[str | None, ...]
) -> None:
    before = facts.execute("SELECT to_jsonb(v) FROM model_versions v").fetchone()
    facts.execute(taken_back.encode())
    [(session_user,)] = facts.execute("SELECT session_user").fetchall()
    assert facts.execute("SELECT * FROM model_versions").fetchall() == []
    [(event, actor, after)] = entries(facts, "event, actor, after")
    assert (event, actor) == ("withdrawal", who[0] or session_user)
    assert before is not None
    assert (after["registered"], after["reason"]) == (before[0], who[1])
    for number in ("'1'", "NULL"):
        refused = f"INSERT INTO model_versions (id, model_name, model_version) VALUES ('{after['id']}', 'fact', {number})"  # noqa: S608, E501
        with pytest.raises(psycopg.Error, match="was withdrawn"), facts.transaction():
            facts.execute(refused.encode())
    facts.execute("INSERT INTO model_versions (model_name) VALUES ('fact')")
    assert facts.execute("SELECT model_version FROM model_versions").fetchall() == [("2",)]
    with pytest.raises(psycopg.Error, match="append-only"):
        facts.execute("UPDATE withdrawn_versions SET reason = 'none'")


REFERENCES = {
    "retraining_decisions": "INSERT INTO retraining_decisions (model_name, candidate_version_id,"
    " trigger_reason, action) SELECT 'fact', id, 'drift', 'reject' FROM model_versions",
    "agent_actions": "INSERT INTO agent_actions (model_name, model_version_id, action_type,"
    " risk_level) SELECT 'fact', id, 'scale', 'low' FROM model_versions",
    "monitoring_metrics": "INSERT INTO monitoring_metrics (model_name, model_version_id,"
    " lookback_hours, num_predictions) SELECT 'fact', id, 24, 1 FROM model_versions",
    "performance_metrics": "INSERT INTO performance_metrics (model_name, model_version_id,"
    " metric_name, metric_value) SELECT 'fact', id, 'rmse', 1 FROM model_versions",
    "model_deployments": "SELECT promote('fact', '1', slot => 'shadow')",
    "predictions": "INSERT INTO predictions (id, predicted_at, model_version_id)"
    " SELECT ledger_uuid(), now(), id FROM model_versions",
}


@pytest.mark.parametrize("table", REFERENCES)
@pytest.mark.parametrize("change", ["withdraw_version", "correct_version"])
def test_what_is_referred_to_stays_as_it_is(facts: Conn, table: str, change: str) -> None:
    facts.execute("SELECT ensure_partitions('predictions', now(), now())")
    facts.execute(REFERENCES[table].encode())
    said = rf"version 1 of model fact is referred to by rows of {table} \(1\)$"
    with pytest.raises(psycopg.Error) as refused, facts.transaction():
        facts.execute(f"SELECT {change}('fact', '1')".encode())
    assert refused.match(said.removesuffix("$"))
    assert len(facts.execute("SELECT FROM model_versions").fetchall()) == 1


def test_every_foreign_key_to_a_version_is_looked_at(conn: Conn) -> None:
    columns = conn.execute(
        "SELECT a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid"
        " AND a.attnum = c.conkey[1]"
        " WHERE c.confrelid = 'model_versions'::regclass AND c.contype = 'f'"
    ).fetchall()
    assert columns
    assert all(name.endswith("version_id") for (name,) in columns)


@pytest.mark.parametrize("table", ["model_versions", "monitoring_metrics", "performance_metrics"])
def test_facts_are_not_truncated(facts: Conn, table: str) -> None:
    with pytest.raises(psycopg.Error, match="is append-only"):
        facts.execute(f"TRUNCATE {table} CASCADE".encode())


@pytest.mark.not_distributed("Citus has no triggers there: writers lack the right to UPDATE")
def test_values_of_hosts_do_not_change(facts: Conn) -> None:
    facts.execute("SELECT ensure_partitions('system_metrics', now(), now())")
    facts.execute("INSERT INTO system_metrics (host, metric_name, metric_value) VALUES ('h','c',1)")
    with pytest.raises(psycopg.Error, match="is append-only"):
        facts.execute("UPDATE system_metrics SET metric_value = 2")
