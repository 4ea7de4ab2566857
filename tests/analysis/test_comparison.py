"""Comparing two versions: the difference and its interval are those of the literature."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.rows import VersionComparison

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW: dict[str, Any] = {"model_name": "m", "since": NOON, "until": NOON + HOUR}
Z = stats.norm.ppf(0.975)
Data = dict[str, tuple[np.ndarray, np.ndarray]]


def _store(db: Database, data: Data, task: str = "binary") -> GroundTruthRepository:
    truth = GroundTruthRepository(db)
    for version, (labels, scores) in data.items():
        classes = {} if task == "regression" else {"class_names": ["0", "1"]}
        ModelVersionRepository(db).insert(
            model_name="m", model_version=version, task=task, **classes
        )
        field = "prediction" if task == "regression" else "probability"
        rows = [{"id": new_id(NOON), "predicted_at": NOON, field: float(score)} for score in scores]
        PredictionsRepository(db).insert_many(rows=rows, model_name="m", model_version=version)
        truth.insert_many(
            rows=[
                {"prediction_id": row["id"], "actual_value": float(label)}
                for row, label in zip(rows, labels, strict=True)
            ]
        )
    return truth


def _binary(seed: int, n: int, strength: float, digits: int = 3) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    labels = (chance.random(n) < 0.3).astype(int)
    scores = 1 / (1 + np.exp(-(strength * (labels - 0.5) + chance.normal(size=n))))
    return labels, scores.round(digits)


def _delong(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the variance by its definition: every positive against every negative."""
    pairs = np.sign(scores[labels == 1][:, None] - scores[labels == 0][None, :]) / 2 + 0.5
    p, n = pairs.shape
    return float(pairs.mean(axis=1).var(ddof=1) / p + pairs.mean(axis=0).var(ddof=1) / n)


def _newcombe(x: int, n: int, y: int, m: int) -> tuple[float, float]:
    """Return method 10 of Newcombe (1998) from the intervals of SciPy."""
    one = stats.binomtest(x, n).proportion_ci(0.95, method="wilson")
    two = stats.binomtest(y, m).proportion_ci(0.95, method="wilson")
    a, b = x / n, y / m
    return (
        a - b - np.hypot(a - one.low, two.high - b),
        a - b + np.hypot(one.high - a, b - two.low),
    )


def _interval(found: VersionComparison) -> tuple[float, float]:
    assert found.reason is None
    assert found.lower is not None
    assert found.upper is not None
    return found.lower, found.upper


DATA: Data = {"1": _binary(1, 400, 1.0), "2": _binary(2, 300, 2.0, digits=1)}


def test_roc_auc_has_the_interval_of_delong(db: Database) -> None:
    truth = _store(db, DATA)
    found = truth.compare(**WINDOW, model_version="2", against="1")
    areas = [metrics.roc_auc_score(*DATA[version]) for version in "21"]
    half = Z * np.sqrt(_delong(*DATA["2"]) + _delong(*DATA["1"]))
    assert found.difference == pytest.approx(areas[0] - areas[1], abs=1e-12)
    assert _interval(found) == pytest.approx(
        (areas[0] - areas[1] - half, areas[0] - areas[1] + half), abs=1e-12
    )
    assert (found.n, found.against_n, found.higher_is_better) == (300, 400, True)


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "specificity"])
@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.99])
def test_shares_have_the_interval_of_newcombe(db: Database, metric: str, threshold: float) -> None:
    truth = _store(db, DATA)
    found = truth.compare(
        **WINDOW, model_version="2", against="1", metric=metric, threshold=threshold
    )
    counts = []
    for version in "21":
        labels, scores = DATA[version]
        made = scores >= threshold
        chosen = {
            "accuracy": made == made,
            "precision": made,
            "recall": labels == 1,
            "specificity": labels == 0,
        }[metric]
        counts += [int((made == labels)[chosen].sum()), int(chosen.sum())]
    if 0 in counts[1::2]:
        assert found.lower is None
        assert found.reason is not None
        return
    assert _interval(found) == pytest.approx(_newcombe(*counts), abs=1e-12)
    assert [found.n, found.against_n] == counts[1::2]


@pytest.mark.parametrize("metric", ["brier_score", "log_loss"])
def test_mean_losses_have_that_of_their_standard_errors(db: Database, metric: str) -> None:
    truth = _store(db, DATA)
    found = truth.compare(**WINDOW, model_version="2", against="1", metric=metric)
    losses = []
    for version in "21":
        labels, scores = DATA[version]
        right = np.where(labels == 1, scores, 1 - scores)
        tiny = np.finfo(float).eps
        losses.append((1 - right) ** 2 if metric == "brier_score" else -np.log(right.clip(tiny)))
    difference = losses[0].mean() - losses[1].mean()
    half = Z * np.hypot(*(loss.std(ddof=1) / np.sqrt(len(loss)) for loss in losses))
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert _interval(found) == pytest.approx((difference - half, difference + half), abs=1e-9)
    assert not found.higher_is_better


def test_the_mean_error_of_numbers_too(db: Database) -> None:
    chance = np.random.default_rng(3)
    data = {
        version: ((made := chance.normal(size=50)), made + chance.normal(size=50) * scale)
        for version, scale in (("1", 1.0), ("2", 0.5))
    }
    truth = _store(db, data, task="regression")
    found = truth.compare(**WINDOW, model_version="2", against="1", metric="mae")
    errors = [np.abs(np.subtract(*data[version])) for version in "21"]
    half = Z * np.hypot(*(error.std(ddof=1) / np.sqrt(50) for error in errors))
    middle = errors[0].mean() - errors[1].mean()
    assert _interval(found) == pytest.approx((middle - half, middle + half), abs=1e-12)


def _f1_score(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return what scikit-learn does, which takes milliseconds a time."""
    called = scores >= 0.5
    return 2 * np.sum(labels & called) / (labels.sum() + called.sum())


def _balanced_accuracy(labels: np.ndarray, scores: np.ndarray) -> float:
    called = scores >= 0.5
    positive = labels == 1
    return (called[positive].mean() + 1 - called[~positive].mean()) / 2


SHARES = {"f1_score": _f1_score, "balanced_accuracy": _balanced_accuracy}


@pytest.mark.parametrize("metric", SHARES)
def test_what_is_made_of_shares_is_as_wide_as_the_bootstrap_says(db: Database, metric: str) -> None:
    truth = _store(db, DATA)
    found = truth.compare(**WINDOW, model_version="2", against="1", metric=metric)
    chance = np.random.default_rng(4)
    of_sklearn = getattr(metrics, f"{metric}_score" if metric != "f1_score" else metric)
    for labels, scores in DATA.values():
        assert SHARES[metric](labels, scores) == pytest.approx(of_sklearn(labels, scores >= 0.5))
    drawn = []
    for _ in range(2000):
        values = []
        for version in "21":
            labels, scores = DATA[version]
            again = chance.integers(0, len(labels), len(labels))
            values.append(SHARES[metric](labels[again], scores[again]))
        drawn.append(values[0] - values[1])
    assert _interval(found) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.02)


def test_summaries_give_an_interval_that_holds_that_of_the_rows(db: Database) -> None:
    truth = _store(db, DATA)
    SummariesRepository(db).fold()
    for metric in ("roc_auc", "accuracy", "brier_score", "log_loss"):
        asked: dict[str, Any] = {"model_version": "2", "against": "1", "metric": metric}
        summed = _interval(truth.compare(**WINDOW, **asked, source="summaries"))
        exact = _interval(truth.compare(**WINDOW, **asked, source="rows"))
        if metric == "roc_auc":
            assert summed[0] <= exact[0] + 1e-4
            assert summed[1] >= exact[1] - 1e-4
        else:
            assert summed == pytest.approx(exact, abs=1e-9)


def test_what_cannot_be_compared_has_a_reason(db: Database) -> None:
    one = (np.array([1]), np.array([0.7]))
    truth = _store(db, {"1": one, "2": DATA["1"], "3": (np.array([1, 0]), np.array([0.7, 0.2]))})
    found = truth.compare(**WINDOW, model_version="2", against="1")
    assert (found.difference, found.reason) == (None, "version 1: all labels are of one class")
    found = truth.compare(**WINDOW, model_version="3", against="2")
    assert (found.value, found.lower) == (1, None)
    assert found.reason == "version 3: too few labelled predictions for an interval"
    found = truth.compare(**WINDOW, model_version="1", against="1", metric="accuracy")
    assert found.difference == 0
    assert _interval(found)[0] < -0.5
    for field, value in (
        ("metric", "rmse"),
        ("confidence", 1),
        ("confidence", "high"),
        ("against", None),
    ):
        with pytest.raises(InvalidValue, match=rf"^{field}: "):
            truth.compare(**WINDOW, **{"model_version": "2", "against": "1", field: value})
    with pytest.raises(NotFound):
        truth.compare(**WINDOW, model_version="2", against="9")
