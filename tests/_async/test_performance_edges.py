"""What `performance` counts at the edge: of a window, of a time, of a bin, of a class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from mlops_ledger import (
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
WINDOW: dict[str, Any] = {"model_name": "m", "since": NOON, "until": NOON + HOUR}


@pytest.fixture
async def labeled(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
) -> Any:
    """Store a prediction with its label, of a classifier of late and ontime."""
    await models.insert(model_name="m", class_names=["ontime", "late"], positive_label="late")

    async def store(label: str, at: datetime = NOON, hours: int = 2, **fields: Any) -> None:
        made = await predictions.insert(
            model_name="m", model_version="1", predicted_at=at, **fields
        )
        await truth.insert(prediction_id=made, actual_label=label, labeled_at=NOON + hours * HOUR)

    return store


async def test_a_window_has_its_beginning_and_not_its_end(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    for at in (NOON - TICK, NOON, NOON + HOUR - TICK, NOON + HOUR):
        await labeled("late", at, predicted_label="late")
    found = await truth.performance(**WINDOW)
    assert (found.num_predictions, found.labeled_samples) == (2, 2)


async def test_as_of_counts_a_label_of_exactly_that_time(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("late", predicted_label="late")
    at = NOON + 2 * HOUR
    assert (await truth.performance(**WINDOW, as_of=at)).labeled_samples == 1
    assert (await truth.performance(**WINDOW, as_of=at - TICK)).labeled_samples == 0


async def test_accuracy_is_of_those_with_a_class(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("late", predicted_label="late")
    await labeled("ontime", predicted_label="late")
    await labeled("ontime", status="error")
    found = await truth.performance(**WINDOW)
    assert (found.labeled_samples, found.accuracy) == (3, 0.5)


async def test_a_probability_of_exactly_1_is_in_the_last_bin(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("ontime", probability=1.0)
    await labeled("late", probability=0.95)
    found = await truth.performance(**WINDOW)
    # In one bin 1.95 positives were expected and one came.
    assert found.calibration_error == pytest.approx(0.95 / 2)


async def test_a_probability_of_exactly_a_tenth_ends_its_bin(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("ontime", probability=0.5)
    await labeled("late", probability=0.55)
    found = await truth.performance(**WINDOW)
    assert found.calibration_error == pytest.approx((0.5 + 0.45) / 2)


async def test_a_probability_of_exactly_the_threshold_is_positive(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("late", probability=0.3)
    await labeled("ontime", probability=0.25)
    found = await truth.performance(**WINDOW, threshold=0.3)
    assert (found.precision, found.recall, found.specificity) == (1.0, 1.0, 1.0)
    above = await truth.performance(**WINDOW, threshold=0.3000001)
    assert (above.recall, above.specificity) == (0.0, 1.0)


async def test_what_is_asked_about_each_class_is_not_the_same(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    """Three hits, one miss, two false alarms, five rejections: no two metrics are alike."""
    counts = [("late", "late", 3), ("late", "ontime", 1), ("ontime", "late", 2)]
    for label, predicted, count in [*counts, ("ontime", "ontime", 5)]:
        for _ in range(count):
            await labeled(label, predicted_label=predicted)
    found = await truth.performance(**WINDOW)
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == pytest.approx(3 / 4)
    assert found.specificity == pytest.approx(5 / 7)
    assert found.accuracy == pytest.approx(8 / 11)
    assert found.balanced_accuracy == pytest.approx((3 / 4 + 5 / 7) / 2)
    assert found.precision_macro == pytest.approx((3 / 5 + 5 / 6) / 2)
    assert found.precision_weighted == pytest.approx((3 / 5 * 4 + 5 / 6 * 7) / 11)
    assert found.confusion_matrix == {
        "labels": ["ontime", "late"],
        "matrix": [[5, 2], [1, 3]],
    }


async def test_a_class_that_was_never_predicted_has_a_precision_of_0_in_the_average(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    for label in ("late", "ontime", "ontime", "ontime"):
        await labeled(label, predicted_label="ontime")
    found = await truth.performance(**WINDOW)
    assert found.precision_macro == pytest.approx(3 / 4 / 2)
    assert found.balanced_accuracy == pytest.approx(1 / 2)


async def test_scores_with_ties_are_those_of_scikit_learn(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 1])
    scores = np.array([0.9, 0.9, 0.7, 0.4, 0.4, 0.2, 0.95, 0.15])
    for label, score in zip(labels.tolist(), scores.tolist(), strict=True):
        await labeled("late" if label else "ontime", probability=score)
    found = await truth.performance(**WINDOW)
    assert found.roc_auc == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert found.average_precision == pytest.approx(metrics.average_precision_score(labels, scores))
    assert found.log_loss == pytest.approx(metrics.log_loss(labels, scores))
    assert found.brier_score == pytest.approx(metrics.brier_score_loss(labels, scores))
    assert found.matthews_corrcoef == pytest.approx(
        metrics.matthews_corrcoef(labels, scores >= 0.5)
    )


async def test_a_probability_is_that_of_the_class_the_version_declares(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("late", probability=0.8)
    await labeled("ontime", probability=0.3)
    found = await truth.performance(**WINDOW, positive_label="ontime")
    assert found.brier_score == pytest.approx((0.2**2 + 0.3**2) / 2)


async def test_a_class_that_never_came_lowers_no_balanced_accuracy(
    labeled: Any, truth: AsyncGroundTruthRepository
) -> None:
    await labeled("late", predicted_label="late")
    await labeled("late", predicted_label="ontime")
    found = await truth.performance(**WINDOW)
    assert found.balanced_accuracy == 0.5
    # Nothing that is ontime was there to be found, and all that was called late is late.
    assert (found.precision_macro, found.recall_macro) == (0.5, 0.25)


async def test_numbers_are_measured_with_their_sign_and_their_own_variance(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
) -> None:
    await models.insert(model_name="m", task="regression")
    actual, guess = np.array([1.5, 2.5, 4.0]), np.array([2.5, 1.5, 4.25])
    for value, number in zip(actual.tolist(), guess.tolist(), strict=True):
        made = await predictions.insert(
            model_name="m", model_version="1", predicted_at=NOON, prediction=number
        )
        await truth.insert(prediction_id=made, actual_value=value, labeled_at=NOON + HOUR)
    found = await truth.performance(**WINDOW)
    assert found.mae == pytest.approx(metrics.mean_absolute_error(actual, guess))
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(actual, guess))
    assert found.r2 == pytest.approx(metrics.r2_score(actual, guess))


async def test_probabilities_of_three_classes_are_ranked_and_tied(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
) -> None:
    names = ["a", "b", "c"]
    await models.insert(model_name="m", class_names=names)
    chances = [[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.2, 0.3, 0.5], [0.1, 0.3, 0.6]]
    labels = ["a", "b", "a", "b"]
    for row, label in zip(chances, labels, strict=True):
        made = await predictions.insert(
            model_name="m", model_version="1", predicted_at=NOON, class_probabilities=row
        )
        await truth.insert(prediction_id=made, actual_label=label, labeled_at=NOON + HOUR)
    for k in (1, 2):
        found = await truth.performance(**WINDOW, top_k=k)
        expected = metrics.top_k_accuracy_score(labels, chances, k=k, labels=names)
        assert found.top_k_accuracy == pytest.approx(expected)
    # Of the tie of a and b the first is the guess, as argmax has it.
    assert found.accuracy == 1 / 4
    hot = np.array([[name == label for name in names] for label in labels], float)
    assert found.brier_score == pytest.approx(((np.array(chances) - hot) ** 2).sum(axis=1).mean())
    assert found.log_loss == pytest.approx(-np.log([0.5, 0.4, 0.2, 0.3]).mean())


async def test_0_and_1_stand_for_the_two_classes_that_have_names(
    labeled: Any,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
) -> None:
    made = await predictions.insert(
        model_name="m", model_version="1", predicted_at=NOON, prediction=1
    )
    await truth.insert(prediction_id=made, actual_value=1, labeled_at=NOON + HOUR)
    found = await truth.performance(**WINDOW)
    assert (found.accuracy, found.recall, found.positive_label) == (1.0, 1.0, "late")
