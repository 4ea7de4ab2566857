"""The candidate of a week, as the retraining DAG asks for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from examples.flight_delays.gates import Gate
from examples.flight_delays.model import MODEL_NAME
from examples.flight_delays.retraining import COOL_DOWN, open_alert, protect, register
from examples.flight_delays.trial import hold_trial
from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.rows import ModelVersion


def reason_for_a_candidate(db: Database, now: datetime) -> str | None:
    """Return what calls for a candidate as things were before `now`, or None."""
    if production_before(db, now) is None:
        return "initial"
    recent = RetrainingDecisionsRepository(db).list_decisions(
        model_name=MODEL_NAME, since=now - COOL_DOWN, until=now, limit=1
    )
    return "drift" if not recent and open_alert(db, "num_drifted_features", now) else None


def production_before(db: Database, now: datetime) -> ModelVersion | None:
    """Return what was in production before a run at `now`, also when that run is repeated."""
    models = ModelVersionRepository(db)
    deployment = models.production_at(model_name=MODEL_NAME, at=now - timedelta.resolution)
    return models.get(id=deployment.model_version_id) if deployment else None


def make_candidate(db: Database, now: datetime) -> dict[str, Any]:
    """Train and judge a candidate, and register it once; return what the decision needs."""
    production = production_before(db, now)
    if production is None:
        # About 900 flights a day are too few for a partition each.
        PredictionsRepository(db).partition_by(period="month")
    trial = hold_trial(db, now, production)
    with db.transaction() as tx:
        candidate_id = register(tx, now, trial)
    protect(db)
    return {
        "candidate_version_id": str(candidate_id),
        "gate_results": [plain_gate(gate) for gate in trial.gates],
        "reasoning": trial.reasoning,
        "details": {
            "labeled_samples": trial.labelled_flights,
            "coverage_pct": trial.coverage_pct,
            "data_context": {"training": str(trial.training), "held_out": str(trial.held_out)},
            "decision_details": {"compared_with": trial.rival.name},
        },
    }


def plain_gate(gate: Gate) -> Gate:
    """Return a gate without NumPy's types, which not every backend of XComs takes."""
    numbers = {name: float(gate[name]) for name in ("value", "threshold")}
    return {**gate, **numbers, "passed": bool(gate["passed"])}
