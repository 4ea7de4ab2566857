"""The two jobs that use the ledger: monitoring every week, and retraining when it is called for.

A job is told the moment it runs at and remembers nothing between runs: what is in production,
what that was trained on and when a candidate was last judged, it reads from the ledger.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.errors import NotFound
from mlops_ledger.rows import ModelVersion, MonitoringRun

from . import model
from .data import FEATURES, Window, flights_between
from .monitoring import measure
from .trial import hold_trial

MODEL_NAME = "flight-delays"
JOB_NAME = "examples.flight_delays"
WEEK = timedelta(weeks=1)
# A candidate made earlier would see nearly the same flights as the one before.
COOL_DOWN = 4 * WEEK
TOLERATED_AUC_LOSS = 0.05


def monitor(db: Database, now: datetime) -> UUID:
    """Record how the version in production predicted the flights of the week before `now`.

    Returns the id of the monitoring run.
    """
    models = ModelVersionRepository(db)
    deployment = models.production_at(model_name=MODEL_NAME, at=now - WEEK)
    if deployment is None:
        raise NotFound(f"no version of {MODEL_NAME} was in production; see v_decision_history")
    training = training_window(models.get(id=deployment.model_version_id))
    flights = flights_between(now - WEEK, now)
    probability = model.predict(model.train(training), flights)
    return MonitoringMetricsRepository(db).insert(
        model_name=MODEL_NAME,
        model_version_id=deployment.model_version_id,
        timestamp=now,
        lookback_hours=WEEK / timedelta(hours=1),
        **measure(flights, probability, reference=training.flights(), now=now),
    )


def retraining_trigger(db: Database, run: MonitoringRun) -> str | None:
    """Return why a monitoring run calls for a candidate, or None when it does not."""
    decision = RetrainingDecisionsRepository(db).latest(model_name=MODEL_NAME)
    if run.timestamp - decision.timestamp < COOL_DOWN:
        return None
    version = ModelVersionRepository(db).get(id=run.model_version_id)
    if run.metadata["roc_auc"] < version.roc_auc - TOLERATED_AUC_LOSS:
        return "performance"
    return "drift" if run.dataset_drift_detected else None


def retrain(db: Database, now: datetime, trigger: str, run: MonitoringRun | None = None) -> None:
    """Train a candidate, judge it against production and record the decision.

    `run` is the monitoring run that called for it; the first model of all has none.
    """
    production = ModelVersionRepository(db).get(id=run.model_version_id) if run else None
    trial = hold_trial(now, training_window(production) if production else None)
    # Version, decision and promotion appear together or not at all, whenever the job is killed.
    with db.transaction() as tx:
        models = ModelVersionRepository(tx)
        candidate_id = models.insert(
            id=job_id("candidate", now),
            model_name=MODEL_NAME,
            algorithm=model.ALGORITHM,
            hyperparameters=model.HYPERPARAMETERS,
            feature_names=FEATURES,
            metrics=trial.metrics,
            training_samples=len(trial.training.flights()),
            dataset_version=str(trial.training),
            dataset_digest=model.digest(trial.training.flights()),
            created_by=JOB_NAME,
            created_at=now,
        )
        decision_id = RetrainingDecisionsRepository(tx).insert(
            id=job_id("decision", now),
            timestamp=now,
            model_name=MODEL_NAME,
            candidate_version_id=candidate_id,
            production_version_id=production.id if production else None,
            trigger_reason=trigger,
            action="promote" if trial.passed else "reject",
            gate_results=trial.gates,
            reasoning=trial.reasoning,
            labeled_samples=trial.labelled_flights,
            coverage_pct=trial.coverage_pct,
            drift_context={"psi": run.metadata["psi"]} if run else {},
            data_context={"training": str(trial.training), "held_out": str(trial.held_out)},
            decision_details={"compared_with": trial.rival},
            monitoring_run_id=run.id if run else None,
            decided_by=JOB_NAME,
        )
        if trial.passed:
            models.promote(
                decision_id=decision_id,
                promoted_by=JOB_NAME,
                reason=f"{trigger}: {trial.reasoning}",
                at=now,
                deployment_id=job_id("deployment", now),
            )


def training_window(version: ModelVersion) -> Window:
    """Return the window that a version was trained on, which is enough to train it again."""
    return Window.parse(version.dataset_version, known_at=version.created_at)


def job_id(kind: str, now: datetime) -> UUID:
    """Return the same id whenever the same job runs again, so that nothing is recorded twice."""
    return uuid5(NAMESPACE_URL, f"mlops-ledger:{MODEL_NAME}/{kind}/{now.isoformat()}")
