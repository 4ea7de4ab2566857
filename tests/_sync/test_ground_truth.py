# Generated from tests/_async/test_ground_truth.py by tools/unasync.py: edit that file, then run `make sync`.
"""Labels: late, early, repeated, corrected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import psycopg
import pytest

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, SchemaError
from mlops_ledger.rows import Labeled

NOON = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

STORED = Labeled(stored=1, waiting=0, duplicates=0)
WAITING = Labeled(stored=0, waiting=1, duplicates=0)
DUPLICATE = Labeled(stored=0, waiting=0, duplicates=1)


@pytest.fixture(autouse=True)
def registered(models: ModelVersionRepository) -> UUID:
    """Version 1 of model m."""
    return models.insert(model_name="m")


def predict(
    predictions: PredictionsRepository, at: datetime = NOON, **fields: Any
) -> UUID:
    row = {"predicted_label": "late", "probability": 0.75, "prediction": 12.5, **fields}
    return predictions.insert(model_name="m", model_version="1", predicted_at=at, **row)


def labeled(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    """The latest labels, as psql sees them."""
    return conn.execute(
        "SELECT prediction_id, actual_label, actual_value FROM v_labeled_predictions ORDER BY 1"
    ).fetchall()


def test_a_label_carries_what_was_predicted(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    made = predict(predictions)
    found = truth.insert(
        prediction_id=made,
        actual_label="ontime",
        actual_value=3.25,
        labeled_at=NOON + HOUR,
        source="radar",
    )
    assert found == STORED
    row = conn.execute(
        "SELECT model_name, model_version, predicted_at, predicted_label, probability, prediction,"
        " actual_label, actual_value, labeled_at, label_delay, num_labels, source"
        " FROM v_labeled_predictions WHERE prediction_id = %s",
        [made],
    ).fetchone()
    assert row == (
        "m", "1", NOON, "late", 0.75, 12.5, "ontime", 3.25, NOON + HOUR, HOUR, 1, "radar",
    )  # fmt: skip


def test_many_labels_are_stored_as_given(
    predictions: PredictionsRepository, truth: GroundTruthRepository
) -> None:
    made = [predict(predictions, NOON + k * DAY) for k in range(40)]
    predict(predictions, NOON + HOUR, request_id="änfrage 1")
    rows: list[dict[str, Any]] = [
        {"prediction_id": id, "actual_label": f"ü{k}", "labeled_at": NOON + 50 * DAY}
        for k, id in enumerate(made)
    ]
    rows[3] = {**rows[3], "actual_value": -0.1, "source": "a\tb\n"}
    rows[4] = {"prediction_id": str(made[4]), "actual_value": 7}
    rows.append({"request_id": "änfrage 1", "actual_label": "x"})
    before = datetime.now(UTC)
    found = truth.insert_many(rows=iter(rows))
    assert found == Labeled(stored=41, waiting=0, duplicates=0)
    (third,) = truth.list_labels(prediction_id=made[3])
    assert (third.actual_label, third.actual_value, third.source) == ("ü3", -0.1, "a\tb\n")
    assert third.labeled_at == NOON + 50 * DAY
    (fourth,) = truth.list_labels(prediction_id=made[4])
    assert (fourth.actual_label, fourth.actual_value) == (None, 7)
    assert abs(fourth.labeled_at - before) < timedelta(minutes=1)
    assert truth.insert_many(rows=[]) == Labeled(stored=0, waiting=0, duplicates=0)


def test_a_label_of_a_request_is_of_all_its_predictions(
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
) -> None:
    models.insert(model_name="m")
    first = predict(predictions, request_id="r1")
    second = predictions.insert(
        model_name="m", model_version="2", predicted_at=NOON + DAY, request_id="r1"
    )
    other = predict(predictions, request_id="r2")
    found = truth.insert(request_id="r1", actual_label="late", labeled_at=NOON + 2 * DAY)
    assert found == Labeled(stored=2, waiting=0, duplicates=0)
    for id, count in ((first, 1), (second, 1), (other, 0)):
        assert len(truth.list_labels(prediction_id=id)) == count
    again = truth.insert(request_id="r1", actual_label="late", labeled_at=NOON + 2 * DAY)
    assert again == Labeled(stored=0, waiting=0, duplicates=2)


@pytest.mark.parametrize("by", ["prediction_id", "request_id"])
@pytest.mark.parametrize("many", [False, True])
def test_a_label_waits_for_its_prediction(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
    by: str,
    many: bool,
) -> None:
    id, other = new_id(NOON), new_id(NOON)
    target: dict[str, Any] = {"prediction_id": id} if by == "prediction_id" else {"request_id": "r"}
    row = {**target, "actual_label": "late", "labeled_at": NOON + HOUR, "source": "radar"}
    for _ in range(2):
        found = (truth.insert_many(rows=[row]) if many else truth.insert(**row))
        assert found == WAITING
    truth.insert(prediction_id=other, actual_value=1)
    assert labeled(conn) == []
    # The write of the prediction matches it, without anybody asking.
    predictions.insert_many(
        rows=[{"id": id, "predicted_at": NOON, "request_id": "r", "probability": 0.5}],
        model_name="m",
        model_version="1",
    )
    assert labeled(conn) == [(id, "late", None)]
    (stored,) = truth.list_labels(prediction_id=id)
    assert (stored.labeled_at, stored.source, stored.is_waiting) == (NOON + HOUR, "radar", False)
    (waiting,) = truth.list_labels(prediction_id=other)
    assert waiting.is_waiting
    assert (truth.insert_many(rows=[row]) if many else truth.insert(**row)) == DUPLICATE


def test_match_stores_what_waits_for_a_window(
    predictions: PredictionsRepository, truth: GroundTruthRepository
) -> None:
    ids = [new_id(NOON + k * DAY) for k in range(3)]
    for k, id in enumerate(ids):
        truth.insert(prediction_id=id, actual_value=k)
        truth.insert(request_id=f"r{k}", actual_value=k)
    for k, id in enumerate(ids):
        predict(predictions, NOON + k * DAY, id=id)
        predict(predictions, NOON + k * DAY, request_id=f"r{k}")
    assert truth.match(since=NOON - HOUR, until=NOON + HOUR) == 2
    assert truth.match(since=NOON + DAY, until=NOON + DAY + HOUR) == 2
    assert truth.match() == 2
    assert truth.match() == 0


def test_the_latest_label_counts_and_the_older_stay(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    made = predict(predictions)
    for hours, label in ((5, "late"), (9, "ontime"), (7, "cancelled")):
        truth.insert(prediction_id=made, actual_label=label, labeled_at=NOON + hours * HOUR)
    assert labeled(conn) == [(made, "ontime", None)]
    history = truth.list_labels(prediction_id=made)
    assert [label.actual_label for label in history] == ["ontime", "cancelled", "late"]
    row = conn.execute("SELECT label_delay, num_labels FROM v_labeled_predictions").fetchone()
    assert row == (5 * HOUR, 3)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("many", [False, True])
def test_two_labels_of_one_time_must_agree(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    is_there: bool,
    many: bool,
) -> None:
    made = predict(predictions) if is_there else new_id(NOON)
    row = {"prediction_id": made, "actual_label": "late", "labeled_at": NOON + HOUR}
    truth.insert(**row)
    for wrong in ({**row, "actual_label": "ontime"}, {**row, "actual_value": 1}):
        with pytest.raises(Conflict, match="later labeled_at"):
            (truth.insert_many(rows=[wrong]) if many else truth.insert(**wrong))
    other = {**row, "labeled_at": NOON + 2 * HOUR}
    with pytest.raises(Conflict, match="later labeled_at"):
        truth.insert_many(rows=[other, {**other, "actual_value": 1}])
    (label,) = truth.list_labels(prediction_id=made)
    assert label.actual_label == "late"


def test_a_repeated_call_stores_only_what_is_missing(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    made = [predict(predictions, NOON + k * HOUR) for k in range(30)]
    rows = [
        {"prediction_id": id, "actual_label": "late", "labeled_at": NOON + 3 * DAY} for id in made
    ]
    truth.insert_many(rows=rows[:10])
    early = {**rows[0], "prediction_id": new_id(NOON + 2 * DAY)}
    found = truth.insert_many(rows=[*rows, early, rows[29]])
    assert found == Labeled(stored=20, waiting=1, duplicates=11)
    assert len(labeled(conn)) == 30


def test_labels_and_predictions_share_a_transaction(
    db: Database, conn: psycopg.Connection
) -> None:
    with db.transaction() as tx:
        made = predict(PredictionsRepository(tx))
        truth = GroundTruthRepository(tx)
        rows = [{"prediction_id": made, "actual_value": 1}]
        assert truth.insert_many(rows=rows) == STORED
        assert truth.insert(prediction_id=new_id(NOON), actual_value=1) == WAITING
        assert truth.insert_many(rows=[{**rows[0], "actual_value": 2}]) == STORED
        assert labeled(conn) == []
    assert labeled(conn) == [(made, None, 2)]


def test_labels_of_far_apart_days_make_only_their_partitions(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    made = [predict(predictions, at) for at in (datetime(2011, 3, 4, tzinfo=UTC), NOON)]
    truth.insert_many(rows=[{"prediction_id": id, "actual_value": 1} for id in made])
    partitions = conn.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'ground_truth'::regclass ORDER BY 1"
    ).fetchall()
    assert partitions == [("ground_truth_p2011_03_04",), ("ground_truth_p2026_01_01",)]


GOOD = {"prediction_id": new_id(NOON), "actual_label": "late"}


@pytest.mark.parametrize(
    ("field", "changes", "problem"),
    [
        ("prediction_id", {"prediction_id": None}, "either"),
        ("prediction_id", {"request_id": "r"}, "either"),
        ("prediction_id", {"prediction_id": "x"}, "UUID"),
        ("prediction_id", {"prediction_id": UUID(int=2**128 - 1)}, "not the id of a prediction"),
        ("prediction_id", {"prediction_id": UUID(int=0)}, "not the id of a prediction"),
        ("actual_label", {"actual_label": None}, "give an actual_label"),
        ("actual_label", {"actual_label": b"1"}, "must be text"),
        ("actual_label", {"actual_label": "a\0"}, "NUL"),
        ("actual_value", {"actual_value": float("inf")}, "finite"),
        ("actual_label", {"actual_label": float("nan")}, "give an actual_label"),
        ("actual_value", {"actual_value": "1"}, "must be a number"),
        ("labeled_at", {"labeled_at": datetime(2026, 1, 1)}, "time zone"),
        ("labeled_at", {"labeled_at": datetime(9999, 1, 1, tzinfo=UTC)}, "future"),
        ("source", {"source": 5}, "must be text"),
    ],
)
def test_a_bad_label_is_refused_by_its_field(
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
    field: str,
    changes: dict[str, Any],
    problem: str,
) -> None:
    with pytest.raises(InvalidValue, match=problem) as one:
        truth.insert(**{**GOOD, **changes})
    with pytest.raises(InvalidValue, match=problem) as many:
        truth.insert_many(rows=[GOOD, {**GOOD, **changes}])
    place = "" if problem == "future" else "rows[1]."
    assert (one.value.field, many.value.field) == (field, place + field)
    assert conn.execute("SELECT count(*) FROM ground_truth_waiting").fetchone() == (0,)


@pytest.mark.parametrize(
    "missing", [float("nan"), np.float32("nan"), pd.NA, pd.NaT, Decimal("nan")]
)
def test_what_is_missing_is_not_given(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
    missing: Any,
) -> None:
    truths = [{"actual_label": "late", "actual_value": missing}]
    truths += [{"actual_label": missing, "actual_value": 2}]
    others = ("request_id", "labeled_at", "source", "model_name", "model_version")
    for given in truths:
        row = {**dict.fromkeys(others, missing), **given}
        made = [predict(predictions) for _ in range(3)]
        assert truth.insert(prediction_id=made[0], **row) == STORED
        assert truth.insert_many(rows=[{"prediction_id": made[1], **row}]) == STORED
        frame = pd.DataFrame([{"prediction_id": made[2], **row}])
        assert truth.insert_many(rows=frame) == STORED
    assert {row[1:] for row in labeled(conn)} == {("late", None), (None, 2)}


def test_rows_must_be_mappings_of_known_fields(truth: GroundTruthRepository) -> None:
    with pytest.raises(InvalidValue, match=r"^rows\[0\]\.actual: is not a field of a label"):
        truth.insert_many(rows=[{"actual": 1}])
    with pytest.raises(InvalidValue, match=r"^rows\[700\]\.source: must be text"):
        truth.insert_many(rows=[*[GOOD] * 700, {**GOOD, "source": 1}])
    with pytest.raises(InvalidValue, match=r"^rows\[1\]: must be a mapping"):
        truth.insert_many(rows=[GOOD, (uuid4(), "late")])  # type: ignore[list-item]


def test_labels_are_recorded_from_psql(
    predictions: PredictionsRepository, conn: psycopg.Connection
) -> None:
    made = predict(predictions)
    row = conn.execute(
        """SELECT * FROM record_ground_truth(
            format('[{"prediction_id": "%%s", "actual_label": "late"}]', %s::uuid)::jsonb)""",
        [made],
    ).fetchone()
    assert row == (1, 0, 0)
    assert labeled(conn) == [(made, "late", None)]


def test_a_label_that_cannot_be_matched_does_not_stop_predictions(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    id = new_id(NOON)
    truth.insert(prediction_id=id, actual_label="late")
    conn.execute("ALTER TABLE ground_truth ADD CONSTRAINT broken CHECK (actual_label <> 'late')")
    write = {"rows": [{"id": id}], "model_name": "m", "model_version": "1"}
    assert (predictions.insert_many(**write)).stored == 1
    conn.execute("ALTER TABLE ground_truth DROP CONSTRAINT broken")
    assert truth.match() == 1


def test_a_failure_to_match_that_no_retry_mends_is_an_error(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    id = new_id(NOON)
    truth.insert(prediction_id=id, actual_label="late")
    conn.execute("ALTER FUNCTION ledger_store_labels(boolean) RENAME TO gone")
    with pytest.raises(SchemaError, match="a function is missing"):
        predictions.insert_many(rows=[{"id": id}], model_name="m", model_version="1")
    assert conn.execute("SELECT count(*) FROM predictions").fetchone() == (0,)


def test_a_filter_on_time_reads_only_its_partitions(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    for k in range(4):
        made = predict(predictions, NOON + k * DAY)
        truth.insert(prediction_id=made, actual_label="late")
    plan = conn.execute(
        "EXPLAIN SELECT * FROM v_labeled_predictions"
        " WHERE predicted_at >= '2026-01-02Z' AND predicted_at < '2026-01-03Z'"
    ).fetchall()
    read = {f"ground_truth_p2026_01_0{k}" for k in range(1, 5) if f"01_0{k}" in str(plan)}
    assert read == {"ground_truth_p2026_01_02"}


def test_labels_find_predictions_whose_ids_were_made_elsewhere(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection,
) -> None:
    """Such an id tells the millisecond; the rest of the time is in the row alone."""
    elsewhere = [UUID(int=new_id(NOON).int | 0xFFF << 64 | n) for n in (1 << 40, 2 << 40, 3 << 40)]
    early, one, many = elsewhere
    rows = [{"prediction_id": id, "actual_label": "late"} for id in (many, early)]
    rows += [{"prediction_id": predict(predictions), "actual_label": "late"}]
    predict(predictions, id=one)
    predict(predictions, id=many)
    assert truth.insert(prediction_id=one, actual_label="late") == STORED
    assert truth.insert_many(rows=rows) == Labeled(stored=2, waiting=1, duplicates=0)
    predict(predictions, id=early)
    assert truth.match() == 1
    assert {id for id, *_ in labeled(conn)} == {*elsewhere, rows[-1]["prediction_id"]}
    found = predictions.get(id=many)
    assert found is not None
    assert found.predicted_at == NOON
    assert [label.actual_label for label in truth.list_labels(prediction_id=many)] == ["late"]
