"""The jobs of every week: labels for what has landed, and what the ledger says of the week.

A job is given the time it runs at and remembers nothing between runs: what is in production and
what that was trained on it reads from the ledger.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mlops_ledger import (
    Connections,
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    id_for,
)
from mlops_ledger.errors import LedgerError, NotFound
from mlops_ledger.monitoring import run_monitoring
from mlops_ledger.rows import ModelVersion, MonitoringRun

from .data import FEATURES, LATE, ON_TIME, RELEASE, landed_between, prediction_ids
from .model import MODEL_NAME

JOB_NAME = "examples.flight_delays"
SOURCE = "US Bureau of Transportation Statistics"
WEEK = timedelta(weeks=1)
LOOKBACK_HOURS = WEEK / timedelta(hours=1)
# The weather of one week never looks like that of many, so a few drifted features are normal.
DRIFTED_FEATURES = 5

# What the ledger watches by itself: it raises an alert when a value is bad, and resolves it.
MONITORS: tuple[dict[str, Any], ...] = (
    {
        "name": "drift",
        "source": "monitoring",
        "metric_name": "num_drifted_features",
        "operator": ">=",
        "warning_threshold": DRIFTED_FEATURES,
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


def monitor(db: Database, now: datetime) -> MonitoringRun:
    """Record how the version in production did with the flights of the week before `now`.

    The ledger computes all of it: volume, drift from the training data, scores, alerts.
    """
    version = version_in_production(db, now - WEEK)
    # Metrics, report, run and alerts appear together or not at all, whenever the job is killed.
    with db.transaction() as tx:
        record_loss(tx, version, now)
        # Another replay may have been faster, and have promoted since.
        if run := run_at(tx, now):
            return run
        [result] = run_monitoring(
            tx,
            model_name=MODEL_NAME,
            until=now,
            lookback_hours=LOOKBACK_HOURS,
            method="psi",
            drift_share=DRIFTED_FEATURES / len(FEATURES),
            positive_label=LATE,
        )
        run = run_at(tx, now)
        if result.error or run is None:
            raise LedgerError(result.error or "the week has no monitoring run")
        return run


def record_loss(db: Connections, version: ModelVersion, now: datetime) -> None:
    """Record how much of its ROC AUC the version has lost since its trial, which a monitor judges.

    Rounded to nine decimals, as the last digits depend on the order in which rows are summed up: a
    loss that is worked out again then is the same and no contradiction.
    """
    scores = GroundTruthRepository(db).performance(
        model_name=MODEL_NAME,
        model_version=version.model_version,
        since=now - WEEK,
        until=now,
        as_of=now,
        positive_label=LATE,
    )
    if version.roc_auc is None or scores.roc_auc is None:
        return
    PerformanceMetricsRepository(db).insert(
        id=job_id("roc_auc_loss", now),
        model_name=MODEL_NAME,
        model_version_id=version.id,
        metric_name="roc_auc_loss",
        metric_value=round(version.roc_auc - scores.roc_auc, 9),
        timestamp=now,
    )


def run_at(db: Connections, now: datetime) -> MonitoringRun | None:
    """Return the monitoring run of the week before `now`, if there is one."""
    runs = MonitoringMetricsRepository(db).list_runs(
        model_name=MODEL_NAME, since=now, until=now + timedelta.resolution
    )
    return runs[0] if runs else None


def version_in_production(db: Database, at: datetime) -> ModelVersion:
    """Return the version that was in production. Raises NotFound."""
    models = ModelVersionRepository(db)
    deployment = models.production_at(model_name=MODEL_NAME, at=at)
    version = models.get(id=deployment.model_version_id) if deployment else None
    if version is None:
        raise NotFound(f"no version of {MODEL_NAME} was in production; see v_decision_history")
    return version


def job_id(kind: str, now: datetime) -> UUID:
    """Return the same id whenever the same job runs again, so that nothing is recorded twice."""
    return id_for(f"{MODEL_NAME} {kind}", now)
