# Generated from tests/_async/test_surface.py by tools/unasync.py: edit that file, then run `make sync`.
"""The short ways: versions by number, whole lists, what is live, recorded performance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MONITORED: dict[str, Any] = {"timestamp": NOON, "lookback_hours": 1, "num_predictions": 5}
REPORTED: dict[str, Any] = {"timestamp": NOON, "lookback_hours": 1, "drift_detected": False}
MEASURED: dict[str, Any] = {"metric_name": "rmse", "metric_value": 1.5}
ASKED: dict[str, Any] = {"action_type": "retrain", "risk_level": "low"}
INSERTS = [
    (MonitoringMetricsRepository, MONITORED),
    (DriftReportsRepository, REPORTED),
    (PerformanceMetricsRepository, MEASURED),
    (AgentActionsRepository, ASKED),
]


@pytest.fixture
def version_ids(models: ModelVersionRepository) -> dict[str, Any]:
    """Two versions of which the first is live."""
    ids = {number: models.insert(model_name="m") for number in ("1", "2")}
    models.promote(model_name="m", model_version="1", at=NOON - HOUR)
    return ids


@pytest.mark.parametrize(("kind", "row"), INSERTS)
def test_a_version_is_named_by_its_number_or_its_id(
    db: Database, version_ids: dict[str, Any], kind: Any, row: dict[str, Any]
) -> None:
    repository, id = kind(db), new_id()
    repository.insert(model_name="m", model_version="2", **row, id=id)
    found = repository.get(id=id)
    assert found.model_version_id == version_ids["2"]
    # The other way to name it is the same content.
    repeated = {"model_version_id": version_ids["2"], **row, "id": id}
    if kind is AgentActionsRepository:
        repeated["requested_at"] = found.requested_at
    if kind is PerformanceMetricsRepository:
        repeated["timestamp"] = found.timestamp
    assert repository.insert(model_name="m", **repeated) == id
    with pytest.raises(NotFound, match="model m has no version 9"):
        repository.insert(model_name="m", model_version="9", **row)
    with pytest.raises(InvalidValue, match="model_version: give the version or its id, not both"):
        repository.insert(
            model_name="m", model_version="2", model_version_id=version_ids["1"], **row
        )


def test_an_action_of_a_version_needs_the_model(db: Database) -> None:
    with pytest.raises(InvalidValue, match="model_name: is needed"):
        AgentActionsRepository(db).insert(model_version="1", **ASKED)


def test_a_decision_names_its_versions_by_number(
    db: Database, version_ids: dict[str, Any]
) -> None:
    decisions = RetrainingDecisionsRepository(db)
    id = decisions.insert(
        model_name="m",
        trigger_reason="drift",
        action="promote",
        candidate_version="2",
        production_version="1",
    )
    found = decisions.get(id=id)
    assert found is not None
    assert found.candidate_version_id == version_ids["2"]
    assert found.production_version_id == version_ids["1"]


def test_rows_of_metrics_name_versions_by_number(
    db: Database, version_ids: dict[str, Any]
) -> None:
    metrics = PerformanceMetricsRepository(db)
    rows: list[dict[str, Any]] = [
        {"model_name": "m", "model_version": number, **MEASURED} for number in ("1", "2", "2", None)
    ]
    assert (metrics.insert_many(rows=rows)).stored == 4
    found = [each.model_version for each in metrics.iter_metrics(model_name="m")]
    assert sorted(filter(None, found)) == ["1", "1", "2", "2"]
    for wrong, problem in (
        ({"model_version": "9"}, "no version 9"),
        ({"model_version": "1", "model_version_id": version_ids["1"]}, "or its id"),
        ({"model_version": 1.5}, r"rows\[1\]\.model_version: must be text"),
    ):
        with pytest.raises((InvalidValue, NotFound), match=problem):
            metrics.insert_many(rows=[rows[0], {"model_name": "m", **MEASURED, **wrong}])
    assert len(metrics.list_metrics(model_name="m")) == 4


def test_what_is_live_is_one_call(
    models: ModelVersionRepository, version_ids: dict[str, Any]
) -> None:
    live = models.live(model_name="m")
    assert live is not None
    assert (live.id, live.model_version) == (version_ids["1"], "1")
    assert models.live(model_name="m", slot="shadow") is None
    assert models.live(model_name="unknown") is None


def test_a_version_is_registered_unless_it_is_there(
    models: ModelVersionRepository,
) -> None:
    content: dict[str, Any] = {"metrics": {"rmse": 1.5}, "feature_names": ["a"], "tags": {"x": 1}}
    first = models.get_or_insert(model_name="m", model_version="1", **content)
    assert (first.model_version, first.rmse) == ("1", 1.5)
    models.promote(model_name="m", model_version="1")
    models.set_tags(model_name="m", model_version="1", tags={"x": 2})
    again = models.get_or_insert(model_name="m", model_version="1", **content)
    assert (again.id, again.stage, again.tags) == (first.id, "production", {"x": 2})
    with pytest.raises(Conflict, match="with other content"):
        models.get_or_insert(model_name="m", model_version="1", metrics={"rmse": 2})
    with pytest.raises(InvalidValue, match="metrics"):
        models.get_or_insert(model_name="m", model_version="2", metrics=[1])
    assert len(models.list_versions()) == 1


def test_registering_by_name_leaves_a_transaction_usable(db: Database) -> None:
    with db.transaction() as tx:
        models = ModelVersionRepository(tx)
        models.get_or_insert(model_name="m", model_version="1")
        with pytest.raises(Conflict):
            models.get_or_insert(model_name="m", model_version="1", algorithm="tree")
        models.get_or_insert(model_name="m", model_version="2")
    found = [each.model_version for each in ModelVersionRepository(db).iter_versions()]
    assert found == ["2", "1"]


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_whole_lists_are_read_page_by_page(
    models: ModelVersionRepository, predictions: PredictionsRepository, limit: int
) -> None:
    models.insert(model_name="m")
    at = [NOON + number * HOUR for number in range(14)]
    rows = [{"prediction": n, "predicted_at": each} for n, each in enumerate(at)]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    found = predictions.iter_predictions(model_name="m", since=at[3], limit=limit)
    assert [each.prediction for each in found] == list(range(13, 2, -1))
    with pytest.raises(InvalidValue, match="limit"):
        [each for each in predictions.iter_recent(limit=1001)]


def test_performance_is_recorded_once(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
) -> None:
    models.insert(model_name="m", task="regression")
    ids = [
        predictions.insert(model_name="m", model_version="1", prediction=n, predicted_at=NOON)
        for n in range(3)
    ]
    truth = GroundTruthRepository(db)
    truth.insert_many(
        rows=[{"prediction_id": id, "actual_value": n + 1} for n, id in enumerate(ids)]
    )
    window: dict[str, Any] = {"model_name": "m", "since": NOON, "until": NOON + HOUR}
    with pytest.raises(InvalidValue, match="model_version: is needed"):
        truth.performance(**window, record=True)
    metrics = PerformanceMetricsRepository(db)
    for _ in range(2):
        found = truth.performance(**window, model_version="1", record=True)
        stored = {each.metric_name: each for each in metrics.iter_metrics(model_name="m")}
        assert len(stored) == len(metrics.list_metrics(model_name="m"))
        assert stored["rmse"].metric_value == found.rmse == 1
        assert (stored["rmse"].timestamp, stored["rmse"].model_version) == (NOON + HOUR, "1")
        assert stored["rmse"].metadata["labeled_samples"] == 3
        assert "accuracy" not in stored
    # A label that was corrected changes what is recorded.
    for value, expected in ((4, 6**0.5), (1, 1)):
        truth.insert(prediction_id=ids[0], actual_value=value)
        found = truth.performance(**window, model_version="1", record=True)
        latest = {each.metric_name: each for each in metrics.latest(model_name="m")}
        assert latest["rmse"].metric_value == found.rmse == pytest.approx(expected)
