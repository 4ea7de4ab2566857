"""Storing predictions one by one and many at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from psycopg.rows import dict_row

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    id_for,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, LedgerError, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ["hour", "distance", "delay"]
ONE = {"model_name": "m", "model_version": "1"}

EVERYTHING: dict[str, Any] = {
    "request_id": "r-1",
    "batch_id": "b-1",
    "inputs": {"carrier": "AA", "text": "naïve \u2603"},
    "prediction": 17.5,
    "predicted_label": "late ☃",
    "probability": 0.83,
    "confidence_lower": 10.0,
    "confidence_upper": 20.5,
    "latency_ms": 3.25,
    "status": "error",
    "error_message": "too late",
    "cache_hit": True,
    "user_agent": "curl/8",
    "client_ip": "2001:db8::1",
    "metadata": {"trace": [1, 2.5, None]},
    "predicted_at": NOON + timedelta(microseconds=123_457),
}

REFUSED = [
    ("probability", 1.2, "probability"),
    ("probability", -0.1, "probability"),
    ("probability", float("inf"), "probability"),
    ("probability", "0.5", "probability"),
    ("probability", True, "probability"),
    ("prediction", "late", "prediction"),
    ("latency_ms", -1, "latency_ms"),
    ("latency_ms", float("inf"), "latency_ms"),
    ("confidence_lower", 30, "confidence_lower"),
    ("status", "failed", "status"),
    ("status", 1, "status"),
    ("predicted_label", [3], "predicted_label"),
    ("predicted_label", "a\0b", "predicted_label"),
    ("predicted_label", "\ud800", "predicted_label"),
    ("request_id", "x" * 1_000_001, "request_id"),
    ("cache_hit", 1, "cache_hit"),
    ("client_ip", "unknown", "client_ip"),
    ("client_ip", "fe80::1%eth0", "client_ip"),
    ("inputs", {"a": float("inf")}, "inputs.a"),
    ("prediction", 1.7976931348623157e308, "prediction"),
    ("inputs", {"text": "x" * 50_000_000}, "inputs.text"),
    ("metadata", {1: 2}, "metadata"),
    ("predicted_at", datetime(2026, 1, 1), "predicted_at"),
    ("predicted_at", datetime(9999, 12, 31, tzinfo=UTC), "predicted_at"),
    ("predicted_at", datetime(1999, 12, 31, tzinfo=UTC), "predicted_at"),
    ("predicted_at", datetime.now(UTC) + timedelta(hours=12), "predicted_at"),
    ("predicted_at", "2026-01-01T12:00:00", "predicted_at"),
    ("id", "not an id", "id"),
    ("id", new_id(), "id"),
    ("id", new_id(NOON - timedelta(milliseconds=1)), "id"),
    ("features", {"hour": 1, "distance": 2}, "features.delay"),
    ("features", {"hour": 1, "distance": 2, "late": 3}, "features.late"),
    ("features", {"hour": 1, "distance": 2, "delay": 3, "late": 3}, "features.late"),
    ("features", {"hour": 1, "distance": "far", "delay": 3}, "features.distance"),
    ("features", [1, 2], "features"),
    ("features", [1, 2, "3"], "features[2]"),
    ("features", [1, 2, 10**400], "features[2]"),
    ("features", "123", "features"),
]


@pytest.fixture(autouse=True)
async def registered(models: AsyncModelVersionRepository) -> None:
    """Version 1 of m takes three features, version 1 of `free` names none."""
    await models.insert(model_name="m", feature_names=NAMES)
    await models.insert(model_name="free")


@pytest.fixture(params=["insert", "insert_many"])
def store(request: pytest.FixtureRequest, predictions: AsyncPredictionsRepository) -> Any:
    """One way to store a row."""
    if request.param == "insert":
        return predictions.insert

    async def store_one(**row: Any) -> None:
        await predictions.insert_many(rows=[row])

    return store_one


def stored(conn: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    cursor = conn.cursor(row_factory=dict_row)
    return cursor.execute("SELECT * FROM v_predictions ORDER BY id").fetchall()


async def test_every_field_is_kept(store: Any, conn: psycopg.Connection[Any]) -> None:
    given = new_id(EVERYTHING["predicted_at"])
    features = {"delay": -3, "hour": 7.5, "distance": Decimal("1e3")}
    await store(**ONE, **EVERYTHING, features=features, id=given)
    [row] = stored(conn)
    expected = {**EVERYTHING, **ONE, "id": given, "client_ip": ip_address("2001:db8::1")}
    assert {name: row[name] for name in expected} == expected
    assert row["features"] == {"hour": 7.5, "distance": 1000, "delay": -3}


async def test_nothing_but_the_version_is_needed(store: Any, conn: psycopg.Connection[Any]) -> None:
    began = datetime.now(UTC)
    await store(**ONE)
    [row] = stored(conn)
    assert began <= row["predicted_at"] <= datetime.now(UTC)
    assert row["status"] == "success"
    assert {name for name, value in row.items() if value is not None} == {
        *("id", "predicted_at", "model_name", "model_version", "model_version_id", "status")
    }


async def test_the_time_of_an_id_is_that_of_its_prediction(
    store: Any, conn: psycopg.Connection[Any]
) -> None:
    given = new_id(NOON)
    await store(**ONE, id=given)
    await store(**ONE, predicted_at=NOON + timedelta(seconds=1))
    first, second = stored(conn)
    assert (first["id"], first["predicted_at"]) == (given, NOON)
    assert second["id"].int >> 80 == (given.int >> 80) + 1000
    assert second["id"].version == 7


@pytest.mark.parametrize(
    "features",
    [
        [1.5, float("nan"), float("-inf")],
        (1.5, float("nan"), float("-inf")),
        np.array([1.5, np.nan, -np.inf]),
        {"delay": float("-inf"), "hour": np.float32(1.5), "distance": np.float64("nan")},
    ],
)
async def test_features_may_be_nan_or_infinite(
    store: Any, conn: psycopg.Connection[Any], features: Any
) -> None:
    await store(**ONE, features=features)
    [row] = stored(conn)
    assert row["features"] == {"hour": 1.5, "distance": "NaN", "delay": "-Infinity"}


async def test_a_feature_may_be_missing_by_name_only(
    store: Any, conn: psycopg.Connection[Any]
) -> None:
    await store(**ONE, features=[1, None, True])
    assert stored(conn)[0]["features"] == {"hour": 1, "distance": None, "delay": 1}


@pytest.mark.parametrize("missing", [pd.NA, pd.NaT, np.datetime64("NaT")])
async def test_what_pandas_has_for_a_missing_feature_or_time_is_missing(
    store: Any, conn: psycopg.Connection[Any], missing: Any
) -> None:
    began = datetime.now(UTC)
    for features in ([1, missing, True], {"delay": 1, "hour": 1, "distance": missing}):
        await store(**ONE, features=features, predicted_at=missing)
    for row in stored(conn):
        assert row["features"] == {"hour": 1, "distance": None, "delay": 1}
        assert row["predicted_at"] >= began


async def test_a_version_without_names_keeps_features_as_they_come(
    store: Any, conn: psycopg.Connection[Any]
) -> None:
    free = {"model_name": "free", "model_version": "1"}
    await store(**free, features={"hour": 7, "carrier": "AA"}, inputs={"text": "x"})
    await store(**free, features=[1, 2])
    await store(**free, features=[])
    named, ordered, none = stored(conn)
    assert named["features"] is None
    assert named["inputs"] == {"hour": 7, "carrier": "AA", "text": "x"}
    assert ordered["features"] == {"1": 1, "2": 2}
    assert none["features"] is None
    with pytest.raises(InvalidValue, match=r"inputs\.hour"):
        await store(**free, features={"hour": 7}, inputs={"hour": 8})


@pytest.mark.parametrize(("field", "value", "named"), REFUSED)
async def test_a_refused_value_is_named(
    store: Any, conn: psycopg.Connection[Any], field: str, value: Any, named: str
) -> None:
    row = {**ONE, "predicted_at": NOON, "confidence_upper": 20, field: value}
    with pytest.raises(InvalidValue) as refusal:
        await store(**row)
    assert refusal.value.field.removeprefix("rows[0].") == named
    assert stored(conn) == []


@pytest.mark.parametrize("end", ["confidence_lower", "confidence_upper"])
async def test_an_interval_may_have_one_end(
    store: Any, conn: psycopg.Connection[Any], end: str
) -> None:
    await store(**ONE, predicted_at=NOON, **{end: 20.0})
    [row] = stored(conn)
    assert row[end] == 20


async def test_an_unknown_version_is_not_found(store: Any) -> None:
    for name, version in (("m", "2"), ("unknown", "1")):
        with pytest.raises(NotFound, match="has no version"):
            await store(model_name=name, model_version=version)


async def test_numpy_scalars_are_numbers(store: Any, conn: psycopg.Connection[Any]) -> None:
    await store(**ONE, probability=np.float64(0.5), prediction=np.int64(3), cache_hit=np.True_)
    [row] = stored(conn)
    assert (row["probability"], row["prediction"], row["cache_hit"]) == (0.5, 3.0, True)


async def test_the_same_id_again_is_stored_once_and_marked_again(
    predictions: AsyncPredictionsRepository,
    models: AsyncModelVersionRepository,
    conn: psycopg.Connection[Any],
) -> None:
    given = new_id()
    for _ in range(2):
        # A coordinator of Citus that dies may leave what its worker has stored without a mark.
        conn.execute("DELETE FROM summary_marks")
        assert await predictions.insert(**ONE, id=given, probability=0.5) == given
    assert conn.execute("SELECT count(*) FROM summary_marks").fetchone() == (1,)
    await models.insert(model_name="m", feature_names=NAMES)
    with pytest.raises(Conflict, match="another version"):
        await predictions.insert(model_name="m", model_version="2", id=given)
    assert len(stored(conn)) == 1


async def test_a_key_has_one_id_at_a_timestamp(
    predictions: AsyncPredictionsRepository,
) -> None:
    keys = [("r-1", NOON), ("r-2", NOON), ("r-1", NOON + DAY)]
    rows = [{"id": id_for(key, at), "predicted_at": at} for key, at in keys]
    assert (await predictions.insert_many(rows=rows, **ONE)).stored == 3
    again = [{"id": id_for(key, at), "predicted_at": at} for key, at in keys]
    assert (await predictions.insert_many(rows=again, **ONE)).duplicates == 3


async def test_many_rows_may_be_of_several_versions_and_days(
    predictions: AsyncPredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    rows = [
        {
            "model_name": "m" if number % 3 else "free",
            "predicted_at": NOON + number * DAY / 100,
            "prediction": number,
        }
        for number in range(3000)
    ]
    written = await predictions.insert_many(rows=iter(rows), model_version="1")
    assert (written.stored, written.duplicates) == (3000, 0)
    found = stored(conn)
    assert [row["prediction"] for row in found] == list(range(3000))
    assert [row["model_name"] for row in found] == [row["model_name"] for row in rows]
    batches = conn.execute(
        "SELECT num_predictions, first_predicted_at, last_predicted_at FROM prediction_batches"
        " ORDER BY 1"
    ).fetchall()
    assert batches == [
        (1000, NOON, NOON + 29.97 * DAY),
        (2000, NOON + DAY / 100, NOON + 29.99 * DAY),
    ]


async def test_no_rows_are_no_write(
    predictions: AsyncPredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    assert (await predictions.insert_many(rows=[], **ONE)).stored == 0
    assert conn.execute("SELECT count(*) FROM prediction_batches").fetchone() == (0,)


async def test_what_would_be_refused_is_told_row_by_row(
    predictions: AsyncPredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    rows: list[Any] = [{**ONE, "probability": 0.5, "features": [1.0, 2.0, 3.0]} for _ in range(9)]
    rows[2] = {**ONE, "probability": 1.2}
    rows[5] = {**ONE, "features": [1.0]}
    rows[7] = None
    found = await predictions.refusals(rows=rows)
    assert {place: str(error) for place, error in found.items()} == {
        2: "probability: must be between 0 and 1",
        5: "features: must be 3 numbers, not 1",
        7: "row: must be a mapping of fields, not NoneType",
    }
    with pytest.raises(NotFound):
        await predictions.refusals(rows=[{**ONE, "model_version": "9"}])
    assert stored(conn) == []


@pytest.mark.parametrize("size", [20, 4000])
async def test_one_refused_row_refuses_the_write(
    predictions: AsyncPredictionsRepository, conn: psycopg.Connection[Any], size: int
) -> None:
    rows: list[Any] = [{"probability": 0.5} for _ in range(size)]
    rows[-3] = {"probability": 1.2}
    with pytest.raises(InvalidValue) as refusal:
        await predictions.insert_many(rows=rows, **ONE)
    assert refusal.value.field == f"rows[{size - 3}].probability"
    rows[-3] = {"probabilty": 0.2}
    with pytest.raises(InvalidValue, match=r"rows\[\d+\]\.probabilty: is not a field"):
        await predictions.insert_many(rows=rows, **ONE)
    for wrong in (None, "row", 3):
        rows[-3] = wrong
        with pytest.raises(InvalidValue, match=r"rows\[\d+\]: must be a mapping"):
            await predictions.insert_many(rows=rows, **ONE)
    assert stored(conn) == []
    assert conn.execute("SELECT count(*) FROM prediction_batches").fetchone() == (0,)


async def test_rows_need_a_model_and_a_version(predictions: AsyncPredictionsRepository) -> None:
    for field in ONE:
        with pytest.raises(InvalidValue, match=field):
            await predictions.insert_many(rows=[{**ONE, field: None}])
        with pytest.raises(InvalidValue, match=field):
            await predictions.insert_many(rows=[{**ONE, field: []}])


async def test_a_repeated_write_stores_nothing_twice(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    conn: psycopg.Connection[Any],
) -> None:
    await models.insert(model_name="other", model_version="1")
    rows = [
        {"prediction": number, "model_name": name} for number in (1, 2) for name in ("m", "free")
    ]
    write = {"rows": rows, "model_version": "1", "idempotency_key": new_id()}
    assert (await predictions.insert_many(**write)).stored == 4
    again = await predictions.insert_many(**write)
    assert (again.stored, again.duplicates) == (0, 4)
    assert len(stored(conn)) == 4
    of_m = [row for row in rows if row["model_name"] == "m"]
    others = [rows[:3], of_m * 2, of_m, [{**row, "model_name": "other"} for row in of_m]]
    for other in others:
        with pytest.raises(Conflict, match="idempotency_key"):
            await predictions.insert_many(**{**write, "rows": other})
    assert len(stored(conn)) == 4
    # Nor is a write of two versions the one of which its key names a part.
    write["idempotency_key"] = new_id()
    await predictions.insert_many(**{**write, "rows": of_m})
    with pytest.raises(Conflict, match="idempotency_key"):
        await predictions.insert_many(**write)
    assert len(stored(conn)) == 6


async def test_rows_that_are_there_already_are_counted_as_duplicates(
    predictions: AsyncPredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    rows = [{"id": new_id(NOON + number * DAY), "prediction": number} for number in range(10)]
    await predictions.insert_many(rows=rows[:4], **ONE)
    for chosen, expected in ((rows[2:8], (4, 2)), (rows + rows, (2, 18)), (rows, (0, 10))):
        written = await predictions.insert_many(rows=chosen, **ONE)
        assert (written.stored, written.duplicates) == expected
    assert [row["prediction"] for row in stored(conn)] == list(range(10))


async def test_a_write_belongs_to_the_callers_transaction(
    db: AsyncDatabase, conn: psycopg.Connection[Any]
) -> None:
    known = new_id(NOON)
    with pytest.raises(LedgerError, match="undone"):
        async with db.transaction() as tx:
            predictions = AsyncPredictionsRepository(tx)
            # Partitions that are missing and ids that are there leave the transaction usable.
            await predictions.insert(**ONE, predicted_at=NOON - DAY)
            await predictions.insert_many(rows=[{"id": known}], **ONE)
            for _ in range(2):
                written = await predictions.insert_many(rows=[{"id": known}, {}], **ONE)
                assert (written.stored, written.duplicates) == (1, 1)
            with pytest.raises(InvalidValue):
                await predictions.insert_many(rows=[{"probability": 2}], **ONE)
            await predictions.insert(**ONE)
            raise LedgerError("undone")
    assert stored(conn) == []
