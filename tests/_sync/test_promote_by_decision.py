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
    Settings,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound, PromotionRefused

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
    with pytest.raises(NotFound, match=r"no version of model .* was in production at 20"):
        monitoring.insert(**run | {"timestamp": NOON + timedelta(hours=1)})


def test_a_decision_counts_even_when_its_version_is_live(db: Database) -> None:
    models, decisions = ModelVersionRepository(db), RetrainingDecisionsRepository(db)
    version = models.insert(model_name="m")
    models.promote(model_name="m", model_version="1")
    refused, approved = [
        decisions.insert(
            model_name="m", trigger_reason="manual", action=action, candidate_version_id=version
        )
        for action in ("reject", "promote")
    ]
    with pytest.raises(PromotionRefused):
        models.promote(model_name="m", model_version="1", decision_id=refused)
    with pytest.raises(NotFound):
        models.promote(model_name="m", model_version="1", decision_id=new_id())
    deployment = models.promote(model_name="m", model_version="1", decision_id=approved)
    assert deployment.decision_id == approved
    assert models.promote(model_name="m", decision_id=approved) == deployment


def test_a_rollback_does_not_answer_for_a_promotion(db: Database) -> None:
    models, given = ModelVersionRepository(db), new_id()
    for _ in range(2):
        models.insert(model_name="m")
    models.promote(model_name="m", model_version="1")
    models.promote(model_name="m", model_version="2", deployment_id=given)
    with pytest.raises(Conflict, match="already names another"):
        models.rollback(model_name="m", deployment_id=given)


def test_now_is_after_what_the_transaction_has_done(db: Database) -> None:
    with db.transaction() as tx:
        models = ModelVersionRepository(tx)
        decisions = RetrainingDecisionsRepository(tx)
        version = models.insert(model_name="m")
        models.promote(model_name="m", model_version="1")
        live = models.production_at(model_name="m")
        made = decisions.insert(model_name="m", trigger_reason="manual", action="reject")
        decision = decisions.get(id=made)
        [entry] = models.timeline()
    assert live is not None
    assert decision is not None
    assert decision.production_version_id == version
    assert entry.live_for >= timedelta(0)


def test_given_and_automatic_versions_do_not_collide(db: Database) -> None:
    def register(number: str | None) -> None:
        ModelVersionRepository(db).insert(model_name="m", model_version=number)

    register("999999999999999999")
    register(None)
    register(None)
    models = ModelVersionRepository(db)
    numbers = {version.model_version for version in models.list_versions()}
    assert numbers == {"999999999999999999", "1000000000000000000", "1000000000000000001"}


def test_the_same_id_with_other_content_is_a_conflict(db: Database) -> None:
    models, given = ModelVersionRepository(db), new_id()
    models.insert(id=given, model_name="m", metrics={"accuracy": 0.5})
    assert models.insert(id=given, model_name="m", metrics={"accuracy": 0.5}) == given
    with pytest.raises(Conflict, match="other content"):
        models.insert(id=given, model_name="m", metrics={"accuracy": 0.9})


def test_filters_that_nothing_can_match_are_refused(db: Database) -> None:
    models, decisions = ModelVersionRepository(db), RetrainingDecisionsRepository(db)
    monitoring = MonitoringMetricsRepository(db)
    early = datetime(1, 1, 2, tzinfo=UTC)
    with pytest.raises(InvalidValue, match=r"^stage: must be one of"):
        models.list_versions(stage="live")
    with pytest.raises(InvalidValue, match=r"^tags: must be a JSON object"):
        models.list_versions(tags=["a"])
    with pytest.raises(InvalidValue, match=r"^action: must be one of"):
        decisions.list_decisions(action="approve")
    with pytest.raises(InvalidValue, match=r"^days: "):
        monitoring.drift_trend(model_name="m", until=early)
    with pytest.raises(InvalidValue, match=r"^bucket: "):
        monitoring.drift_trend(model_name="m", bucket=timedelta(minutes=1))


def test_a_connection_given_back_changed_is_not_lent_again(dsn: str) -> None:
    settings = Settings(conninfo=dsn, pool_min_size=1, pool_max_size=1)
    with Database(settings) as db:
        models = ModelVersionRepository(db)
        with db.connection() as connection:
            connection.set_autocommit(False)
        made = models.insert(model_name="m")
        assert models.get(id=made) is not None
