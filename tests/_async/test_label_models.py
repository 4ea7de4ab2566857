"""Labels that name the model whose predictions they are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
)
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.rows import Labeled

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STORED = Labeled(stored=1, waiting=0, duplicates=0)
WAITING = Labeled(stored=0, waiting=1, duplicates=0)


@pytest.mark.parametrize("many", [False, True])
async def test_a_label_of_a_request_that_asked_several_models_names_its_model(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
    many: bool,
) -> None:
    for name in ("m", "other"):
        await models.insert(model_name=name)
    first = await predictions.insert(
        model_name="m", model_version="1", predicted_at=NOON, request_id="r"
    )
    second = await predictions.insert(
        model_name="other", model_version="1", predicted_at=NOON, request_id="r"
    )

    async def label(**row: Any) -> Labeled:
        row = {"actual_label": "late", "labeled_at": NOON + HOUR, **row}
        return await (truth.insert_many(rows=[row]) if many else truth.insert(**row))

    with pytest.raises(InvalidValue, match=r"^model_name: is needed, because the request asked"):
        await label(request_id="r")
    with pytest.raises(NotFound, match=r"^model_name: "):
        await label(request_id="r", model_name="nobody")
    with pytest.raises(NotFound, match=r"^model_name: "):
        await label(request_id="r", model_name="other", model_version="9")
    with pytest.raises(InvalidValue, match=r"^model_name: is needed with model_version"):
        await label(request_id="r", model_version="1")
    with pytest.raises(InvalidValue, match=r"^model_name: the prediction is of another model"):
        await label(prediction_id=first, model_name="other")
    assert await label(request_id="r", model_name="other") == STORED
    assert [len(await truth.list_labels(prediction_id=id)) for id in (first, second)] == [0, 1]
    assert await label(prediction_id=first, model_name="m", model_version="1") == STORED


async def test_a_label_waits_for_the_model_that_it_names(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
) -> None:
    for name in ("m", "other"):
        await models.insert(model_name=name)
    for name in ("other", "m"):
        label = {"request_id": "r", "model_name": name, "actual_label": name}
        assert await truth.insert(**label, labeled_at=NOON + HOUR) == WAITING
    row = {"request_id": "r", "predicted_at": NOON}
    await predictions.insert_many(
        rows=[{**row, "model_name": name, "model_version": "1"} for name in ("m", "other")]
    )
    for prediction in await predictions.list_predictions(request_id="r"):
        (label,) = await truth.list_labels(prediction_id=prediction.id)
        assert (label.actual_label, label.is_waiting) == (prediction.model_name, False)


@pytest.mark.parametrize("early", [False, True])
async def test_a_label_that_names_a_version_is_of_that_version_only(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
    early: bool,
) -> None:
    """A request that a version answers while another predicts in its shadow."""
    for _ in range(2):
        await models.insert(model_name="m")

    async def predict() -> None:
        row = {"model_name": "m", "request_id": "r", "predicted_at": NOON}
        await predictions.insert_many(rows=[{**row, "model_version": v} for v in ("1", "2")])

    if not early:
        await predict()
    found = await truth.insert(
        request_id="r",
        model_name="m",
        model_version="2",
        actual_label="late",
        labeled_at=NOON + HOUR,
    )
    assert found == (WAITING if early else STORED)
    if early:
        await predict()
    for each in await predictions.list_predictions(request_id="r"):
        labels = await truth.list_labels(prediction_id=each.id)
        assert len(labels) == (each.model_version == "2")


async def test_a_label_may_be_ahead_of_the_server_by_less_than_a_minute(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
) -> None:
    await models.insert(model_name="m")
    made = await predictions.insert(model_name="m", model_version="1")
    now = datetime.now(UTC)
    row = {"prediction_id": made, "actual_label": "late"}
    for late in (timedelta(minutes=5), timedelta(hours=20)):
        for many in (False, True):
            wrong = {**row, "labeled_at": now + late}
            with pytest.raises(InvalidValue, match=r"labeled_at: lies in the future"):
                await (truth.insert_many(rows=[wrong]) if many else truth.insert(**wrong))
    assert await truth.insert(**row, labeled_at=now + timedelta(seconds=30)) == STORED
