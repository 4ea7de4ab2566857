"""The jobs around a new version: call for it, judge it, have it approved, promote it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    BaselinesRepository,
    Connections,
    Database,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.errors import NotFound
from mlops_ledger.rows import Alert, MonitoringRun

from . import model
from .data import CATEGORIES, NUMBERS
from .model import MODEL_NAME
from .monitoring import JOB_NAME, WEEK, job_id
from .trial import Trial, hold_trial

# Which alerts call for a candidate, and the reason that the decision then gives.
TRIGGERS = {"roc_auc_loss": "performance", "num_drifted_features": "drift"}
# A candidate made earlier would see nearly the same flights as the one before.
COOL_DOWN = 4 * WEEK
REVIEWER = "reviewer"


def protect(db: Database) -> None:
    """Allow nobody, psql users included, to promote without a decision and an approval."""
    models = ModelVersionRepository(db)
    if models.promotion_policy(model_name=MODEL_NAME) is None:
        models.set_promotion_policy(
            model_name=MODEL_NAME,
            requires_decision=True,
            requires_approval=True,
            updated_by=JOB_NAME,
        )


def alert_to_act_on(db: Database, run: MonitoringRun) -> Alert | None:
    """Return the open alert that calls for a candidate after a monitoring run, if one does."""
    decision = RetrainingDecisionsRepository(db).latest(model_name=MODEL_NAME)
    if decision and run.timestamp - decision.timestamp < COOL_DOWN:
        return None
    for alert_type in TRIGGERS:
        if alert := open_alert(db, alert_type, run.timestamp):
            return alert
    return None


def open_alert(db: Database, alert_type: str, at: datetime) -> Alert | None:
    """Return the alert of a type that was open at a given time."""
    alerts = AlertsRepository(db).list_alerts(
        model_name=MODEL_NAME,
        alert_type=alert_type,
        until=at + timedelta.resolution,
        limit=1,
    )
    return next((a for a in alerts if a.resolved_at is None or a.resolved_at > at), None)


def retrain(
    db: Database, now: datetime, run: MonitoringRun | None = None, alert: Alert | None = None
) -> None:
    """Train a candidate, judge it against production, record the decision, ask for the promotion.

    `alert` called for it after the monitoring run `run`; the first model of all has neither.
    """
    production = ModelVersionRepository(db).get(id=run.model_version_id) if run else None
    trigger = TRIGGERS[alert.alert_type] if alert else "initial"
    trial = hold_trial(db, now, production)
    # Version, decision and request appear together or not at all, whenever the job is killed.
    with db.transaction() as tx:
        candidate_id = register(tx, now, trial)
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
            drift_context={"drifted": run.drifted_features} if run else {},
            data_context={"training": str(trial.training), "held_out": str(trial.held_out)},
            decision_details={"compared_with": trial.rival.name},
            monitoring_run_id=run.id if run else None,
            decided_by=JOB_NAME,
        )
        if trial.passed:
            request_promotion(tx, now, candidate_id, decision_id, f"{trigger}: {trial.reasoning}")
        # One that an earlier candidate did not put right is acknowledged already.
        if alert and alert.status == "active":
            AlertsRepository(tx).acknowledge(
                id=alert.id, acknowledged_by=JOB_NAME, notes=f"candidate: {trial.reasoning}", at=now
            )


def register(db: Connections, now: datetime, trial: Trial) -> UUID:
    """Record the candidate of a trial as a version of the model, with what it was trained on."""
    flights = trial.training.flights()
    id = ModelVersionRepository(db).insert(
        id=job_id("candidate", now),
        model_name=MODEL_NAME,
        algorithm=model.ALGORITHM,
        hyperparameters=model.HYPERPARAMETERS,
        feature_names=NUMBERS,
        metrics=trial.metrics,
        training_samples=len(flights),
        dataset_version=str(trial.training),
        dataset_digest=model.digest(flights),
        created_by=JOB_NAME,
        created_at=now,
    )
    version = ModelVersionRepository(db).get(id=id)
    assert version is not None
    # What the ledger compares each week of predictions with. In an array NaN is NaN, as the service
    # logs it, and so it is in what the reports say of data quality.
    numbers = {name: flights[name].to_numpy() for name in NUMBERS}
    BaselinesRepository(db).register(
        id=job_id("baseline", now),
        model_name=MODEL_NAME,
        model_version=version.model_version,
        data=numbers | {name: flights[name] for name in CATEGORIES},
        categorical=CATEGORIES,
        num_bins=10,
        created_by=JOB_NAME,
    )
    return id


def request_promotion(
    db: Connections, now: datetime, candidate_id: UUID, decision_id: UUID, why: str
) -> None:
    """Ask for the promotion that a decision recommends."""
    AgentActionsRepository(db).insert(
        id=job_id("promotion", now),
        requested_at=now,
        requested_by=JOB_NAME,
        action_type="promote",
        risk_level="high",
        description=why,
        parameters={"slot": "production", "decision_id": str(decision_id)},
        model_name=MODEL_NAME,
        model_version_id=candidate_id,
    )


def review(db: Database) -> None:
    """Stand in for the person who reviews promotions: look at the gates of each again.

    A person would use `mlops-ledger actions list --pending`, and then `approve` or `reject`.
    """
    actions = AgentActionsRepository(db)
    for action in actions.list_pending(model_name=MODEL_NAME):
        # What others have asked for is not for this job to answer.
        if action.requested_by != JOB_NAME:
            continue
        decision = RetrainingDecisionsRepository(db).get(id=UUID(action.parameters["decision_id"]))
        if decision is None:
            raise NotFound(f"action {action.id} names a decision that is not in the ledger")
        if all(gate["passed"] for gate in decision.gate_results):
            actions.approve(id=action.id, reviewed_by=REVIEWER, comment=decision.reasoning)
        else:
            actions.reject(id=action.id, reviewed_by=REVIEWER, comment=decision.reasoning)


def promote_approved(db: Database) -> int:
    """Carry out the promotions that were approved; return how many."""
    approved = AgentActionsRepository(db).list_actions(
        model_name=MODEL_NAME, action_type="promote", status="approved"
    )
    approved = [each for each in approved if each.requested_by == JOB_NAME]
    for action in approved:
        ModelVersionRepository(db).promote(
            decision_id=UUID(action.parameters["decision_id"]),
            action_id=action.id,
            promoted_by=JOB_NAME,
            reason=action.description,
            at=action.requested_at,
            deployment_id=job_id("deployment", action.requested_at),
        )
    return len(approved)
