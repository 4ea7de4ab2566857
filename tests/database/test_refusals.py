"""What the database itself refuses, whoever writes."""

from __future__ import annotations

import psycopg
import pytest

DEPLOY = (
    "INSERT INTO model_deployments (slot_id, model_name, model_version_id, deployed_at, retired_at)"
    " SELECT s.id, 'm', v.id, {}, {} FROM model_slots s, model_versions v"
    " WHERE s.slot = 'production' AND v.model_version = '3'"
)
DECIDE = (
    "INSERT INTO retraining_decisions (model_name, trigger_reason, action, candidate_version_id)"
    " SELECT 'm', 'drift', '{}', id FROM model_versions WHERE model_version = '{}' RETURNING id"
)
RUN = (
    "INSERT INTO monitoring_metrics (model_name, lookback_hours, num_predictions, {})"
    " VALUES ('m', 1, 1, {})"
)
WINDOW = (
    "INSERT INTO monitoring_metrics (model_name, lookback_hours, num_predictions) VALUES ('m', {})"
)
WRITE = "INSERT INTO {} (model_name, created_at, {}) VALUES ('m', '{}', {})"
REGISTER = "INSERT INTO model_versions (model_name, {}) VALUES ('m', '{}')"
SET_STAGE = "UPDATE model_versions SET stage = '{}' WHERE model_version = '3'"
CHANGE = "UPDATE model_deployments SET {}"
PROMOTE = "SELECT promote('m', '3', decision_id => '{}')"
JUDGE = (
    "INSERT INTO retraining_decisions (model_name, trigger_reason, action, gate_results)"
    " VALUES ('m', 'drift', 'reject', '{}')"
)

# Values that a column refuses, and the constraint that says so.
METRICS = [
    ("positive_rate", "1.01"),
    ("positive_rate", "-0.01"),
    ("positive_rate", "'NaN'"),
    ("probability_mean", "2"),
    ("probability_std", "-1"),
    ("entropy", "-0.1"),
    ("entropy", "'infinity'"),
    ("feature_drift_ratio", "1.5"),
    ("feature_drift_ratio", "'NaN'"),
    ("coverage_pct", "101"),
    ("coverage_pct", "'NaN'"),
    ("labeled_samples", "-1"),
    ("num_features", "-1"),
    ("num_drifted_features", "-1"),
    ("metadata", "'[]'"),
]


def refused(conn: psycopg.Connection, statement: str) -> psycopg.Error:
    """Run a statement that must fail, and return how it did."""
    with pytest.raises(psycopg.Error) as refusal:
        conn.execute(statement.encode())
    return refusal.value


def constraint(conn: psycopg.Connection, statement: str) -> str | None:
    """Run a statement that must fail, and return the constraint that it violates."""
    return refused(conn, statement).diag.constraint_name


def test_a_second_open_interval_in_a_slot(live: psycopg.Connection) -> None:
    assert constraint(live, DEPLOY.format("now()", "NULL")) in {
        "model_deployments_one_open_idx",
        "model_deployments_no_overlap",
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [("12:30", "12:45"), ("11:30", "12:01"), ("12:59", "13:30"), ("11:00", "14:00")],
)
def test_an_overlapping_interval(live: psycopg.Connection, start: str, end: str) -> None:
    statement = DEPLOY.format(f"'2026-01-01 {start}Z'", f"'2026-01-01 {end}Z'")
    assert constraint(live, statement) == "model_deployments_no_overlap"


@pytest.mark.parametrize("end", ["10:00", "09:00"])
def test_an_inverted_or_empty_interval(live: psycopg.Connection, end: str) -> None:
    statement = DEPLOY.format("'2026-01-01 10:00Z'", f"'2026-01-01 {end}Z'")
    # Which of the two speaks first is the server's choice: an inverted range is no range either.
    error = refused(live, statement)
    assert (
        error.diag.constraint_name == "model_deployments_interval_check"
        or error.sqlstate == "22000"
    )


def test_an_interval_beside_the_others_is_accepted(live: psycopg.Connection) -> None:
    live.execute(DEPLOY.format("'2026-01-01 10:00Z'", "'2026-01-01 12:00Z'").encode())


@pytest.mark.parametrize(
    "change",
    [
        "retired_at = NULL WHERE retired_at IS NOT NULL",
        "retired_at = retired_at - interval '1 minute' WHERE retired_at IS NOT NULL",
        "deployed_at = deployed_at - interval '1 minute'",
        "deployed_by = 'me'",
        "reason = 'other' WHERE retired_at IS NULL",
        "model_version_id = (SELECT id FROM model_versions WHERE model_version = '3')",
        "retired_at = now(), decision_id = ledger_uuid() WHERE retired_at IS NULL",
    ],
)
def test_history_changed(live: psycopg.Connection, change: str) -> None:
    before = live.execute("SELECT * FROM model_deployments ORDER BY id").fetchall()
    assert refused(live, CHANGE.format(change)).sqlstate == "MLAO0"
    assert live.execute("SELECT * FROM model_deployments ORDER BY id").fetchall() == before


def test_an_interval_closed_before_it_began(live: psycopg.Connection) -> None:
    error = refused(
        live, "UPDATE model_deployments SET retired_at = '2020-01-01Z' WHERE retired_at IS NULL"
    )
    assert (
        error.diag.constraint_name == "model_deployments_interval_check"
        or error.sqlstate == "22000"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM model_deployments",
        "TRUNCATE model_deployments",
        "TRUNCATE model_slots CASCADE",
        "TRUNCATE model_versions CASCADE",
        "DELETE FROM retraining_decisions",
        "UPDATE retraining_decisions SET action = 'promote'",
        "UPDATE retraining_decisions SET reasoning = reasoning",
        "TRUNCATE retraining_decisions",
        "TRUNCATE retraining_decisions CASCADE",
    ],
)
def test_history_deleted(live: psycopg.Connection, statement: str) -> None:
    live.execute(DECIDE.format("reject", "3").encode())
    error = refused(live, statement)
    # Without CASCADE a table that others refer to cannot be truncated at all.
    assert error.sqlstate in {"MLAO0", "0A000"}
    counts = live.execute(
        "SELECT (SELECT count(*) FROM model_deployments),"
        " (SELECT count(*) FROM retraining_decisions)"
    ).fetchone()
    assert counts == (2, 1)


def test_a_version_that_history_names_deleted(live: psycopg.Connection) -> None:
    assert (
        constraint(live, "DELETE FROM model_versions WHERE model_version = '1'")
        == "model_deployments_model_version_fkey"
    )


@pytest.mark.parametrize(
    ("action", "version"), [("reject", "3"), ("pending", "3"), ("promote", "1")]
)
def test_a_promotion_whose_decision_does_not_allow_it(
    live: psycopg.Connection, action: str, version: str
) -> None:
    [decision] = live.execute(DECIDE.format(action, version).encode()).fetchone()
    error = refused(live, PROMOTE.format(decision))
    assert error.sqlstate == "MLPR0"
    assert live.execute("SELECT model_version FROM production_at('m')").fetchone() == ("2",)


def test_a_deployment_by_hand_whose_decision_does_not_allow_it(live: psycopg.Connection) -> None:
    [decision] = live.execute(DECIDE.format("reject", "3").encode()).fetchone()
    statement = DEPLOY.replace("retired_at)", "retired_at, decision_id)").format(
        "'2026-01-01 10:00Z'", f"'2026-01-01 11:00Z'::timestamptz, '{decision}'::uuid"
    )
    assert refused(live, statement).sqlstate == "MLPR0"


def test_a_deployment_of_another_models_version(live: psycopg.Connection) -> None:
    live.execute("INSERT INTO model_versions (model_name) VALUES ('other')")
    statement = (
        "INSERT INTO model_deployments (slot_id, model_name, model_version_id, deployed_at,"
        " retired_at) SELECT s.id, 'm', v.id, '2025-01-01Z', '2025-01-02Z'"
        " FROM model_slots s, model_versions v WHERE v.model_name = 'other'"
    )
    assert constraint(live, statement) == "model_deployments_model_version_fkey"


@pytest.mark.parametrize(("column", "value"), METRICS)
def test_a_ratio_or_count_out_of_range(live: psycopg.Connection, column: str, value: str) -> None:
    assert constraint(live, RUN.format(column, value)) == f"monitoring_metrics_{column}_check"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ("0, 1", "lookback_hours"),
        ("'NaN', 1", "lookback_hours"),
        ("1, -1", "num_predictions"),
    ],
)
def test_a_run_over_nothing(live: psycopg.Connection, values: str, name: str) -> None:
    assert constraint(live, WINDOW.format(values)) == f"monitoring_metrics_{name}_check"


@pytest.mark.parametrize(
    ("metric", "value"),
    [("accuracy", 1.5), ("precision", -1), ("recall", 2), ("f1_score", 1.1), ("roc_auc", 2),
     ("brier_score", 2.5), ("rmse", -1), ("mae", -1), ("r2", 1.5)],
)  # fmt: skip
def test_a_metric_out_of_range(conn: psycopg.Connection, metric: str, value: float) -> None:
    metrics = f'{{"{metric}": {value}}}'
    assert constraint(conn, REGISTER.format("metrics", metrics)) == f"model_versions_{metric}_check"


@pytest.mark.parametrize("column", ["promoted_at", "promoted_by"])
def test_a_version_that_claims_to_have_been_promoted(conn: psycopg.Connection, column: str) -> None:
    assert refused(conn, REGISTER.format(column, "2026-01-01Z")).sqlstate == "MLIV0"


@pytest.mark.parametrize("stage", ["live", "", "prod"])
def test_an_unknown_stage(live: psycopg.Connection, stage: str) -> None:
    for statement in (SET_STAGE.format(stage), REGISTER.format("stage", stage)):
        assert constraint(live, statement) == "model_versions_stage_check"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE model_versions SET stage = 'production' WHERE model_version = '3'",
        "UPDATE model_versions SET stage = 'Production ' WHERE model_version = '3'",
        "INSERT INTO model_versions (model_name, stage) VALUES ('m', 'production')",
        "UPDATE model_versions SET stage = 'archived' WHERE model_version = '2'",
    ],
)
def test_a_stage_that_contradicts_history(live: psycopg.Connection, statement: str) -> None:
    assert refused(live, statement).sqlstate == "MLPR0"


def test_a_stage_beside_production_is_accepted(live: psycopg.Connection) -> None:
    live.execute("UPDATE model_versions SET stage = 'Staging' WHERE model_version = '3'")
    found = live.execute("SELECT stage FROM model_versions WHERE model_version = '3'").fetchone()
    assert found == ("staging",)


def test_gates_that_are_not_gates(live: psycopg.Connection) -> None:
    for gates in (
        "{}",
        '[{"gate": "a"}]',
        '[{"passed": true}]',
        '[{"gate": 1, "passed": true}]',
        '[{"gate": "a", "passed": 1}]',
        "[5]",
        '[[{"gate": "a", "passed": true}]]',
        '[{"gate": "a", "passed": [true]}]',
    ):
        assert constraint(live, JUDGE.format(gates)) == "retraining_decisions_gate_results_check", (
            gates
        )


@pytest.mark.parametrize("created_at", ["infinity", "10000-01-01Z"])
def test_a_row_written_at_a_time_that_clients_cannot_read(
    live: psycopg.Connection, created_at: str
) -> None:
    version = "(SELECT id FROM model_versions LIMIT 1)"
    values = {
        "monitoring_metrics": ("lookback_hours, num_predictions", "1, 1"),
        "retraining_decisions": ("trigger_reason, action", "'x', 'reject'"),
        "drift_reports": (
            "model_version_id, lookback_hours, window_start, window_end, drift_detected",
            f"{version}, 1, now() - interval '1 hour', now(), false",
        ),
        "performance_metrics": (
            "model_version_id, metric_name, metric_value",
            f"{version}, 'x', 1",
        ),
        "monitors": (
            'name, source, metric_name, "window", operator, warning_threshold',
            "'x', 'monitoring', 'entropy', '1 day', '>', 1",
        ),
    }
    for table, (columns, given) in values.items():
        statement = WRITE.format(table, columns, created_at, given)
        assert constraint(live, statement) == f"{table}_created_at_check"
