"""Whatever was written, an answer of summaries is right or says since when it is not.

Those who answer here may not fold: they read, as roles that only read do, in a transaction that
writes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    Transaction,
    new_id,
)
from mlops_ledger.admin.retention import Retention
from mlops_ledger.analysis import business_value

pytestmark = pytest.mark.once

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = NOW - 24 * HOUR
WINDOW: dict[str, Any] = {"since": START, "until": NOW}
ONE: dict[str, Any] = {"model_name": "m", "model_version": "1"}
SUMMED: dict[str, Any] = {**ONE, **WINDOW, "source": "summaries"}
Rows = list[dict[str, Any]]


@pytest.fixture
def rows(db: Database) -> Rows:
    """A version whose predictions and labels are all folded, with a baseline and slices."""
    chance = random.Random(5)
    ModelVersionRepository(db).insert(**ONE, feature_names=["a"], class_names=["n", "y"])
    ModelsRepository(db).set_slice_key(model_name="m", slice_key="c")
    trained_on = {"a": [chance.random() for _ in range(100)], "c": ["x", "z"] * 50}
    BaselinesRepository(db).register(
        **ONE, data=trained_on, probabilities=trained_on["a"], labels=["n", "y"] * 50
    )
    rows = []
    for number in range(300):
        at = START + chance.random() * 20 * HOUR
        rows.append(
            {
                "id": new_id(at),
                "predicted_at": at,
                "features": [chance.random()],
                "inputs": {"c": chance.choice("xz")},
                "probability": chance.random(),
                "predicted_label": chance.choice("ny"),
                "latency_ms": chance.random(),
                "request_id": f"r{number % 10}",
            }
        )
    PredictionsRepository(db).insert_many(rows=rows, **ONE)
    _label(db, rows[:200], chance.choices("ny", k=200), NOW)
    SummariesRepository(db).fold()
    return rows


def _label(db: Database, rows: Rows, labels: Any, at: datetime) -> None:
    given = zip(rows, labels, strict=True)
    GroundTruthRepository(db).insert_many(
        rows=[
            {"prediction_id": row["id"], "actual_label": label, "labeled_at": at}
            for row, label in given
        ]
    )


def _late(db: Database, at: datetime) -> None:
    row = {"id": new_id(at), "predicted_at": at, "features": [9.0], "probability": 0.5}
    PredictionsRepository(db).insert_many(rows=[row], **ONE)


def _early_label(db: Database, rows: Rows) -> None:
    at = START + HOUR
    id = new_id(at)
    GroundTruthRepository(db).insert(prediction_id=id, actual_label="y")
    PredictionsRepository(db).insert_many(rows=[{"id": id, "predicted_at": at}], **ONE)


def _cleaned_and_erased(db: Database, rows: Rows) -> None:
    Retention(db).cleanup(before=START + 6 * HOUR, model_name="m")
    PredictionsRepository(db).erase(request_id="r1")


WRITERS: dict[str, Callable[[Database, Rows], Any]] = {
    "erase": lambda db, rows: PredictionsRepository(db).erase(request_id="r1"),
    "late": lambda db, rows: _late(db, START + 3 * HOUR),
    "single": lambda db, rows: PredictionsRepository(db).insert(**ONE, predicted_at=START),
    "label": lambda db, rows: GroundTruthRepository(db).insert(
        prediction_id=rows[-1]["id"], actual_label="y"
    ),
    "labels": lambda db, rows: _label(db, rows[250:260], "y" * 10, NOW),
    "relabel": lambda db, rows: _label(db, rows[:50], "n" * 50, NOW + timedelta(seconds=1)),
    "by request": lambda db, rows: GroundTruthRepository(db).insert(
        request_id="r3", actual_label="y"
    ),
    "early label": _early_label,
    "duplicates": lambda db, rows: PredictionsRepository(db).insert_many(rows=rows[:90], **ONE),
    "cleanup": lambda db, rows: Retention(db).cleanup(before=START + 6 * HOUR, model_name="m"),
    "cleanup and erase": _cleaned_and_erased,
}
READERS: dict[str, Callable[[Any], Any]] = {
    "monitoring": lambda tx: SummariesRepository(tx).monitoring_series(
        **ONE, **WINDOW, bucket=24 * HOUR
    ),
    "latency": lambda tx: SummariesRepository(tx).latency_series(**ONE, **WINDOW, bucket=HOUR),
    "performance": lambda tx: [GroundTruthRepository(tx).performance(**SUMMED)],
    "odd end": lambda tx: [
        GroundTruthRepository(tx).performance(**SUMMED | {"until": START + 19.2 * HOUR})
    ],
    "slice": lambda tx: [GroundTruthRepository(tx).performance(**SUMMED, slice="x")],
    "known": lambda tx: [GroundTruthRepository(tx).performance(**SUMMED, as_of=NOW)],
    "series": lambda tx: GroundTruthRepository(tx).performance_series(**ONE, **WINDOW, bucket=HOUR),
    "slices": lambda tx: GroundTruthRepository(tx).performance_by_slice(**ONE, **WINDOW),
    "worth": lambda tx: [
        business_value(GroundTruthRepository(tx).performance(**SUMMED), {("n", "y"): -1})
    ],
    "compare": lambda tx: [
        GroundTruthRepository(tx).compare(**SUMMED, against="1", metric="accuracy")
    ],
    "drift": lambda tx: DriftReportsRepository(tx).measure(**ONE, **WINDOW),
    "two windows": lambda tx: DriftReportsRepository(tx).measure(
        **ONE, since=START + 12 * HOUR, until=NOW, reference="previous"
    ),
}


def _read(db: Database) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name, read in READERS.items():
        with db.transaction() as tx:
            _begin_to_read(tx)
            found[name] = [asdict(each) for each in read(tx)]
    return found


def _begin_to_read(tx: Transaction) -> None:
    with tx.connection() as connection:
        connection.execute("SET TRANSACTION READ ONLY")


@pytest.mark.parametrize("writer", WRITERS)
def test_an_answer_is_right_or_says_that_it_is_not(db: Database, rows: Rows, writer: str) -> None:
    WRITERS[writer](db, rows)
    early = _read(db)
    SummariesRepository(db).fold()
    late = _read(db)
    for name, answers in early.items():
        right = late[name]
        assert [each.pop("pending_since") for each in right] == [None] * len(right)
        for answer in answers:
            waits = answer.pop("pending_since") is not None
            assert waits or _is_among(answer, right), (name, answer)


def _is_among(answer: dict[str, Any], right: list[dict[str, Any]]) -> bool:
    """Sums in another order differ in their last digits."""
    return any(
        all(
            value == pytest.approx(other[field], rel=1e-9)
            if isinstance(value, float)
            else field in ("calibration_curve", "standard_errors") or value == other[field]
            for field, value in answer.items()
        )
        for other in right
    )
