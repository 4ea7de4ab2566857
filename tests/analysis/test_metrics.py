"""The metrics of `performance`, computed in SQL, against those of scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import psycopg
import pytest
from fix_codings import calibration_error, lift
from fix_faults import examples, full
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue
from mlops_ledger.rows import Performance

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TOLERANCE = {"rel": 1e-9, "abs": 1e-9}

many_examples = settings(
    max_examples=examples(full(300, 25)),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Where bins meet, and the nearest numbers on both sides.
TENTHS = [
    number
    for tenth in range(11)
    for number in {
        tenth / 10,
        tenth * 0.1,
        math.nextafter(tenth / 10, 0),
        math.nextafter(tenth / 10, 1),
    }
    if number <= 1
]
probabilities = st.one_of(
    st.sampled_from(TENTHS),
    st.sampled_from([5e-324, 1e-200, 1e-17, 1 - 2**-53]),
    st.floats(0, 1),
)
numbers = st.one_of(st.sampled_from([0.0, 1.0, -1e-170, 1e12]), st.floats(-1e6, 1e6))


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A database with version 1 of model m."""
    with Database(dsn) as database:
        ModelVersionRepository(database).insert(model_name="m")
        yield database


def scored(
    db: Database,
    conn: psycopg.Connection,
    predicted: list[dict[str, Any]],
    labels: list[dict[str, Any]],
    **options: Any,
) -> Performance:
    """Store predictions with labels, and nothing else, and ask for the performance."""
    conn.execute("TRUNCATE predictions, ground_truth, observed_outcomes")
    ids = [new_id(START + k * SECOND) for k in range(len(predicted))]
    PredictionsRepository(db).insert_many(
        rows=[{"id": id, **row} for id, row in zip(ids, predicted, strict=True)],
        model_name="m",
        model_version="1",
    )
    truth = GroundTruthRepository(db)
    truth.insert_many(
        rows=[{"prediction_id": id, **row} for id, row in zip(ids, labels, strict=True)]
    )
    return truth.performance(
        model_name="m", since=START, until=START + timedelta(days=1), **options
    )


def check(found: Performance, expected: dict[str, float | None]) -> None:
    """Compare metrics; those expected to be None must have a reason, the others none."""
    for name, value in expected.items():
        if value is None:
            assert getattr(found, name) is None, name
            assert found.reasons[name]
        else:
            assert getattr(found, name) == pytest.approx(value, **TOLERANCE), name
            assert name not in found.reasons


def binary(truth: np.ndarray, probability: np.ndarray, guess: np.ndarray) -> dict[str, Any]:
    """The metrics of a binary classifier as scikit-learn has them."""
    both = truth.min() != truth.max()
    return {
        "accuracy": metrics.accuracy_score(truth, guess),
        "precision": metrics.precision_score(truth, guess) if guess.any() else None,
        "recall": metrics.recall_score(truth, guess) if truth.any() else None,
        "f1_score": metrics.f1_score(truth, guess) if truth.any() or guess.any() else None,
        "roc_auc": metrics.roc_auc_score(truth, probability) if both else None,
        "log_loss": metrics.log_loss(truth, probability, labels=[0, 1]),
        "brier_score": np.mean((probability - truth) ** 2),
        "calibration_error": calibration_error(truth, probability),
        "lift": lift(truth, probability, 0.1) if truth.any() else None,
    }


def r2(pairs: Iterable[tuple[float, float]]) -> float:
    """R² without rounding: scikit-learn's mean of values that barely differ is off by as much."""
    exact = [(Fraction(target), Fraction(estimate)) for target, estimate in pairs]
    mean = sum(target for target, _ in exact) / len(exact)
    left = sum((target - estimate) ** 2 for target, estimate in exact)
    return float(1 - left / sum((target - mean) ** 2 for target, _ in exact))


def check_curve(found: Performance, truth: np.ndarray, probability: np.ndarray) -> None:
    """Compare the calibration curve with scikit-learn's."""
    true, predicted = calibration_curve(truth, probability, n_bins=10)
    curve = found.calibration_curve or []
    assert [point["prob_true"] for point in curve] == pytest.approx(true, **TOLERANCE)
    assert [point["prob_pred"] for point in curve] == pytest.approx(predicted, **TOLERANCE)
    assert sum(point["count"] for point in curve) == len(truth)


pairs = st.lists(st.tuples(st.booleans(), probabilities), min_size=1, max_size=60)


@given(pairs=pairs, threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
@example(pairs=[(number < 0.4, number) for number in TENTHS], threshold=0.5)
@example(pairs=[(True, 1.0)], threshold=0.5)
@example(pairs=[(False, 0.0)], threshold=0.5)
@example(pairs=[(False, 0.0), (False, 5e-324)], threshold=0.5)
@example(pairs=[(True, 0.5), (False, 0.5)], threshold=0.5)
@example(pairs=[(True, 0.0), (False, 1.0)], threshold=0.5)
@many_examples
def test_a_binary_classifier_by_numbers(
    db: Database,
    conn: psycopg.Connection,
    pairs: list[tuple[bool, float]],
    threshold: float,
) -> None:
    truth, probability = (np.array(column) for column in zip(*pairs, strict=True))
    found = scored(
        db,
        conn,
        [{"probability": p} for _, p in pairs],
        [{"actual_value": int(late)} for late, _ in pairs],
        threshold=threshold,
    )
    check(found, binary(truth.astype(int), probability, probability >= threshold))
    check_curve(found, truth.astype(int), probability)
    assert found.labeled_samples == found.num_predictions == len(pairs)


@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=60))
@example(pairs=[(0.1, 0.1), (0.1, 0.2), (0.1, 0.3)])
@example(pairs=[(1e-170, 0.0), (0.0, 1e-170)])
@example(pairs=[(-1e6, 0.0), (math.nextafter(-1e6, 0), 0.0)])
@many_examples
def test_a_regressor(
    db: Database, conn: psycopg.Connection, pairs: list[tuple[float, float]]
) -> None:
    found = scored(
        db,
        conn,
        [{"prediction": estimate} for _, estimate in pairs],
        [{"actual_value": target} for target, _ in pairs],
    )
    target, estimate = (np.array(column) for column in zip(*pairs, strict=True))
    # Of equal values NumPy's variance may be a rounding error, and scikit-learn's R² noise.
    varies = target.min() < target.max() and np.var(target) > 1e-100
    check(
        found,
        {
            "mae": metrics.mean_absolute_error(target, estimate),
            "mape": metrics.mean_absolute_percentage_error(target, estimate),
            "rmse": math.sqrt(metrics.mean_squared_error(target, estimate)),
            "r2": r2(pairs) if varies else None,
            "roc_auc": None,
            "brier_score": None,
        },
    )


@pytest.mark.parametrize(
    "pairs",
    [
        [(1e15 + k / 4, 1e15 + k / 4 + 1 / 8) for k in range(20)],
        [(1.7e9 + k, 1.7e9 + k + k % 3) for k in range(50)],
        [(1e9 + k * 1e-3, 1e9 + k * 1e-3 + 1e-4) for k in range(50)],
        [(1e99, 2e99), (-1e99, 3e98), (5e98, 1e99)],
        [(1e80, 0.0), (-1e80, 1.0), (2e80, 1e80)],
        [(-0.0, 0.0), (1.0, -0.0)],
        [(1e50, 1e50), (1e-50, 0.0), (1.0, 1.5)],
    ],
    ids=range(7),
)
def test_numbers_far_from_zero_keep_their_digits(
    db: Database, conn: psycopg.Connection, pairs: list[tuple[float, float]]
) -> None:
    predicted = [{"prediction": estimate} for _, estimate in pairs]
    labels = [{"actual_value": target} for target, _ in pairs]
    target, estimate = map(list, zip(*pairs, strict=True))
    check(
        scored(db, conn, predicted, labels),
        {
            "mae": metrics.mean_absolute_error(target, estimate),
            "rmse": metrics.root_mean_squared_error(target, estimate),
            "r2": r2(pairs),
        },
    )
    assert metrics.r2_score(target, estimate) == pytest.approx(r2(pairs), rel=1e-6)


@pytest.mark.parametrize(
    ("actual", "estimate"), [(1e308, -1e308), (1e300, 1.0), (1.0, -1e200), (1e101, 1e101)]
)
def test_numbers_whose_squares_no_double_holds_have_a_reason(
    db: Database, conn: psycopg.Connection, actual: float, estimate: float
) -> None:
    found = scored(
        db, conn, [{"prediction": estimate}] * 2, [{"actual_value": actual}, {"actual_value": 1}]
    )
    check(found, dict.fromkeys(("mae", "mape", "rmse", "r2")))
    assert "beyond" in found.reasons["rmse"]


def test_a_day_of_predictions(db: Database, conn: psycopg.Connection) -> None:
    random = np.random.default_rng(7)
    size = 20_000
    probability = np.round(random.beta(2, 5, size), 4)
    late = random.random(size) < probability
    labels = [{"actual_value": int(truth)} for truth in late]
    found = scored(db, conn, [{"probability": p} for p in probability.tolist()], labels)
    check(found, binary(late.astype(int), probability, probability >= 0.5))
    check_curve(found, late.astype(int), probability)
    for share in (0.25, 1):
        found = GroundTruthRepository(db).performance(
            model_name="m", since=START, until=START + timedelta(days=1), top_share=share
        )
        check(found, {"lift": lift(late, probability, share)})
    with pytest.raises(InvalidValue, match=r"^top_share: must be above 0"):
        GroundTruthRepository(db).performance(model_name="m", since=START, top_share=0)
    found = scored(db, conn, [{"prediction": 3.5 * p} for p in probability.tolist()], labels)
    check(
        found,
        {
            "mae": metrics.mean_absolute_error(late, 3.5 * probability),
            "r2": metrics.r2_score(late.astype(float), 3.5 * probability),
        },
    )
