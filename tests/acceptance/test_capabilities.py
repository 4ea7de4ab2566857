"""What users ask of monitoring, decisions, approvals, alerts, roles and privacy, test by test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Conflict,
    Database,
    DriftReportsRepository,
    InvalidValue,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GATES = [
    {"gate": f"gate {n}", "passed": n != 3, "value": n / 10, "threshold": 0.3} for n in range(6)
]


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A ledger in which version 1 of model m is in production and version 2 is a candidate."""
    with Database(dsn) as database:
        models = ModelVersionRepository(database)
        models.insert(model_name="m", metrics={"f1_score": 0.7}, feature_names=["age"])
        models.promote(model_name="m", model_version="1", at=NOON - timedelta(days=9))
        models.insert(model_name="m", metrics={"f1_score": 0.8}, mlflow_run_id="run-2")
        yield database


@pytest.fixture
def runs(db: Database) -> MonitoringMetricsRepository:
    """Its monitoring runs."""
    return MonitoringMetricsRepository(db)


@pytest.fixture
def decisions(db: Database) -> RetrainingDecisionsRepository:
    """Its gate decisions."""
    return RetrainingDecisionsRepository(db)


@pytest.fixture
def actions(db: Database) -> AgentActionsRepository:
    """Its actions."""
    return AgentActionsRepository(db)


def candidate(db: Database) -> UUID:
    version = ModelVersionRepository(db).get(model_name="m", model_version="2")
    assert version is not None
    return version.id


def record(runs: MonitoringMetricsRepository, **values: object) -> UUID:
    return runs.insert(
        **{"model_name": "m", "timestamp": NOON, "lookback_hours": 24, "num_predictions": 100}
        | values
    )


def request(actions: AgentActionsRepository, risk_level: str = "high") -> UUID:
    return actions.insert(
        action_type="retrain",
        description="retrain on the last 90 days",
        parameters={"days": 90},
        risk_level=risk_level,
        requested_by="drift-agent",
        issue_id="drift-17",
        issue_type="drift",
        issue_severity="critical",
    )


def test_a_run_has_time_lookback_and_number(
    runs: MonitoringMetricsRepository,
) -> None:
    run = runs.get(id=record(runs))
    assert run is not None
    assert (run.timestamp, run.lookback_hours, run.num_predictions) == (NOON, 24, 100)


def test_a_run_has_proxy_metrics_and_coverage(runs: MonitoringMetricsRepository) -> None:
    proxies = {"positive_rate": 0.25, "probability_mean": 0.3, "probability_std": 0.1}
    proxies |= {"entropy": 0.8, "coverage_pct": 60.0, "metadata": {"patterns": ["weekend"]}}
    run = runs.get(id=record(runs, **proxies))
    assert {name: getattr(run, name) for name in proxies} == proxies


def test_a_run_has_its_drift_result(runs: MonitoringMetricsRepository) -> None:
    record(runs, dataset_drift_detected=True, num_drifted_features=4, num_features=8)
    run = runs.latest(model_name="m")
    assert run is not None
    assert (run.dataset_drift_detected, run.feature_drift_ratio) == (True, 0.5)


def test_a_drift_report_belongs_to_a_version_and_names_its_artifacts(
    db: Database,
) -> None:
    reports = DriftReportsRepository(db)
    reports.insert(
        model_name="m",
        timestamp=NOON,
        lookback_hours=24,
        drift_detected=True,
        drift_score=0.4,
        drifted_features=["age"],
        reference_size=1000,
        current_size=100,
        report_ref="s3://reports/drift.html",
        summary_ref="s3://reports/drift.json",
    )
    report = reports.latest(model_name="m")
    assert report is not None
    live = ModelVersionRepository(db).production_at(model_name="m")
    assert live is not None
    assert report.model_version_id == live.model_version_id
    assert (report.n_drifted_features, report.reference_size, report.current_size) == (1, 1000, 100)
    assert (report.report_ref[-4:], report.summary_ref[-4:]) == ("html", "json")


def test_any_metric_of_a_version_is_a_series(db: Database) -> None:
    metrics = PerformanceMetricsRepository(db)
    for day, value in enumerate((4.0, 6.0, 5.0)):
        metrics.insert(
            model_name="m",
            metric_type="performance",
            metric_name="rmse",
            metric_value=value,
            timestamp=NOON + timedelta(days=day),
            metadata={"rows": 10},
        )
    series = metrics.timeseries(
        model_name="m",
        metric_name="rmse",
        since=NOON - timedelta(days=1),
        until=NOON + timedelta(days=9),
        bucket="day",
    )
    assert [bucket.mean for bucket in series] == [4.0, 6.0, 5.0]


def test_the_drift_of_the_last_days_is_a_trend(runs: MonitoringMetricsRepository) -> None:
    for day, ratio in enumerate((0.1, 0.3, 0.5)):
        record(runs, timestamp=NOON + timedelta(days=day), feature_drift_ratio=ratio)
    trend = runs.drift_trend(model_name="m", days=7, until=NOON + timedelta(days=3))
    assert len(trend) == 3


def test_a_run_that_is_recorded_again_stays_one(runs: MonitoringMetricsRepository) -> None:
    assert record(runs) == record(runs)
    with pytest.raises(Conflict):
        record(runs, num_predictions=101)
    assert len(runs.list_runs(model_name="m")) == 1


@pytest.mark.parametrize("trigger", ["scheduled", "drift", "manual"])
@pytest.mark.parametrize("action", ["promote", "reject", "pending"])
def test_a_decision_has_a_trigger_and_an_action(
    db: Database, decisions: RetrainingDecisionsRepository, trigger: str, action: str
) -> None:
    id = decisions.insert(
        model_name="m", trigger_reason=trigger, action=action, candidate_version_id=candidate(db)
    )
    found = decisions.get(id=id)
    assert found is not None
    assert (found.trigger_reason, found.action) == (trigger, action)
    assert found.timestamp.tzinfo is not None


def test_a_decision_has_contexts_gates_labels_and_its_candidate(
    db: Database, conn: psycopg.Connection, decisions: RetrainingDecisionsRepository
) -> None:
    given = {
        "drift_context": {"ratio": 0.5},
        "data_context": {"rows": 1000},
        "decision_details": {"f1_improvement": 0.1},
        "gate_results": GATES,
        "reasoning": "one gate failed",
        "labeled_samples": 400,
        "coverage_pct": 80.0,
        "candidate_version_id": candidate(db),
    }
    id = decisions.insert(model_name="m", trigger_reason="drift", action="reject", **given)
    found = decisions.get(id=id)
    assert {name: getattr(found, name) for name in given} == given
    row = conn.execute(
        "SELECT gates, gates_passed, failed_gates, candidate_f1_score - production_f1_score,"
        " candidate_version FROM v_decision_history"
    ).fetchone()
    assert row is not None
    assert row[:3] == (6, 5, ["gate 3"])
    assert row[3] == pytest.approx(0.1)


def test_decisions_can_be_listed_counted_and_undone(
    db: Database, decisions: RetrainingDecisionsRepository
) -> None:
    models = ModelVersionRepository(db)
    decision = decisions.insert(
        model_name="m", trigger_reason="drift", action="promote", candidate_version_id=candidate(db)
    )
    decisions.insert(model_name="m", trigger_reason="manual", action="reject")
    models.promote(decision_id=decision)
    assert models.rollback(model_name="m").model_version == "1"
    assert len(decisions.list_decisions(model_name="m")) == 2
    rate = decisions.acceptance_rate(model_name="m")
    assert (rate.promoted, rate.rejected, rate.acceptance_rate) == (1, 1, 0.5)


def test_an_action_says_what_how_risky_and_why(actions: AgentActionsRepository) -> None:
    found = actions.get(id=request(actions))
    assert found is not None
    assert (found.action_type, found.parameters) == ("retrain", {"days": 90})
    assert (found.risk_level, found.requires_approval) == ("high", True)
    assert (found.issue_id, found.issue_severity) == ("drift-17", "critical")


def test_an_action_goes_from_pending_to_its_result(actions: AgentActionsRepository) -> None:
    id = request(actions)
    with pytest.raises(Conflict, match="needs an approval"):
        actions.mark_executed(id=id)
    assert actions.approve(id=id, reviewed_by="ann", comment="go").status == "approved"
    done = actions.mark_executed(id=id, result={"run": "r-1"})
    assert (done.status, done.reviewed_by, done.result) == ("executed", "ann", {"run": "r-1"})
    rejected = actions.reject(id=request(actions), reviewed_by="ann")
    assert (rejected.status, rejected.reviewed_at is not None) == ("rejected", True)
    failed = actions.mark_failed(id=request(actions, "low"), result={"error": "no data"})
    assert failed.status == "failed"


def test_what_waits_for_a_review_is_listed(actions: AgentActionsRepository) -> None:
    id = request(actions)
    assert [action.id for action in actions.list_pending()] == [id]
    actions.approve(id=id, reviewed_by="ann")
    assert actions.list_pending() == []


def test_an_alert_is_raised_acknowledged_and_resolved(db: Database) -> None:
    alerts = AlertsRepository(db)
    raised = alerts.raise_alert(
        alert_type="drift",
        severity="critical",
        title="age drifts",
        message="PSI is 0.4",
        related_data={"feature": "age"},
        model_name="m",
    )
    assert [alert.id for alert in alerts.list_active()] == [raised.id]
    taken = alerts.acknowledge(id=raised.id, acknowledged_by="ann", notes="on it")
    assert (taken.status, taken.acknowledged_by, taken.notes) == ("acknowledged", "ann", "on it")
    over = alerts.resolve(id=raised.id, resolved_by="ann")
    assert over is not None
    assert (over.status, over.resolved_by) == ("resolved", "ann")
    assert alerts.list_active(include_acknowledged=True) == []


def test_roles_are_made_by_statements_that_anybody_can_read(conn: psycopg.Connection) -> None:
    made = [row[0] for row in conn.execute("SELECT ledger_role_statements('a88_')").fetchall()]
    for kind in ("owner", "writer", "reader", "approver", "auditor"):
        assert f"CREATE ROLE a88_{kind} NOLOGIN" in made
    assert any(line.startswith("GRANT INSERT ON TABLE") and "a88_writer" in line for line in made)


def test_raw_inputs_stay_out_of_analytics_and_errors(
    db: Database, conn: psycopg.Connection
) -> None:
    predictions = PredictionsRepository(db)
    one = {"model_name": "m", "model_version": "1"}
    predictions.insert(**one, features={"age": 4}, inputs={"name": "erin"}, client_ip="10.0.0.9")
    stats = predictions.stats(model_name="m", since=datetime.now(UTC) - timedelta(hours=1))
    assert "erin" not in repr(stats)
    with pytest.raises(InvalidValue) as refused:
        predictions.insert(**one, features={"age": "erin"}, inputs={"name": "erin"})
    assert "erin" not in str(refused.value)
    columns = conn.execute("SELECT * FROM v_prediction_log LIMIT 0").description or []
    names = {column.name for column in columns}
    assert names.isdisjoint({"inputs", "metadata", "user_agent", "client_ip"})
