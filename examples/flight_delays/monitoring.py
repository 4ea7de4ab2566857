"""The jobs of every week: labels for what has landed, and what the ledger says of the week.

A job is given the time it runs at and remembers nothing between runs: what is in production and
what that was trained on it reads from the ledger.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mlops_ledger import (
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    id_for,
)
from mlops_ledger.errors import NotFound
from mlops_ledger.rows import ModelVersion, Performance

from . import drift
from .data import LATE, ON_TIME, RELEASE, Window, landed_between, prediction_ids
from .model import MODEL_NAME

JOB_NAME = "examples.flight_delays"
SOURCE = "US Bureau of Transportation Statistics"
WEEK = timedelta(weeks=1)
LOOKBACK_HOURS = WEEK / timedelta(hours=1)
SCORES = ("roc_auc", "brier_score", "calibration_error")

# What the ledger watches by itself: it raises an alert when a value is bad, and resolves it.
MONITORS: tuple[dict[str, Any], ...] = (
    {
        "name": "drift",
        "source": "monitoring",
        "metric_name": "num_drifted_features",
        "operator": ">=",
        "warning_threshold": drift.DRIFTED_FEATURES,
    },
    {
        "name": "performance",
        "source": "performance",
        "metric_name": "roc_auc_loss",
        "operator": ">",
        "warning_threshold": 0.05,
        "critical_threshold": 0.1,
    },
    {
        "name": "labels",
        "source": "monitoring",
        "metric_name": "coverage_pct",
        "operator": "<",
        "warning_threshold": 90.0,
    },
)


def watch(db: Database) -> None:
    """Add the monitors of the model; they stay as they are when they are there."""
    for monitor in MONITORS:
        MonitorsRepository(db).insert(
            id=job_id(f"monitor {monitor['name']}", RELEASE),
            model_name=MODEL_NAME,
            window=WEEK,
            created_by=JOB_NAME,
            **monitor,
        )


def label(db: Database, now: datetime) -> int:
    """Record how the flights turned out that landed in the week before `now`.

    Returns how many labels were new. Cancelled and diverted flights never get one.
    """
    landed = landed_between(now - WEEK, now)
    landed = landed[landed["predicted_at"] >= RELEASE]
    landing_times = landed["landed_at"].dt.to_pydatetime()
    labels = [
        {
            "prediction_id": prediction_id,
            "labeled_at": landed_at,
            "actual_label": LATE if late else ON_TIME,
            "source": SOURCE,
        }
        for prediction_id, landed_at, late in zip(
            prediction_ids(landed), landing_times, landed["late"], strict=True
        )
    ]
    return GroundTruthRepository(db).insert_many(rows=labels).stored


def monitor(db: Database, now: datetime) -> UUID:
    """Record how the version in production predicted the flights of the week before `now`.

    Everything about the predictions is read from the ledger. Returns the id of the run.
    """
    version = version_in_production(db, now - WEEK)
    window: dict[str, Any] = {
        "model_name": MODEL_NAME,
        "model_version": version.model_version,
        "since": now - WEEK,
        "until": now,
    }
    scores = GroundTruthRepository(db).performance(**window, as_of=now, positive_label=LATE)
    logged = PredictionsRepository(db).fetch_pandas(**window, columns=["feature_values", "inputs"])
    summary = PredictionsRepository(db).monitoring_summary(
        model_name=MODEL_NAME,
        model_version=version.model_version,
        timestamp=now,
        lookback_hours=LOOKBACK_HOURS,
        positive_label=LATE,
    )
    reference = Window.of_training(version)
    report = drift.compare(reference.flights(), drift.logged_features(logged))
    # Run, report, metrics and alerts appear together or not at all, whenever the job is killed.
    with db.transaction() as tx:
        run_id = MonitoringMetricsRepository(tx).insert(
            id=job_id("monitoring run", now),
            model_version_id=version.id,
            **rounded(asdict(summary)),
            **drift.monitoring_columns(report),
        )
        DriftReportsRepository(tx).insert(
            id=job_id("drift report", now),
            model_name=MODEL_NAME,
            timestamp=now,
            lookback_hours=LOOKBACK_HOURS,
            monitoring_run_id=run_id,
            reference_start=reference.start,
            reference_end=reference.end,
            **report,
        )
        PerformanceMetricsRepository(tx).insert_many(
            idempotency_key=job_id("performance", now), rows=performance_metrics(version, scores)
        )
        MonitorsRepository(tx).run(model_name=MODEL_NAME, at=now)
    return run_id


def performance_metrics(version: ModelVersion, scores: Performance) -> list[dict[str, Any]]:
    """Return the scores of a week, and how much of its ROC AUC the version has lost since."""
    metrics = {name: getattr(scores, name) for name in SCORES}
    if version.roc_auc is not None and scores.roc_auc is not None:
        metrics["roc_auc_loss"] = version.roc_auc - scores.roc_auc
    return [
        {
            "model_name": MODEL_NAME,
            "model_version_id": version.id,
            "metric_name": name,
            "metric_value": value,
            "timestamp": scores.until,
        }
        for name, value in rounded(metrics).items()
    ]


def version_in_production(db: Database, at: datetime) -> ModelVersion:
    """Return the version that was in production. Raises NotFound."""
    models = ModelVersionRepository(db)
    deployment = models.production_at(model_name=MODEL_NAME, at=at)
    version = models.get(id=deployment.model_version_id) if deployment else None
    if version is None:
        raise NotFound(f"no version of {MODEL_NAME} was in production; see v_decision_history")
    return version


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
    return id_for(f"{MODEL_NAME} {kind}", now)
