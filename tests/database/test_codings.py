"""Whatever the classes are called and whatever is missing: scikit-learn's numbers, or a reason."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn import datasets, metrics
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.rows import Performance

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAMES = [field.name for field in fields(Performance)]
METRICS = NAMES[NAMES.index("accuracy") : NAMES.index("classes")]
SCORES = ("roc_auc", "average_precision", "log_loss", "brier_score")
AVERAGES = ("macro", "micro", "weighted")

# As a classifier has them in classes_, sorted; the last is the positive one of two.
CODINGS: list[list[Any]] = [
    [0, 1],
    [-1, 1],
    [1, 2],
    [3, 7],
    [False, True],
    ["no", "yes"],
    ["0", "1"],
    ["ja", "é' \\"],
    [0, 1, 2],
    [1, 2, 3],
    list(range(10)),
    ["a", "b", "c"],
    ["setosa", "virginica", "1"],
    ["a", "b", 1],
    [0.5, 1.5, 2],
]

# The pool's threads draw a random number now and then, which hypothesis takes for ours.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A database of its own."""
    with Database(dsn) as database:
        yield database


def name_of(value: Any) -> str | None:
    """The class that a value names, as the documentation says."""
    if value is None or isinstance(value, str):
        return value
    return f"{float(value):g}"


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
    }
    if any(truth):
        found["average_precision"] = metrics.average_precision_score(truth, score)
    if len(set(truth)) == 2:
        found["roc_auc"] = metrics.roc_auc_score(truth, score)
    return found


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
    classified, scored, ranked = [], [], []
    for row in rows:
        truth, guess = name_of(row.truth), name_of(row.predicted)
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
        elif metric != "calibration_error":
            assert value == pytest.approx(values.get(metric), rel=1e-9, abs=1e-9), metric
            present.add(metric)
    return present


@st.composite
def classifiers(draw: st.DrawFn) -> tuple[list[Any], list[Row]]:
    """A coding of classes, and rows of a classifier with holes in them."""
    classes = draw(st.sampled_from(CODINGS))
    many = len(classes) > 2
    holes = draw(st.booleans())
    has_class, has_chance = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    rows = []
    for _ in range(draw(st.integers(1, 25))):
        row = Row(at=draw(st.sampled_from([-1, 0, 1, 5, 9, 10])))
        place = draw(st.integers(0, len(classes) - 1))
        if many:
            chances = np.array([draw(st.integers(0, 8)) for _ in classes], float) + 1e-3
            chances /= chances.sum()
            row.class_probabilities = list(map(float, chances)) if has_chance else None
            likely = int(np.argmax(chances))
        else:
            tenths = st.integers(0, 10).map(lambda tenth: tenth / 10)
            chance = draw(st.one_of(tenths, st.floats(0, 1)))
            row.probability = chance if has_chance else None
            likely = int(chance >= 0.5)
        row.truth = classes[place]
        row.predicted = classes[likely] if has_class else None
        if holes:
            for name in ("truth", "predicted", "probability", "class_probabilities"):
                if draw(st.integers(0, 5)) == 0:
                    setattr(row, name, None)
        rows.append(row)
    return classes, rows


@given(made=classifiers())
@thorough
def test_a_declared_classifier(db: Database, made: tuple[list[Any], list[Row]]) -> None:
    classes, rows = made
    found = judge(db, rows, {"class_names": classes})
    names = [name or "" for name in map(name_of, classes)]
    seen = compare(rows, found, names)
    many = len(classes) > 2
    labelled = [row for row in rows if 0 <= row.at < 10 and row.truth is not None]
    assert found.labeled_samples == len(labelled)
    if labelled:
        assert found.task == ("multiclass" if many else "binary")
        assert found.positive_label == (None if many else names[1])
    # What can be computed is.
    if any(row.predicted is not None for row in labelled):
        assert {"accuracy", "balanced_accuracy", "f1_macro"} <= seen
    if any(row.probability is not None or row.class_probabilities for row in labelled):
        assert {"accuracy", "log_loss", "brier_score"} <= seen


@given(made=classifiers(), asks=st.booleans())
@example(made=([3, 7], [Row(7, 7, 0.9), Row(3, 7, 0.8)]), asks=True)
@example(made=(["0", "1"], [Row("0", "0", 0.1)]), asks=False)
@thorough
def test_a_classifier_that_declares_nothing(
    db: Database, made: tuple[list[Any], list[Row]], asks: bool
) -> None:
    classes, rows = made
    names = [name or "" for name in map(name_of, classes)]
    for row in rows:
        # Their order is not known.
        row.class_probabilities = None
    # What is known does not depend on the window.
    rows += [Row(truth=label, predicted=label, at=-1) for label in classes]
    asked = {"positive_label": names[-1]} if asks and len(classes) == 2 else {}
    found = judge(db, rows, **asked)
    if found.labeled_samples and len(classes) == 2 and isinstance(classes[0], int | str):
        assert found.task == "binary"
    if len(classes) == 2:
        seen = compare(rows, found, names)
        if any(getattr(found, metric) is not None for metric in SCORES):
            assert found.positive_label == names[1]
    else:
        seen = compare(rows, found, names)
        assert not seen & set(SCORES)
    labelled = [row for row in rows if 0 <= row.at < 10 and row.truth is not None]
    # Beside two texts, 1 may be one of them or a third class.
    is_mixed = len({isinstance(label, str) for label in classes}) > 1
    if any(row.predicted is not None for row in labelled) and found.task != "regression":
        assert is_mixed or "accuracy" in seen


def test_the_first_of_two_numbers_is_not_taken_for_the_positive_one(db: Database) -> None:
    # Of classes 1 and 2 only 1 was seen so far, and the probability is that of 2.
    found = judge(db, [Row(1, 1, 0.1), Row(1, 1, 0.4)])
    assert (found.accuracy, found.log_loss) == (1, None)
    assert "another class" in found.reasons["log_loss"]
    # A threshold of one's own is no contradiction.
    rows = [Row(1, None, 0.3), Row(0, None, 0.2)]
    assert judge(db, rows, threshold=0.25).roc_auc == 1
    assert judge(db, [Row(1, None, 0.9), Row(0, None, 0.7)], threshold=0.8).roc_auc == 1


def test_a_number_that_is_no_class_is_not_left_out(db: Database) -> None:
    for classes, labels, numbers in (([0, 1], [0, 1], [0, 5]), (["a", "b"], ["a", "b"], [0, 2])):
        rows = [Row(*pair) for pair in zip(labels, numbers, strict=True)]
        found = judge(db, rows, {"class_names": classes})
        assert (found.accuracy, found.recall, found.classes) == (None, None, None)
        assert found.reasons["accuracy"] == "a prediction is a number that is none of the classes"
        compare(rows, found, [])


def test_one_class_alone_leaves_nobody_out(db: Database) -> None:
    rows = [Row(1, None, 0.9), Row(1, None, 0.1)]
    assert judge(db, rows).accuracy == 0.5
    rows = [Row("late", None, 0.9), Row("late", None, 0.1)]
    found = judge(db, rows, positive_label="late")
    assert (found.accuracy, found.recall) == (None, None)
    assert (
        found.reasons["recall"] == "only one class is known: register the version with class_names"
    )


fractions = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.5, 1e-5, 3.25]), st.integers(-3, 3).map(float)
)


@given(
    pairs=st.lists(st.tuples(fractions, st.none() | fractions), min_size=1, max_size=20),
    confidence=st.none() | st.floats(0, 1),
    declared=st.booleans(),
)
@example(pairs=[(1.0, 1.0)], confidence=0.9, declared=True)
@example(pairs=[(0.5, 0.5)], confidence=0.5, declared=False)
@example(pairs=[(2.5, 2.5), (2.5, 2.0)], confidence=0.9, declared=False)
@thorough
def test_a_regressor_that_logs_a_confidence(
    db: Database,
    pairs: list[tuple[float, float | None]],
    confidence: float | None,
    declared: bool,
) -> None:
    rows = [Row(truth, estimate, confidence) for truth, estimate in pairs]
    found = judge(db, rows, {"task": "regression"} if declared else None)
    seen = compare(rows, found, [])
    if declared or any(truth != int(truth) for truth, _ in pairs):
        assert found.task == "regression"
        assert not seen - {"mae", "rmse", "r2"}
    if any(estimate is not None for _, estimate in pairs):
        assert {"mae", "rmse"} <= seen


CLASSIFIED = {
    "breast_cancer": [[0, 1], [-1, 1], [1, 2], ["malignant", "benign"], ["benign", "malignant"]],
    "wine": [[0, 1, 2], [1, 2, 3], ["barbera", "barolo", "grignolino"]],
    "iris": [[0, 1, 2], ["setosa", "versicolor", "virginica"]],
    "digits": [list(range(10)), list("abcdefghij")],
}


@pytest.mark.parametrize("name", CLASSIFIED)
def test_a_classifier_of_real_data(db: Database, name: str) -> None:
    inputs, outcome = getattr(datasets, f"load_{name}")(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.01))
    model.fit(inputs[::2], outcome[::2])
    chances, guesses = model.predict_proba(inputs[1::2]), model.predict(inputs[1::2])
    truths, many = outcome[1::2], len(set(outcome)) > 2
    for coding in CLASSIFIED[name]:
        names = [name_of(label) or "" for label in coding]
        for hard in (False, True):
            rows = [
                Row(
                    truth=coding[truth],
                    predicted=coding[guess] if hard else None,
                    probability=None if many else float(chance[1]),
                    class_probabilities=list(map(float, chance)) if many else None,
                )
                for truth, guess, chance in zip(truths, guesses, chances, strict=True)
            ]
            found = judge(db, rows, {"class_names": coding})
            seen = compare(rows, found, names)
            of_task = (
                {"roc_auc_ovr", "roc_auc_ovo", "top_k_accuracy"}
                if many
                else {"roc_auc", "f1_score"}
            )
            assert {"accuracy", "matthews_corrcoef", "log_loss", "f1_macro"} | of_task <= seen
            assert found.confusion_matrix is not None
            counts = metrics.confusion_matrix(truths, guesses)
            assert np.array_equal(found.confusion_matrix["matrix"], counts)


def test_a_regressor_of_real_data(db: Database) -> None:
    inputs, target = datasets.load_diabetes(return_X_y=True)
    estimate = LinearRegression().fit(inputs[::2], target[::2]).predict(inputs[1::2])
    rows = [Row(float(t), float(e)) for t, e in zip(target[1::2], estimate, strict=True)]
    # Its targets are whole numbers, its predictions are not.
    for version in (None, {"task": "regression"}):
        found = judge(db, rows, version)
        assert found.task == "regression"
        assert compare(rows, found, []) == {"mae", "rmse", "r2"}
