"""The jobs that use the ledger: labels and monitoring every week, retraining when called for.

A job is told the moment it runs at and remembers nothing between runs: what is in production,
what that was trained on and when a candidate was last judged, it reads from the ledger.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.errors import NotFound
from mlops_ledger.rows import ModelVersion, MonitoringRun

from . import model
from .data import LATE, NUMBERS, ON_TIME, RELEASE, Window, landed_between, prediction_ids
from .drift import drift_columns, logged_features, psi_by_feature
from .model import MODEL_NAME
from .trial import hold_trial

JOB_NAME = "examples.flight_delays"
SOURCE = "US Bureau of Transportation Statistics"
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
SCORES = ("roc_auc", "brier_score", "calibration_error")
# A candidate made earlier would see nearly the same flights as the one before.
COOL_DOWN = 4 * WEEK
TOLERATED_AUC_LOSS = 0.05


def label(db: Database, now: datetime) -> int:
    """Record how the flights turned out that landed in the week before `now`.

    Returns how many labels were new. Cancelled and diverted flights never get one.
    """
    landed = landed_between(now - WEEK, now)
    landed = landed[landed["predicted_at"] >= RELEASE]
    labels = [
        {
            "prediction_id": prediction_id,
            "labeled_at": landed_at,
            "actual_label": LATE if late else ON_TIME,
            "source": SOURCE,
        }
        for prediction_id, landed_at, late in zip(
            prediction_ids(landed),
            landed["landed_at"].dt.to_pydatetime(),
            landed["late"],
            strict=True,
        )
    ]
    return GroundTruthRepository(db).insert_many(rows=labels).stored


def monitor(db: Database, now: datetime) -> UUID:
    """Record how the version in production predicted the flights of the week before `now`.

    Everything about the predictions is read from the ledger. Returns the id of the run.
    """
    version = version_in_production(db, now - WEEK)
    served = {"model_name": MODEL_NAME, "model_version": version.model_version}
    window = {"since": now - WEEK, "until": now}
    predictions = PredictionsRepository(db)
    summary = predictions.monitoring_summary(
        **served, timestamp=now, lookback_hours=WEEK / HOUR, positive_label=LATE
    )
    scores = GroundTruthRepository(db).performance(
        **served, **window, as_of=now, positive_label=LATE
    )
    logged = predictions.fetch_pandas(**served, **window, columns=["feature_values", "inputs"])
    psi = psi_by_feature(Window.of_training(version).flights(), logged_features(logged))
    return MonitoringMetricsRepository(db).insert(
        **rounded(asdict(summary)),
        **drift_columns(psi),
        model_version_id=version.id,
        metadata={"psi": psi, **rounded({name: getattr(scores, name) for name in SCORES})},
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
    trial = hold_trial(db, now, production)
    # Version, decision and promotion appear together or not at all, whenever the job is killed.
    with db.transaction() as tx:
        models = ModelVersionRepository(tx)
        candidate_id = models.insert(
            id=job_id("candidate", now),
            model_name=MODEL_NAME,
            algorithm=model.ALGORITHM,
            hyperparameters=model.HYPERPARAMETERS,
            feature_names=NUMBERS,
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
            decision_details={"compared_with": trial.rival.name},
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


def version_in_production(db: Database, at: datetime) -> ModelVersion:
    """Return the version that was in production. Raises NotFound."""
    models = ModelVersionRepository(db)
    deployment = models.production_at(model_name=MODEL_NAME, at=at)
    if deployment is None:
        raise NotFound(f"no version of {MODEL_NAME} was in production; see v_decision_history")
    return models.get(id=deployment.model_version_id)


def rounded(numbers: dict[str, Any]) -> dict[str, Any]:
    """Round to nine decimals: the last digits depend on the order in which rows are summed up.

    A run that is worked out again then has the same content and is no contradiction.
    """
    return {
        name: round(value, 9) if isinstance(value, float) else value
        for name, value in numbers.items()
    }


def job_id(kind: str, now: datetime) -> UUID:
    """Return the same id whenever the same job runs again, so that nothing is recorded twice."""
    return uuid5(NAMESPACE_URL, f"mlops-ledger:{MODEL_NAME}/{kind}/{now.isoformat()}")
