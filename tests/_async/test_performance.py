"""How right a model was: what counts, and what is said when there is nothing to count."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger import (
    AsyncDatabase,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.rows import Performance
from mlops_ledger.rows.ground_truth import BOUNDS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WINDOW: dict[str, Any] = {"model_name": "m", "since": NOON, "until": NOON + DAY}
BINARY = ("precision", "recall", "f1_score", "specificity", "roc_auc", "log_loss", "brier_score",
          "calibration_error", "average_precision")  # fmt: skip
# All but what identifies the window, and counts of it.
METRICS = tuple(field.name for field in fields(Performance) if field.name not in BOUNDS)
METRICS = METRICS[METRICS.index("accuracy") : METRICS.index("standard_errors")]


@pytest.fixture(autouse=True)
async def registered(models: AsyncModelVersionRepository) -> None:
    """Two versions of model m, one of another."""
    await models.insert(model_name="m")
    await models.insert(model_name="m")
    await models.insert(model_name="other")


@pytest.fixture
async def made(predictions: AsyncPredictionsRepository) -> list[UUID]:
    """Ten predictions of version 1, an hour apart, the even ones late."""
    ids = [new_id(NOON + k * HOUR) for k in range(10)]
    rows = [
        {"id": id, "predicted_label": "ontime" if k % 2 else "late", "probability": k / 10}
        for k, id in enumerate(ids)
    ]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    return ids


async def test_without_labels_every_metric_is_none_with_a_reason(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    found = await truth.performance(**WINDOW)
    assert (found.num_predictions, found.labeled_samples, found.coverage_pct) == (10, 0, 0)
    assert [getattr(found, name) for name in METRICS] == [None] * len(METRICS)
    reason = "no prediction of the window has a label"
    assert found.reasons == dict.fromkeys([*METRICS, "label_delay"], reason)
    assert found.label_delay_p50 is None


async def test_without_predictions_even_coverage_is_none(
    truth: AsyncGroundTruthRepository,
) -> None:
    found = await truth.performance(**WINDOW)
    assert (found.num_predictions, found.coverage_pct) == (0, None)
    assert found.reasons["coverage_pct"] == "the window has no predictions"


async def test_coverage_and_delay_are_those_of_the_window(
    predictions: AsyncPredictionsRepository, truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    for outside in (NOON - HOUR, NOON + DAY):
        id = await predictions.insert(
            model_name="m", model_version="1", probability=1, predicted_at=outside
        )
        await truth.insert(prediction_id=id, actual_value=0, labeled_at=NOON + 3 * DAY)
    delays = [k * k * HOUR + timedelta(microseconds=k) for k in range(7)]
    for k, delay in enumerate(delays):
        await truth.insert(
            prediction_id=made[k], actual_label="late", labeled_at=NOON + k * HOUR + delay
        )
    found = await truth.performance(**WINDOW)
    assert (found.num_predictions, found.labeled_samples, found.coverage_pct) == (10, 7, 70)
    seconds = [delay.total_seconds() for delay in delays]
    assert found.label_delay_p50 is not None
    assert found.label_delay_p95 is not None
    assert found.label_delay_p50.total_seconds() == pytest.approx(np.percentile(seconds, 50))
    assert found.label_delay_p95.total_seconds() == pytest.approx(np.percentile(seconds, 95))
    assert found.label_delay_max == delays[-1]


async def test_only_the_latest_label_counts_and_the_delay_is_of_the_first(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    for hours, label in ((30, "late"), (50, "ontime"), (40, "late")):
        await truth.insert(
            prediction_id=made[0], actual_label=label, labeled_at=NOON + hours * HOUR
        )
    found = await truth.performance(**WINDOW)
    assert (found.labeled_samples, found.accuracy) == (1, 0)
    assert found.label_delay_max == 30 * HOUR
    then = await truth.performance(**WINDOW, as_of=NOON + 49 * HOUR)
    assert (then.labeled_samples, then.accuracy) == (1, 1)
    before = await truth.performance(**WINDOW, as_of=NOON + 29 * HOUR)
    assert before.labeled_samples == 0


async def test_a_label_counts_from_the_very_time_it_was_found_out(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    first, second = NOON + 30 * HOUR, NOON + 30 * HOUR + timedelta(microseconds=2)
    await truth.insert(prediction_id=made[0], actual_label="ontime", labeled_at=first)
    await truth.insert(prediction_id=made[0], actual_label="late", labeled_at=second)
    micro = timedelta(microseconds=1)
    expected = [(first - micro, None), (first, 0), (second - micro, 0), (second, 1)]
    for at, accuracy in expected:
        assert (await truth.performance(**WINDOW, as_of=at)).accuracy == accuracy, at


async def test_a_model_or_one_version_of_it_is_asked_about(
    predictions: AsyncPredictionsRepository, truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    ids = dict.fromkeys([("m", "2"), ("other", "1")], NOON)
    for name, version in ids:
        id = await predictions.insert(
            model_name=name, model_version=version, predicted_label="late", predicted_at=NOON
        )
        await truth.insert(prediction_id=id, actual_label="ontime")
    await truth.insert(prediction_id=made[0], actual_label="late")
    for version, counts in ((None, (11, 2, 0.5)), ("1", (10, 1, 1)), ("2", (1, 1, 0))):
        found = await truth.performance(**WINDOW, model_version=version)
        assert (found.num_predictions, found.labeled_samples, found.accuracy) == counts
        assert (found.model_name, found.model_version) == ("m", version)


async def test_labels_that_waited_are_counted(
    predictions: AsyncPredictionsRepository, truth: AsyncGroundTruthRepository
) -> None:
    id = new_id(NOON)
    await truth.insert(prediction_id=id, actual_value=1)
    await truth.insert(request_id="r", actual_value=0)
    for extra in ({"id": id}, {"request_id": "r"}):
        await predictions.insert(
            model_name="m", model_version="1", probability=0.5, predicted_at=NOON, **extra
        )
    found = await truth.performance(**WINDOW)
    assert (found.coverage_pct, found.accuracy, found.brier_score) == (100, 0.5, 0.25)


async def test_a_positive_label_that_nobody_knows_gives_no_wrong_numbers(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    for k, id in enumerate(made):
        await truth.insert(prediction_id=id, actual_label="late" if k % 3 else "ontime")
    found = await truth.performance(**WINDOW, positive_label="Late")
    assert found.accuracy == 0.5
    for name in BINARY:
        assert getattr(found, name) is None
        assert found.reasons[name] == "positive_label is none of the classes of the model"
    assert (await truth.performance(**WINDOW, positive_label="late")).recall == 0.5


async def test_of_three_classes_the_probability_is_of_no_single_one(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    for k, id in enumerate(made):
        await truth.insert(prediction_id=id, actual_label=("late", "ontime", "cancelled")[k % 3])
    found = await truth.performance(**WINDOW, positive_label="late")
    assert found.recall == 0.5
    for name in ("roc_auc", "calibration_error"):
        assert getattr(found, name) is None
        assert found.reasons[name].startswith("of more than two classes")
    for name in ("log_loss", "brier_score"):
        assert getattr(found, name) is None
        assert found.reasons[name] == "no labelled prediction has class_probabilities"


async def test_one_class_only_gives_no_auc_but_a_brier_score(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    for id in made:
        await truth.insert(prediction_id=id, actual_label="ontime")
    found = await truth.performance(**WINDOW, positive_label="late")
    assert (found.roc_auc, found.recall, found.precision) == (None, None, 0)
    assert found.reasons["roc_auc"] == "all labels are of one class"
    assert found.reasons["recall"] == "no label is positive"
    assert found.brier_score == pytest.approx(sum((k / 10) ** 2 for k in range(10)) / 10)


async def test_a_window_may_be_all_of_time(
    truth: AsyncGroundTruthRepository, made: list[UUID]
) -> None:
    await truth.insert(prediction_id=made[0], actual_label="late")
    await truth.insert(request_id="never", actual_label="late")
    for since, until in (
        (datetime.min, datetime.max),
        (datetime(2026, 1, 1), datetime(2027, 1, 1)),
    ):
        window = {"since": since.replace(tzinfo=UTC), "until": until.replace(tzinfo=UTC)}
        found = await truth.performance(model_name="m", **window)
        assert (found.num_predictions, found.labeled_samples) == (10, 1)


async def test_an_unknown_model_or_version_is_not_found(truth: AsyncGroundTruthRepository) -> None:
    with pytest.raises(NotFound, match=r"^there is no model x$"):
        await truth.performance(**{**WINDOW, "model_name": "x"})
    with pytest.raises(NotFound, match=r"^there is no model m with a version 9$"):
        await truth.performance(**WINDOW, model_version="9")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("until", NOON),
        ("since", datetime(2026, 1, 1)),
        ("threshold", 1.5),
        ("threshold", float("nan")),
        ("as_of", "yesterday"),
    ],
)
async def test_a_bad_argument_is_named(
    truth: AsyncGroundTruthRepository, field: str, value: Any
) -> None:
    with pytest.raises(InvalidValue, match=f"^{field}: "):
        await truth.performance(**{**WINDOW, field: value})


async def test_a_reader_gets_the_metrics_of_what_is_matched(
    dsn: str, truth: AsyncGroundTruthRepository, made: list[UUID], conn: psycopg.Connection
) -> None:
    await truth.insert(prediction_id=made[0], actual_label="late")
    await truth.insert(prediction_id=new_id(NOON), actual_label="late")
    read_only = make_conninfo(dsn, options="-c default_transaction_read_only=on")
    async with AsyncDatabase(read_only) as db:
        found = await AsyncGroundTruthRepository(db).performance(**WINDOW)
    assert found.accuracy == 1
