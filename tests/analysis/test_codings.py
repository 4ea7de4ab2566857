"""Whatever the classes are called and whatever is missing: scikit-learn's numbers, or a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fix_codings import NOON, Row, compare, judge, name_of
from fix_faults import examples, full
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)

SCORES = ("roc_auc", "average_precision", "log_loss", "brier_score")

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

thorough = settings(
    max_examples=examples(full(300, 25)),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


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


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["no", "yes"], [0, 1]),
        (["no", "yes"], [1, 1]),
        (["0.0", "1.0"], [0, 1]),
        (["a", "b", "c"], [0, 1, 2]),
        (["a", "b", "c"], [0, 1, 0]),
        (["a", "b", "3"], [7, 8, 3]),
    ],
)
@pytest.mark.parametrize("truth_is_text", [False, True])
def test_texts_are_not_compared_with_numbers(
    db: Database, texts: list[str], numbers: list[int], truth_is_text: bool
) -> None:
    sides = (texts, numbers) if truth_is_text else (numbers, texts)
    rows = [Row(*pair) for pair in zip(*sides, strict=True)]
    found = judge(db, rows)
    assert (found.accuracy, found.f1_macro, found.classes) == (None, None, None)
    assert found.reasons["accuracy"].startswith("some classes are texts and others numbers")


def test_zero_and_one_are_two_texts_once_one_of_them_is_positive(db: Database) -> None:
    rows = [Row(1, "yes"), Row(0, "yes"), Row(0, "no")]
    found = judge(db, rows, positive_label="yes")
    assert (found.accuracy, found.precision, found.recall) == (pytest.approx(2 / 3), 0.5, 1)
    assert judge(db, rows, {"class_names": ["no", "yes"]}).accuracy == pytest.approx(2 / 3)


@pytest.mark.parametrize("classes", [[0, 1], [1, 2], [0, 1, 2], [-1, 1]])
def test_a_number_is_the_text_that_it_is_written_as(db: Database, classes: list[int]) -> None:
    rows = [Row(classes[0], str(each)) for each in classes]
    found = judge(db, rows)
    assert found.task == ("binary" if len(classes) == 2 else "multiclass")
    assert "accuracy" in compare(rows, found, list(map(str, classes)))


@pytest.mark.parametrize("scores", [[17, 3, 0, 5], [17.5, 3.0, 0.25, 1.0]])
def test_a_number_beside_a_class_is_none(db: Database, scores: list[float]) -> None:
    # A score, or what was predicted and measured besides.
    name, version = str(new_id()), {"model_version": "1"}
    ModelVersionRepository(db).insert(model_name=name, **version)
    classes = ["late", "late", "on time", "on time"]
    ids = [new_id(NOON) for _ in classes]
    made = [
        {"id": id, "predicted_label": label, "prediction": score}
        for id, label, score in zip(ids, classes, scores, strict=True)
    ]
    PredictionsRepository(db).insert_many(rows=made, model_name=name, **version)
    labels = [
        {"prediction_id": id, "actual_label": "late", "actual_value": 10 * score}
        for id, score in zip(ids, scores, strict=True)
    ]
    GroundTruthRepository(db).insert(**labels[0])
    GroundTruthRepository(db).insert_many(rows=labels[1:])
    found = GroundTruthRepository(db).performance(
        model_name=name, since=NOON, until=NOON + timedelta(hours=1)
    )
    assert (found.task, found.accuracy) == ("binary", 0.5)
    assert found.mae == pytest.approx(9 * float(np.mean(scores)))


def test_summaries_do_not_leave_out_who_has_a_probability_alone(db: Database) -> None:
    rows = [Row("a", "a", 0.1), Row("b", None, 0.9), Row("b", "a", 0.2)]
    assert judge(db, rows, positive_label="b").accuracy == pytest.approx(2 / 3)
    found = judge(db, rows, positive_label="b", source="summaries")
    assert (found.accuracy, found.recall, found.classes) == (None, None, None)
    assert found.reasons["accuracy"] == "the summaries count no probabilities of that class"
    all_named = [row for row in rows if row.predicted]
    assert judge(db, all_named, positive_label="b", source="summaries").accuracy == 0.5


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
@example(pairs=[(0.0, 0.5)], confidence=0.5, declared=False)
@example(pairs=[(2.5, 2.5), (2.5, 2.0)], confidence=0.9, declared=False)
@example(pairs=[(0.0, None)], confidence=0.0, declared=False)
@example(pairs=[(1.0, None), (0.0, None), (0.0, 1.0)], confidence=0.5, declared=False)
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
        assert not seen - {"mae", "mape", "rmse", "r2"}
    if any(estimate is not None for _, estimate in pairs):
        assert {"mae", "rmse"} <= seen


# Of the last of them Python writes 17 digits, SQL 15.
@pytest.mark.parametrize(
    "codes", [(1e-5, 0.5), (-1e-7, 1e-7), (0.25, 1e-20), (0.5, 0.1 + 0.2)], ids=str
)
@pytest.mark.parametrize("said", ["predicted_label", "prediction"])
@pytest.mark.parametrize("was", ["actual_label", "actual_value"])
def test_a_class_with_a_fraction_has_one_name(
    db: Database, codes: tuple[float, float], said: str, was: str
) -> None:
    name, version = str(new_id()), {"model_version": "1"}
    ModelVersionRepository(db).insert(model_name=name, class_names=codes, **version)
    ids = [new_id(NOON) for _ in range(4)]
    made = [{"id": id, said: codes[k // 2]} for k, id in enumerate(ids)]
    PredictionsRepository(db).insert_many(rows=made, model_name=name, **version)
    truth = GroundTruthRepository(db)
    truth.insert_many(rows=[{"prediction_id": id, was: codes[k > 0]} for k, id in enumerate(ids)])
    found = truth.performance(model_name=name, since=NOON, until=NOON + timedelta(hours=1))
    assert (found.accuracy, found.recall) == (0.75, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    "codes",
    [
        (2**53, 2**53 + 2),
        (10**15, 10**15 + 1),
        (123456789012345678, 1),
        (-(2**60), 2**60),
        (2**63, 2**63 + 2**12),
        (-(2**63), -(2**63) - 2**12),
        (10**22, 10**22 + 2**21),
        (-1e300, 1e300),
        (1, -0.0),
    ],
    ids=str,
)
def test_classes_that_are_large_numbers_stay_apart(
    db: Database, codes: tuple[float, float]
) -> None:
    rows = [Row(float(codes[k % 2]), float(codes[k // 2 % 2])) for k in range(7)]
    found = judge(db, rows)
    assert found.accuracy == pytest.approx(3 / 7)
    assert found.classes is not None
    assert {int(each["class"]) for each in found.classes} == {int(float(code)) for code in codes}
