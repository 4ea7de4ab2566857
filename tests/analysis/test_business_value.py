"""What predictions are worth, by the cell of the confusion matrix that they are in."""

from __future__ import annotations

import random
from typing import Any

import pytest
from fix_outcomes import START, TODAY

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.analysis import business_value
from mlops_ledger.errors import InvalidValue
from mlops_ledger.rows import Performance

ONE: dict[str, Any] = {"model_name": "m", "model_version": "1"}
WORTH = {"tp": 50.0, "fp": -5.0, "tn": 0.5, "fn": -20.0}


def record(db: Database, version: dict[str, Any], rows: list[tuple[dict[str, Any], Any]]) -> None:
    ModelVersionRepository(db).insert(**ONE, **version)
    made = [{"id": new_id(START), **predicted} for predicted, _ in rows]
    PredictionsRepository(db).insert_many(rows=made, **ONE)
    labels = [
        {"prediction_id": row["id"], "actual_label": label}
        for row, (_, label) in zip(made, rows, strict=True)
    ]
    GroundTruthRepository(db).insert_many(rows=labels)
    SummariesRepository(db).fold()


def asked(db: Database, **arguments: Any) -> Performance:
    return GroundTruthRepository(db).performance(
        model_name="m", since=START, until=TODAY, **arguments
    )


@pytest.mark.parametrize("source", ["rows", "summaries"])
@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.99])
def test_two_classes_are_worth_their_four_cells(
    db: Database, source: str, threshold: float
) -> None:
    chance = random.Random(threshold)
    rows = [
        ({"probability": chance.random()}, chance.choice(("good", "fraud"))) for _ in range(200)
    ]
    record(db, {"class_names": ["good", "fraud"], "positive_label": "fraud"}, rows)
    found = business_value(asked(db, source=source, threshold=threshold), WORTH)
    total = sum(
        WORTH[("t" if (label == "fraud") == is_positive else "f") + "np"[is_positive]]
        for is_positive, label in ((r["probability"] >= threshold, label) for r, label in rows)
    )
    assert (found.num_predictions, found.reason) == (200, None)
    assert found.total == pytest.approx(total)
    assert found.mean == pytest.approx(total / 200)


def test_more_classes_are_worth_what_their_pairs_are(db: Database) -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), ("a", "b"), ("a", "c")]
    rows: list[tuple[dict[str, Any], Any]] = [
        ({"predicted_label": predicted}, true) for true, predicted in pairs
    ]
    # One without a class is in no cell.
    rows.append(({}, "b"))
    record(db, {"class_names": ["a", "b", "c"]}, rows)
    found = business_value(asked(db), {("a", "b"): -3, ("b", "b"): 1, ("c", "a"): 7})
    assert (found.total, found.num_predictions) == (-4, 6)
    assert found.mean == pytest.approx(-4 / 6)
    one_class = business_value(asked(db, positive_label="b"), {"tp": 1, "fp": 10, "tn": 100})
    # Of a true a, a predicted c is no b either.
    assert one_class.total == 2 + 20 + 200


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({("a", "d"): 1}, "values: the model has no class d"),
        ({("a", "b", "c"): 1}, r"values: a pair is \(true class, predicted class\)"),
        ({"tpr": 1}, "values: tpr is not one of tp, fp, tn, fn"),
        ({"tp": 1}, "values: tp, fp, tn and fn need a positive_label"),
        ({"tp": 1, ("a", "b"): 1}, "values: must be all of tp"),
        ({("a", "b"): float("nan")}, "values.a/b: must be a finite number"),
        ({("a", "b"): "1"}, "values.a/b: must be a number"),
    ],
)
def test_what_names_no_cell_is_refused(db: Database, values: Any, message: str) -> None:
    record(db, {"class_names": ["a", "b", "c"]}, [({"predicted_label": "a"}, "a")])
    with pytest.raises(InvalidValue, match=message):
        business_value(asked(db), values)


def test_without_labels_there_is_a_reason(db: Database) -> None:
    ModelVersionRepository(db).insert(**ONE, class_names=["a", "b"])
    found = business_value(asked(db), WORTH)
    assert (found.total, found.mean, found.num_predictions) == (None, None, 0)
    assert found.reason == "no prediction of the window has a label"
