# Generated from tests/_async/test_prediction_columns.py by tools/unasync.py: edit that file, then run `make sync`.
"""Storing predictions by the column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

from mlops_ledger import ModelVersionRepository, PredictionsRepository, new_id
from mlops_ledger.errors import InvalidValue, NotFound
from mlops_ledger.ids import time_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
ONE = {"model_name": "m", "model_version": "1"}
SIZE = 5000


@pytest.fixture(autouse=True)
def registered(models: ModelVersionRepository) -> None:
    """A version that takes two features, and one that names none."""
    models.insert(model_name="m", feature_names=["hour", "distance"])
    models.insert(model_name="free")


def rows_of(size: int) -> list[dict[str, Any]]:
    texts = ["late", "on time", None, "☃" * 40, "", "late"]
    return [
        {
            "id": new_id(NOON + number * HOUR / 100),
            "predicted_at": NOON + number * HOUR / 100,
            "features": [number / 3, float("nan") if number % 5 else float("inf")],
            "probability": number / size,
            "prediction": float(-number),
            "confidence_lower": 1.0 if number % 4 else None,
            "predicted_label": texts[number % 6],
            "request_id": f"r{number}",
            "cache_hit": (True, False, None)[number % 3],
            "client_ip": ("10.0.0.1", None)[number % 2],
            "inputs": {"text": "x" * (number % 3)} if number % 3 else None,
            "status": ("success", "error")[number % 7 == 0],
        }
        for number in range(size)
    ]


def as_columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    columns["features"] = np.array(columns["features"])
    columns["probability"] = np.array(columns["probability"])
    columns["prediction"] = np.array(columns["prediction"], np.float32)
    columns["predicted_at"] = np.array(
        [at.replace(tzinfo=None) for at in columns["predicted_at"]], "M8[us]"
    )
    return columns


def stored(conn: psycopg.Connection[Any], model_version: str = "1") -> list[dict[str, Any]]:
    cursor = conn.cursor(row_factory=dict_row)
    found = cursor.execute("SELECT * FROM predictions ORDER BY id").fetchall()
    # NaN is not equal to itself.
    return [{name: repr(value) for name, value in row.items()} for row in found]


def test_columns_store_what_rows_store(
    predictions: PredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    rows = rows_of(SIZE)
    predictions.insert_many(rows=rows, **ONE)
    expected = stored(conn)
    conn.execute("TRUNCATE predictions")
    written = predictions.insert_columns(columns=as_columns(rows), **ONE)
    assert (written.stored, written.duplicates) == (SIZE, 0)
    assert stored(conn) == expected


@pytest.mark.not_distributed("rows of several shards have no physical order")
@pytest.mark.parametrize("by", ["columns", "rows"])
def test_new_ids_and_rows_keep_the_order_they_were_given_in(
    predictions: PredictionsRepository, conn: psycopg.Connection[Any], by: str
) -> None:
    # In any other order they would split the pages of the primary key.
    numbers, labels = list(range(2000)), ["late", "on time"] * 1000
    if by == "columns":
        columns = {"prediction": numbers, "predicted_label": labels, "predicted_at": NOON}
        predictions.insert_columns(columns=columns, **ONE)
    else:
        rows = [
            {"prediction": number, "predicted_label": label, "predicted_at": NOON}
            for number, label in zip(numbers, labels, strict=True)
        ]
        predictions.insert_many(rows=rows, **ONE)
    found = conn.execute("SELECT prediction, id FROM predictions ORDER BY ctid").fetchall()
    assert [number for number, _ in found] == numbers
    ids = [id for _, id in found]
    assert sorted(ids) == ids
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}
    assert {time_of(id) for id in ids} == {NOON}


def test_columns_may_be_scalars_and_features_a_table(
    predictions: PredictionsRepository,
) -> None:
    predictions.insert_columns(
        columns={
            "features": {"distance": np.array([1, 2]), "hour": [3.0, 4.0]},
            "predicted_at": NOON,
            "predicted_label": "late",
            "latency_ms": 2,
        },
        **ONE,
    )
    second, first = predictions.list_predictions()
    assert sorted([first.feature_values, second.feature_values]) == [[3, 1], [4, 2]]
    assert {first.predicted_at, second.predicted_at} == {NOON}
    assert (first.predicted_label, first.latency_ms, first.id.version) == ("late", 2, 7)
    assert (predictions.get(id=first.id)) == first


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables_are_columns(
    predictions: PredictionsRepository, library: str, zone: str
) -> None:
    module = pytest.importorskip(library)
    make = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}[library]
    data = {
        "predicted_at": [(NOON + n * HOUR).astimezone(ZoneInfo(zone)) for n in range(3)],
        "probability": [0.25, 0.5, None],
        "predicted_label": ["late", None, "late"],
        "latency_ms": [1, 2, 3],
    }
    table = getattr(module, make)(data)
    assert (predictions.insert_columns(columns=table, **ONE)).stored == 3
    found = predictions.list_predictions()
    for name, values in data.items():
        assert [getattr(row, name) for row in reversed(found)] == values
    features = getattr(module, make)({"distance": [1.0, 2.0], "hour": [3, 4]})
    predictions.insert_columns(columns={"features": features, "status": "success"}, **ONE)
    assert (predictions.recent(limit=1))[0].feature_values in ([3, 1], [4, 2])


def test_a_repeated_write_stores_nothing_twice(
    predictions: PredictionsRepository,
) -> None:
    columns = as_columns(rows_of(20))
    write = {**ONE, "columns": columns, "idempotency_key": new_id()}
    assert (predictions.insert_columns(**write)).stored == 20
    assert (predictions.insert_columns(**write)).duplicates == 20
    again = predictions.insert_columns(columns=columns, **ONE)
    assert (again.stored, again.duplicates) == (0, 20)
    assert (predictions.insert_columns(columns={"probability": []}, **ONE)).stored == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"probability": np.array([0.5, 1.2])}, "columns.probability"),
        ({"probability": np.array(["a", "b"])}, "columns.probability"),
        ({"probability": [0.5, "a"]}, "columns.probability"),
        ({"probability": np.array([0.5])}, "columns"),
        ({"prediction": np.array([0.5, np.inf])}, "columns.prediction"),
        ({"confidence_upper": np.array([2.0, 0.5])}, "confidence_lower"),
        ({"predicted_label": ["late", b"3"]}, "columns.predicted_label"),
        ({"predicted_label": ["late", "a\0"]}, "columns.predicted_label"),
        ({"status": ["success", "failed"]}, "status"),
        ({"features": np.ones((2, 3))}, "columns.features"),
        ({"features": np.ones(2)}, "columns.features"),
        ({"features": {"hour": [1, 2]}}, "features.distance"),
        ({"features": {"hour": [1, 2], "distance": ["a", "b"]}}, "columns.features.distance"),
        ({"predicted_at": np.array(["9999-01-01"] * 2, "M8[us]")}, "columns.predicted_at"),
        ({"predicted_at": np.array(["1999-12-31"] * 2, "M8[us]")}, "columns.predicted_at"),
        ({"predicted_at": [NOON, NOON.replace(tzinfo=None)]}, "columns.predicted_at"),
        ({"id": [new_id(NOON), new_id()], "predicted_at": NOON}, "columns.id"),
        ({"id": [new_id(NOON), new_id(NOON - MILLISECOND)], "predicted_at": NOON}, "columns.id"),
        ({"id": ["1", "2"], "predicted_at": NOON}, "columns.id"),
        ({"probabilty": [1, 2]}, "columns.probabilty"),
        ({"predicted_label": {"late", "on time"}}, "columns.predicted_label"),
        ({"prediction": frozenset((1.0, 2.0))}, "columns.prediction"),
        ({"id": {new_id(NOON), new_id(NOON)}, "predicted_at": NOON}, "columns.id"),
        ({"features": {"hour": {1, 2}, "distance": [1, 2]}}, "columns.features.hour"),
    ],
)
def test_what_is_refused_is_named(
    predictions: PredictionsRepository, changes: dict[str, Any], field: str
) -> None:
    columns = {"latency_ms": [1, 2], "confidence_lower": np.array([1.0, 1.0]), **changes}
    with pytest.raises(InvalidValue) as refusal:
        predictions.insert_columns(columns=columns, **ONE)
    assert refusal.value.field.removeprefix("columns.") == field.removeprefix("columns.")
    assert (predictions.stats()).count == 0


def test_the_keys_of_a_dictionary_have_an_order(
    predictions: PredictionsRepository,
) -> None:
    given = {"b": 1.0, "a": 2.0}
    columns = {"request_id": given.keys(), "prediction": given.values()}
    predictions.insert_columns(columns=columns, **ONE)
    stored = predictions.list_predictions()
    assert {row.request_id: row.prediction for row in stored} == given


def test_rows_in_no_order_are_refused(predictions: PredictionsRepository) -> None:
    for rows in (set(), frozenset("ab")):
        with pytest.raises(InvalidValue, match="rows: must be in an order"):
            predictions.insert_many(rows=rows, **ONE)


def test_a_lazy_table_is_to_be_collected(predictions: PredictionsRepository) -> None:
    polars = pytest.importorskip("polars")
    lazy = polars.LazyFrame({"hour": [1.0], "distance": [2.0]})
    for columns in (lazy, {"prediction": [1.0], "features": lazy}):
        with pytest.raises(InvalidValue, match=r"not computed yet: collect\(\) it first"):
            predictions.insert_columns(columns=columns, **ONE)
    with pytest.raises(InvalidValue, match=r"rows: is a LazyFrame, not computed yet"):
        predictions.insert_many(rows=lazy, **ONE)


def test_a_table_without_zone_is_refused(predictions: PredictionsRepository) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"predicted_at": [NOON.replace(tzinfo=None)]})
    with pytest.raises(InvalidValue, match="time zone"):
        predictions.insert_columns(columns=table, **ONE)
    for wrong in (None, 3, [1, 2]):
        with pytest.raises(InvalidValue, match="columns"):
            predictions.insert_columns(columns=wrong, **ONE)
    with pytest.raises(NotFound):
        predictions.insert_columns(
            columns={"prediction": [1]}, model_name="m", model_version="9"
        )


NUMBERS = ("probability", "prediction", "confidence_lower", "confidence_upper")


@pytest.mark.parametrize("way", ["insert", "insert_many", "lists", "arrays", "tables"])
def test_no_number_is_a_negative_zero_whichever_way_it_comes(
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    conn: psycopg.Connection[Any],
    way: str,
) -> None:
    models.insert(model_name="zero", class_names=["a", "b"])
    version = {"model_name": "zero", "model_version": "1"}
    row: dict[str, Any] = {
        **dict.fromkeys([*NUMBERS, "predicted_label"], -0.0),
        "class_probabilities": [-0.0, 1.0],
    }
    if way == "insert":
        predictions.insert(**version, **row)
    elif way == "insert_many":
        predictions.insert_many(**version, rows=[row])
    else:
        columns: dict[str, Any] = {name: [value] * 2 for name, value in row.items()}
        if way != "lists":
            columns = {name: np.array(value) for name, value in columns.items()}
        if way == "tables":
            shares = columns["class_probabilities"]
            columns["class_probabilities"] = {"a": shares[:, 0], "b": shares[:, 1]}
        predictions.insert_columns(columns=columns, **version)
    found = conn.execute("SELECT * FROM v_prediction_log")
    found.row_factory = dict_row
    for each in found.fetchall():
        assert each["predicted_label"] == "0"
        assert [str(each[name]) for name in NUMBERS] == ["0.0"] * len(NUMBERS)
        assert str(each["class_probabilities"]) == "[0.0, 1.0]"


@pytest.mark.parametrize("missing", [None, float("nan"), np.datetime64("NaT")], ids=repr)
@pytest.mark.parametrize("column", [list, lambda items: np.array(items, object)])
def test_a_missing_time_is_now_or_that_of_the_id(
    predictions: PredictionsRepository,
    conn: psycopg.Connection[Any],
    missing: Any,
    column: Any,
) -> None:
    began = datetime.now(UTC)
    for times in (
        column([NOON, missing]),
        missing,
        np.array(["2026-01-01T12:00", "NaT"], "M8[us]"),
    ):
        predictions.insert_columns(
            columns={"predicted_at": times, "probability": [0.25, 0.5]}, **ONE
        )
    ids = [new_id(NOON), new_id(NOON + HOUR)]
    for columns in ({"predicted_at": column([NOON, missing]), "id": ids}, {"id": ids}):
        predictions.insert_columns(columns=columns, **ONE)
    times = [at for (at,) in conn.execute("SELECT predicted_at FROM predictions ORDER BY id")]
    assert times[:4] == [NOON, NOON, NOON, NOON + HOUR]
    assert len(times) == 8
    assert all(began <= at <= datetime.now(UTC) for at in times[4:])


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda share: np.array(share, object)])
def test_probabilities_of_classes_come_by_name_in_any_order(
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    conn: psycopg.Connection[Any],
    kind: Any,
) -> None:
    models.insert(model_name="named", class_names=["a", "b", "c"])
    version = {"model_name": "named", "model_version": "1"}
    shares = {"c": kind([0.5, 0.25]), "a": kind([0.5, 0.25]), "b": kind([0.0, 0.5])}
    predictions.insert_columns(columns={"class_probabilities": shares}, **version)
    one = {"c": 0.2, "a": 0.7, "b": 0.1}
    predictions.insert(class_probabilities=one, **version)
    predictions.insert_many(rows=[{"class_probabilities": one}], **version)
    found = conn.execute("SELECT class_probabilities FROM v_prediction_log ORDER BY id").fetchall()
    by_name = ([0.7, 0.1, 0.2],)
    assert found == [([0.5, 0.0, 0.5],), ([0.25, 0.5, 0.25],), by_name, by_name]


@pytest.mark.parametrize(
    ("shares", "field"),
    [
        ({"a": [0.5, 1.5], "b": [0.5, 0.5]}, "class_probabilities: must be between 0 and 1"),
        ({"a": [0.5, None], "b": [0.5, 0.5]}, "class_probabilities"),
        ({"a": [0.5, "x"], "b": [0.5, 0.5]}, r"class_probabilities\.a"),
        ({"a": [0.5, 0.5]}, "class_probabilities: must have exactly the classes"),
        ({"a": [0.5, 0.5], "x": [0.5, 0.5]}, "class_probabilities: must have exactly the classes"),
    ],
)
def test_probabilities_by_name_that_are_wrong_are_refused(
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    shares: dict[str, list[Any]],
    field: str,
) -> None:
    models.insert(model_name="named", class_names=["a", "b"])
    columns = {"class_probabilities": shares, "prediction": [1.0, 2.0]}
    with pytest.raises(InvalidValue, match=rf"^columns\.{field}"):
        predictions.insert_columns(columns=columns, model_name="named", model_version="1")
