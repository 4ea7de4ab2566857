"""A ledger with rows in every table that a command prints, and all commands that print tables."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    InvalidValue,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    SystemMetricsRepository,
)

HOUR = timedelta(hours=1)
TABLES = (
    "models list",
    "models timeline",
    "models tag m 1 a=b",
    "decisions list",
    "decisions pending",
    "decisions show {decision}",
    "actions list",
    "actions list --pending",
    "actions show {action}",
    "predictions list",
    "predictions show {prediction}",
    "labels show {prediction}",
    "labels performance m",
    "monitoring recent",
    "monitoring trend m",
    "drift list",
    "drift latest m",
    "metrics list --model m",
    "metrics timeseries m loss",
    "metrics compare m 1 2",
    "metrics system web",
    "monitors list",
    "monitors run",
    "alerts list",
    "alerts show {alert}",
    "alerts stats",
    "audit list",
    "audit list --table model_versions",
    "roles show",
    "verify",
    "stats",
    "health",
    "migrate status",
)


def fill(db: Database, text: str) -> dict[str, Any]:
    """Write a row of each kind, with a text wherever it is accepted; return ids by kind."""
    one, two = _registered(db, text)
    prediction = PredictionsRepository(db).insert(
        model_name="m",
        model_version="1",
        prediction=1250.5,
        predicted_label=text,
        request_id=text,
        inputs={text: text},
        error_message=text,
        predicted_at=datetime.now(UTC) - HOUR,
    )
    GroundTruthRepository(db).insert(prediction_id=prediction, actual_label=text, source=text)
    _measure(db, text, one, two)
    decision = RetrainingDecisionsRepository(db).insert(
        model_name="m",
        candidate_version_id=one,
        action="pending",
        trigger_reason=text,
        reasoning=text,
        gate_results=[{"gate": text, "passed": True, "value": 0.9, "threshold": 0.8}],
    )
    action = AgentActionsRepository(db).insert(
        action_type="retrain", risk_level="high", description=text, model_name="m"
    )
    alert = AlertsRepository(db).raise_alert(
        alert_type="drift", title=text, message=text, severity="critical", model_name="m"
    )
    MonitorsRepository(db).insert(
        name="drift",
        source="monitoring",
        metric_name="feature_drift_ratio",
        operator=">",
        warning_threshold=0.3,
        model_name="m",
    )
    return {
        "decision": decision,
        "action": action,
        "prediction": prediction,
        "alert": alert.id,
    }


def _registered(db: Database, text: str) -> tuple[UUID, UUID]:
    """Register two versions of a model, the first of them in production."""
    models = ModelVersionRepository(db)
    with suppress(InvalidValue):
        models.insert(model_name="named", model_version=text, created_by=text, algorithm=text)
    one, two = (
        models.insert(model_name="m", algorithm=text, tags={"note": text}, metrics={text: 0.5})
        for _ in range(2)
    )
    models.promote(model_name="m", model_version="1", promoted_by="ann", reason=text)
    with suppress(InvalidValue):
        models.promote(model_name="m", model_version="2", promoted_by=text, reason=text)
    return one, two


def _measure(db: Database, text: str, one: UUID, two: UUID) -> None:
    """Record a monitoring run, a drift report and metrics."""
    now = datetime.now(UTC)
    window: dict[str, Any] = {"timestamp": now, "lookback_hours": 24}
    about: dict[str, Any] = {"model_name": "m", "model_version_id": one}
    MonitoringMetricsRepository(db).insert(
        **about, **window, num_predictions=3, drifted_features=[text], feature_drift_ratio=0.5
    )
    feature = {"feature": text, "drifted": True, "method": "psi", "score": 0.5}
    DriftReportsRepository(db).insert(
        **about, **window, drift_detected=True, method="psi", features=[feature]
    )
    for version in (one, two):
        PerformanceMetricsRepository(db).insert(
            model_name="m",
            model_version_id=version,
            metric_name="loss",
            metric_value=1250.5,
            dataset_version=text,
            timestamp=now - HOUR,
        )
    SystemMetricsRepository(db).insert_many(
        rows=[{"host": "web", "metric_name": "load", "metric_value": 1, "attributes": {"a": text}}]
    )
