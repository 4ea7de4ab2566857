"""The short ways: versions by number, whole lists, what is live, recorded performance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    AsyncAgentActionsRepository,
    AsyncDatabase,
    AsyncDriftReportsRepository,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncPerformanceMetricsRepository,
    AsyncPredictionsRepository,
    AsyncRetrainingDecisionsRepository,
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
    (AsyncMonitoringMetricsRepository, MONITORED),
    (AsyncDriftReportsRepository, REPORTED),
    (AsyncPerformanceMetricsRepository, MEASURED),
    (AsyncAgentActionsRepository, ASKED),
]


@pytest.fixture
async def version_ids(models: AsyncModelVersionRepository) -> dict[str, Any]:
    """Two versions of which the first is live."""
    ids = {number: await models.insert(model_name="m") for number in ("1", "2")}
    await models.promote(model_name="m", model_version="1", at=NOON - HOUR)
    return ids


@pytest.mark.parametrize(("kind", "row"), INSERTS)
async def test_a_version_is_named_by_its_number_or_its_id(
    db: AsyncDatabase, version_ids: dict[str, Any], kind: Any, row: dict[str, Any]
) -> None:
    repository, id = kind(db), new_id()
    await repository.insert(model_name="m", model_version="2", **row, id=id)
    found = await repository.get(id=id)
    assert found.model_version_id == version_ids["2"]
    # The other way to name it is the same content.
    repeated = {"model_version_id": version_ids["2"], **row, "id": id}
    if kind is AsyncAgentActionsRepository:
        repeated["requested_at"] = found.requested_at
    if kind is AsyncPerformanceMetricsRepository:
        repeated["timestamp"] = found.timestamp
    assert await repository.insert(model_name="m", **repeated) == id
    with pytest.raises(NotFound, match="model m has no version 9"):
        await repository.insert(model_name="m", model_version="9", **row)
    with pytest.raises(InvalidValue, match="model_version: give the version or its id, not both"):
        await repository.insert(
            model_name="m", model_version="2", model_version_id=version_ids["1"], **row
        )


async def test_an_action_of_a_version_needs_the_model(db: AsyncDatabase) -> None:
    with pytest.raises(InvalidValue, match="model_name: is needed"):
        await AsyncAgentActionsRepository(db).insert(model_version="1", **ASKED)


async def test_a_decision_names_its_versions_by_number(
    db: AsyncDatabase, version_ids: dict[str, Any]
) -> None:
    decisions = AsyncRetrainingDecisionsRepository(db)
    id = await decisions.insert(
        model_name="m",
        trigger_reason="drift",
        action="promote",
        candidate_version="2",
        production_version="1",
    )
    found = await decisions.get(id=id)
    assert found is not None
    assert found.candidate_version_id == version_ids["2"]
    assert found.production_version_id == version_ids["1"]


async def test_rows_of_metrics_name_versions_by_number(
    db: AsyncDatabase, version_ids: dict[str, Any]
) -> None:
    metrics = AsyncPerformanceMetricsRepository(db)
    rows: list[dict[str, Any]] = [
        {"model_name": "m", "model_version": number, **MEASURED} for number in ("1", "2", "2", None)
    ]
    assert (await metrics.insert_many(rows=rows)).stored == 4
    found = [each.model_version async for each in metrics.iter_metrics(model_name="m")]
    assert sorted(filter(None, found)) == ["1", "1", "2", "2"]
    for wrong, problem in (
        ({"model_version": "9"}, "no version 9"),
        ({"model_version": "1", "model_version_id": version_ids["1"]}, "or its id"),
        ({"model_version": 1.5}, r"rows\[1\]\.model_version: must be text"),
    ):
        with pytest.raises((InvalidValue, NotFound), match=problem):
            await metrics.insert_many(rows=[rows[0], {"model_name": "m", **MEASURED, **wrong}])
    assert len(await metrics.list_metrics(model_name="m")) == 4


async def test_what_is_live_is_one_call(
    models: AsyncModelVersionRepository, version_ids: dict[str, Any]
) -> None:
    live = await models.live(model_name="m")
    assert live is not None
    assert (live.id, live.model_version) == (version_ids["1"], "1")
    assert await models.live(model_name="m", slot="shadow") is None
    assert await models.live(model_name="unknown") is None


async def test_a_version_is_registered_unless_it_is_there(
    models: AsyncModelVersionRepository,
) -> None:
    content: dict[str, Any] = {"metrics": {"rmse": 1.5}, "feature_names": ["a"], "tags": {"x": 1}}
    first = await models.get_or_insert(model_name="m", model_version="1", **content)
    assert (first.model_version, first.rmse) == ("1", 1.5)
    await models.promote(model_name="m", model_version="1")
    await models.set_tags(model_name="m", model_version="1", tags={"x": 2})
    again = await models.get_or_insert(model_name="m", model_version="1", **content)
    assert (again.id, again.stage, again.tags) == (first.id, "production", {"x": 2})
    with pytest.raises(Conflict, match="with other content"):
        await models.get_or_insert(model_name="m", model_version="1", metrics={"rmse": 2})
    with pytest.raises(InvalidValue, match="metrics"):
        await models.get_or_insert(model_name="m", model_version="2", metrics=[1])
    assert len(await models.list_versions()) == 1


async def test_registering_by_name_leaves_a_transaction_usable(db: AsyncDatabase) -> None:
    async with db.transaction() as tx:
        models = AsyncModelVersionRepository(tx)
        await models.get_or_insert(model_name="m", model_version="1")
        with pytest.raises(Conflict):
            await models.get_or_insert(model_name="m", model_version="1", algorithm="tree")
        await models.get_or_insert(model_name="m", model_version="2")
    found = [each.model_version async for each in AsyncModelVersionRepository(db).iter_versions()]
    assert found == ["2", "1"]


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_whole_lists_are_read_page_by_page(
    models: AsyncModelVersionRepository, predictions: AsyncPredictionsRepository, limit: int
) -> None:
    await models.insert(model_name="m")
    at = [NOON + number * HOUR for number in range(14)]
    rows = [{"prediction": n, "predicted_at": each} for n, each in enumerate(at)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    found = predictions.iter_predictions(model_name="m", since=at[3], limit=limit)
    assert [each.prediction async for each in found] == list(range(13, 2, -1))
    with pytest.raises(InvalidValue, match="limit"):
        [each async for each in predictions.iter_recent(limit=1001)]


async def test_performance_is_recorded_once(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
) -> None:
    await models.insert(model_name="m", task="regression")
    ids = [
        await predictions.insert(model_name="m", model_version="1", prediction=n, predicted_at=NOON)
        for n in range(3)
    ]
    truth = AsyncGroundTruthRepository(db)
    await truth.insert_many(
        rows=[{"prediction_id": id, "actual_value": n + 1} for n, id in enumerate(ids)]
    )
    window: dict[str, Any] = {"model_name": "m", "since": NOON, "until": NOON + HOUR}
    with pytest.raises(InvalidValue, match="model_version: is needed"):
        await truth.performance(**window, record=True)
    metrics = AsyncPerformanceMetricsRepository(db)
    for _ in range(2):
        found = await truth.performance(**window, model_version="1", record=True)
        stored = {each.metric_name: each async for each in metrics.iter_metrics(model_name="m")}
        assert len(stored) == len(await metrics.list_metrics(model_name="m"))
        assert stored["rmse"].metric_value == found.rmse == 1
        assert (stored["rmse"].timestamp, stored["rmse"].model_version) == (NOON + HOUR, "1")
        assert stored["rmse"].metadata["labeled_samples"] == 3
        assert "accuracy" not in stored
    # A label that was corrected changes what is recorded.
    for value, expected in ((4, 6**0.5), (1, 1)):
        await truth.insert(prediction_id=ids[0], actual_value=value)
        found = await truth.performance(**window, model_version="1", record=True)
        latest = {each.metric_name: each for each in await metrics.latest(model_name="m")}
        assert latest["rmse"].metric_value == found.rmse == pytest.approx(expected)
