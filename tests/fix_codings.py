"""Rows of any coding: what the ledger says of them, and what scikit-learn does."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.rows import Performance
from mlops_ledger.rows.ground_truth import BOUNDS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAMES = [field.name for field in fields(Performance) if field.name not in BOUNDS]
METRICS = NAMES[NAMES.index("accuracy") : NAMES.index("classes")]
AVERAGES = ("macro", "micro", "weighted")


def name_of(value: Any) -> str | None:
    """The class that a value names, as the documentation says."""
    if value is None or isinstance(value, str):
        return value
    value = float(value) + 0.0
    return f"{value:.0f}" if value.is_integer() else f"{Decimal(f'{value:.15g}'):f}"


def field_of(value: Any, label: str, number: str) -> dict[str, Any]:
    """A class in the column that has its type."""
    if isinstance(value, bool):
        value = int(value)
    return {label: value} if isinstance(value, str) else {number: value}


@dataclass
class Row:
    """A prediction and its label, each as far as it is there."""

    truth: Any = None
    predicted: Any = None
    probability: float | None = None
    class_probabilities: list[float] | None = None
    at: int = 0


def judge(
    db: Database, rows: list[Row], version: dict[str, Any] | None = None, **asked: Any
) -> Performance:
    """Store the rows for a new model and ask how right it was in the first ten minutes."""
    name = str(new_id())
    ModelVersionRepository(db).insert(model_name=name, model_version="1", **(version or {}))
    ids = [new_id(NOON + row.at * MINUTE) for row in rows]
    made = [
        {
            "id": id,
            "probability": row.probability,
            "class_probabilities": row.class_probabilities,
            **field_of(row.predicted, "predicted_label", "prediction"),
        }
        for id, row in zip(ids, rows, strict=True)
    ]
    PredictionsRepository(db).insert_many(rows=made, model_name=name, model_version="1")
    labels = [
        {"prediction_id": id, **field_of(row.truth, "actual_label", "actual_value")}
        for id, row in zip(ids, rows, strict=True)
        if row.truth is not None
    ]
    truth = GroundTruthRepository(db)
    truth.insert_many(rows=labels)
    return truth.performance(model_name=name, since=NOON, until=NOON + 10 * MINUTE, **asked)


def of_classes(truth: list[str], guess: list[str], positive: str | None) -> dict[str, Any]:
    """What scikit-learn computes from true and predicted classes."""
    found: dict[str, Any] = {
        "accuracy": metrics.accuracy_score(truth, guess),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, guess),
        "matthews_corrcoef": metrics.matthews_corrcoef(truth, guess),
    }
    for average in AVERAGES:
        values = metrics.precision_recall_fscore_support(
            truth, guess, average=average, zero_division=0
        )
        for metric, value in zip(("precision", "recall", "f1"), values[:3], strict=True):
            found[f"{metric}_{average}"] = value
    if positive is not None:
        actual = [name == positive for name in truth]
        said = [name == positive for name in guess]
        found["precision"] = metrics.precision_score(actual, said, zero_division=np.nan)
        found["recall"] = metrics.recall_score(actual, said, zero_division=np.nan)
        found["f1_score"] = metrics.f1_score(actual, said, zero_division=np.nan)
        found["specificity"] = metrics.recall_score(
            actual, said, pos_label=False, zero_division=np.nan
        )
    return found


def of_scores(truth: list[bool], score: list[float]) -> dict[str, Any]:
    """What scikit-learn computes from the probability of the positive class."""
    found = {
        "log_loss": metrics.log_loss(truth, score, labels=[False, True]),
        "brier_score": np.mean((np.array(score) - truth) ** 2),
        "calibration_error": calibration_error(np.array(truth), np.array(score)),
    }
    if any(truth):
        found["average_precision"] = metrics.average_precision_score(truth, score)
        found["lift"] = lift(np.array(truth), np.array(score), 0.1)
    if len(set(truth)) == 2:
        found["roc_auc"] = metrics.roc_auc_score(truth, score)
    return found


def calibration_error(truth: np.ndarray, probability: np.ndarray) -> float:
    """The distances of scikit-learn's calibration curve, weighted by the sizes of its bins."""
    shares, means = calibration_curve(truth, probability, n_bins=10)
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], probability)
    sizes = np.bincount(bins)
    return float(np.abs(shares - means) @ sizes[sizes > 0] / len(truth))


def lift(truth: np.ndarray, probability: np.ndarray, share: float) -> float:
    """Positives among the highest probabilities, as on average over all orders of equal ones."""
    top = math.ceil(share * len(truth))
    last = np.sort(probability)[-top]
    above, level = truth[probability > last], truth[probability == last]
    return float((above.sum() + level.mean() * (top - len(above))) / top / truth.mean())


def of_vectors(truth: list[str], vectors: list[list[float]], names: list[str]) -> dict[str, Any]:
    """What scikit-learn computes from the probabilities of more than two classes."""
    places, scores = [names.index(name) for name in truth], np.array(vectors)
    one_hot = np.eye(len(names))[places]
    found = {
        "log_loss": metrics.log_loss(places, scores, labels=range(len(names))),
        "brier_score": np.mean(((scores - one_hot) ** 2).sum(axis=1)),
        "top_k_accuracy": metrics.top_k_accuracy_score(
            places, scores, k=2, labels=range(len(names))
        ),
    }
    options: dict[str, Any] = {"labels": range(len(names)), "average": "macro"}
    if len(set(places)) > 1:
        found["roc_auc_ovo"] = metrics.roc_auc_score(places, scores, multi_class="ovo", **options)
    if len(set(places)) == len(names):
        found["roc_auc_ovr"] = metrics.roc_auc_score(places, scores, multi_class="ovr", **options)
    return found


def of_numbers(target: list[float], estimate: list[float]) -> dict[str, Any]:
    """What scikit-learn computes from true and predicted numbers."""
    found = {
        "mae": metrics.mean_absolute_error(target, estimate),
        "mape": metrics.mean_absolute_percentage_error(target, estimate),
        "rmse": metrics.root_mean_squared_error(target, estimate),
    }
    if len(set(target)) > 1:
        found["r2"] = metrics.r2_score(target, estimate)
    return found


def expected(rows: list[Row], found: Performance, names: list[str]) -> dict[str, Any]:
    """All that scikit-learn says of the rows of the window, given what the version predicts."""
    rows = [row for row in rows if 0 <= row.at < 10 and row.truth is not None]
    numbers = [
        (float(row.truth), float(row.predicted))
        for row in rows
        if not isinstance(row.truth, str) and not isinstance(row.predicted, str | None)
    ]
    values = of_numbers(*map(list, zip(*numbers, strict=True))) if numbers else {}
    positive = found.positive_label
    if not names and found.task == "binary" and positive == "1":
        # What declares nothing is coded as 0 and 1.
        names = ["0", "1"]
    classified, scored, ranked = [], [], []
    for row in rows:
        truth, guess = name_of(row.truth), name_of(row.predicted)
        is_number = not isinstance(row.predicted, str) and row.probability is not None
        if is_number and names and guess not in names:
            # It is the probability once more, of which the threshold makes a class.
            guess = None
        if guess is None and row.class_probabilities is not None:
            guess = names[int(np.argmax(row.class_probabilities))]
        if guess is None and row.probability is not None and len(names) == 2:
            # Without a positive class nobody can tell which one it is.
            guess = (
                {True: positive, False: next((n for n in names if n != positive), None)}[
                    row.probability >= 0.5
                ]
                if positive
                else None
            )
        assert truth is not None
        if guess is not None:
            classified.append((truth, guess))
        if row.probability is not None and found.task == "binary":
            scored.append((truth == positive, row.probability))
        if row.class_probabilities is not None and found.task == "multiclass":
            ranked.append((truth, row.class_probabilities))
    if found.task in ("binary", "multiclass"):
        if classified:
            truth_names, guesses = map(list, zip(*classified, strict=True))
            values |= of_classes(truth_names, guesses, positive)
        if scored and positive is not None:
            values |= of_scores(*map(list, zip(*scored, strict=True)))
        if ranked:
            values |= of_vectors(*map(list, zip(*ranked, strict=True)), names)
    return values


def compare(rows: list[Row], found: Performance, names: list[str]) -> set[str]:
    """Check that every metric is scikit-learn's or has a reason; return those with a value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = expected(rows, found, names)
    present = set()
    for metric in METRICS:
        value = getattr(found, metric)
        if value is None:
            assert found.reasons.get(metric), metric
        elif metric != "calibration_curve":
            assert value == pytest.approx(values.get(metric), rel=1e-9, abs=1e-9), metric
            present.add(metric)
    return present
