# Generated from tests/_async/test_promote_by_decision.py by tools/unasync.py: edit that file, then run `make sync`.
"""Promoting what a decision approved, and promotions that are recorded under an id of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound, PromotionRefused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_candidate_of_a_decision_is_promoted_without_its_name(db: Database) -> None:
    models, decisions = ModelVersionRepository(db), RetrainingDecisionsRepository(db)
    candidate = models.insert(model_name="m")
    approved, refused = [
        decisions.insert(
            model_name="m", trigger_reason="drift", action=action, candidate_version_id=candidate
        )
        for action in ("promote", "reject")
    ]
    with pytest.raises(PromotionRefused, match="action is reject"):
        models.promote(decision_id=refused)
    deployment = models.promote(decision_id=approved)
    assert (deployment.model_version_id, deployment.decision_id) == (candidate, approved)


def test_a_promotion_of_nothing_is_refused(db: Database) -> None:
    models = ModelVersionRepository(db)
    models.insert(model_name="m")
    with pytest.raises(InvalidValue) as refusal:
        models.promote(model_name="m")
    assert refusal.value.field == "model_version"
    with pytest.raises(NotFound, match="no decision"):
        models.promote(decision_id=new_id())


def test_a_promotion_with_an_id_is_recorded_even_when_the_version_is_live(
    db: Database,
) -> None:
    models, given = ModelVersionRepository(db), new_id()
    for _ in range(2):
        models.insert(model_name="m")
    first = models.promote(model_name="m", model_version="1", at=NOON)
    again = models.promote(model_name="m", model_version="1", deployment_id=given)
    assert again.id == given
    assert (models.get(id=first.model_version_id)).stage == "production"
    models.promote(model_name="m", model_version="2")
    # Whoever did not hear the answer may ask again, however late: version 2 stays.
    models.promote(model_name="m", model_version="1", deployment_id=given)
    entries = models.timeline(model_name="m")
    assert [entry.model_version for entry in entries] == ["2", "1", "1"]
    assert [entry.deployed_at for entry in entries[:-1]] == [e.retired_at for e in entries[1:]]


def test_a_run_before_the_first_promotion_can_be_repeated(db: Database) -> None:
    models, monitoring = ModelVersionRepository(db), MonitoringMetricsRepository(db)
    version = models.insert(model_name="m")
    run = {
        "model_name": "m",
        "timestamp": NOON,
        "lookback_hours": 1,
        "num_predictions": 1,
    }
    made = monitoring.insert(**run, model_version_id=version)
    assert monitoring.insert(**run) == made
    with pytest.raises(NotFound, match="no version of the model was in production"):
        monitoring.insert(**run | {"timestamp": NOON + timedelta(hours=1)})
