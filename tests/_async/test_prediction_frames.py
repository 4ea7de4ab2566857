"""Reading predictions into tables."""

from __future__ import annotations

import math
from asyncio import sleep
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.errors import InvalidValue, LedgerError, TimedOut

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("adbc_driver_postgresql")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = {"model_name": "m", "model_version": "1"}


@pytest.fixture(autouse=True)
async def stored(
    models: AsyncModelVersionRepository, predictions: AsyncPredictionsRepository
) -> list[dict[str, Any]]:
    """Two days of predictions of two models."""
    await models.insert(model_name="m", feature_names=["hour", "distance"])
    await models.insert(model_name="other")
    rows = [
        {
            "id": new_id(NOON + number * HOUR),
            "predicted_at": NOON + number * HOUR,
            "model_name": "m" if number % 2 else "other",
            "features": [number, math.nan],
            "probability": number / 48 if number % 3 else None,
            "predicted_label": "låte" if number % 5 else None,
            "inputs": {"carrier": "AA"},
            "client_ip": "10.0.0.1",
        }
        for number in range(48)
    ]
    await predictions.insert_many(rows=rows, model_version="1")
    return rows


async def test_a_table_holds_what_was_stored(
    predictions: AsyncPredictionsRepository, stored: list[dict[str, Any]]
) -> None:
    table = await predictions.fetch_arrow(
        model_name="m", since=NOON + 10 * HOUR, until=NOON + 40 * HOUR
    )
    rows = [row for row in stored[10:40] if row["model_name"] == "m"]
    found = sorted(table.to_pylist(), key=lambda row: row["predicted_at"])
    for name in ("predicted_at", "model_name", "probability", "predicted_label", "client_ip"):
        assert [row[name] for row in found] == [row[name] for row in rows]
    assert [row["feature_values"][0] for row in found] == [row["features"][0] for row in rows]
    assert all(math.isnan(row["feature_values"][1]) for row in found)
    assert {row["inputs"] for row in found} == {'{"carrier": "AA"}'}
    assert table.schema.field("predicted_at").type == pyarrow.timestamp("us", tz="UTC")


async def test_the_probabilities_of_all_classes_are_in_tables(
    models: AsyncModelVersionRepository, predictions: AsyncPredictionsRepository
) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pandas")
    await models.insert(model_name="classes", model_version="1", class_names=["a", "b", "c"])
    chances = [0.25, 0.25, 0.5]
    await predictions.insert(model_name="classes", model_version="1", class_probabilities=chances)
    table = await predictions.fetch_arrow(model_name="classes")
    assert table["class_probabilities"].to_pylist() == [chances]
    polars = await predictions.fetch_polars(model_name="classes")
    assert polars["class_probabilities"].to_list() == [chances]
    pandas = await predictions.fetch_pandas(model_name="classes")
    assert list(pandas["class_probabilities"][0]) == chances


async def test_columns_can_be_chosen(predictions: AsyncPredictionsRepository) -> None:
    table = await predictions.fetch_arrow(columns=["probability", "id"])
    assert (table.column_names, table.num_rows) == (["probability", "id"], 48)
    assert (await predictions.fetch_arrow(model_name="unknown")).num_rows == 0
    for wrong in (["probabilty"], [], ["id; DROP TABLE predictions"]):
        with pytest.raises(InvalidValue, match="columns"):
            await predictions.fetch_arrow(columns=wrong)


async def test_data_frames_are_the_same_table(predictions: AsyncPredictionsRepository) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pandas")
    columns = ["predicted_at", "probability"]
    polars = await predictions.fetch_polars(columns=columns)
    pandas = await predictions.fetch_pandas(columns=columns)
    assert polars["probability"].sum() == pytest.approx(pandas["probability"].sum())
    there = [at.to_pydatetime() for at in pandas["predicted_at"]]
    assert sorted(polars["predicted_at"]) == sorted(there)


async def test_what_goes_wrong_is_a_ledger_error(db: AsyncDatabase, dsn: str) -> None:
    async with db.transaction() as tx:
        with pytest.raises(LedgerError, match="outside of transactions"):
            await AsyncPredictionsRepository(tx).fetch_arrow()
        async with tx.connection() as connection:
            await connection.execute("LOCK TABLE predictions")
        async with AsyncDatabase(Settings(conninfo=dsn, statement_timeout=0.3)) as impatient:
            with pytest.raises(TimedOut):
                await AsyncPredictionsRepository(impatient).fetch_arrow()


async def test_a_window_is_read_batch_by_batch(
    predictions: AsyncPredictionsRepository, stored: list[dict[str, Any]]
) -> None:
    window: dict[str, Any] = {"since": NOON, "until": NOON + 40 * HOUR}
    batches = [each async for each in predictions.iter_batches(**window)]
    whole = await predictions.fetch_arrow(**window)
    names = ["predicted_at", "model_name", "probability", "predicted_label"]
    found, expected = (
        table.select(names).sort_by("predicted_at").to_pylist()
        for table in (pyarrow.Table.from_batches(batches), whole)
    )
    assert found == expected
    narrow = predictions.iter_batches(**window, columns=["id"])
    assert sum([len(each) async for each in narrow]) == 40
    with pytest.raises(InvalidValue, match="columns"):
        [each async for each in predictions.iter_batches(columns=["nothing"])]
    assert [each async for each in predictions.iter_batches(until=NOON)] == []


async def test_a_stream_keeps_few_batches_in_memory(
    predictions: AsyncPredictionsRepository,
) -> None:
    size = 30_000
    columns = {"predicted_at": [NOON] * size, "inputs": {"text": "x" * 1000}}
    await predictions.insert_columns(columns=columns, **ONE)
    rows, sizes = 0, []
    async for batch in predictions.iter_batches(since=NOON, until=NOON + HOUR):
        rows += len(batch)
        sizes.append(batch.nbytes)
    assert rows == size + 1
    assert len(sizes) > 1
    # One batch is at most a sixteenth of a gigabyte, whatever the window.
    assert max(sizes) < 2**26


async def test_a_stream_takes_as_long_as_its_reader(
    predictions: AsyncPredictionsRepository, dsn: str
) -> None:
    # More than the buffers between server and reader hold.
    rows = 100_000
    columns = {"request_id": ["r" * 200] * rows, "probability": [0.5] * rows}
    await predictions.insert_columns(columns=columns, **ONE)
    settings = Settings(conninfo=dsn, statement_timeout=2)
    async with AsyncDatabase(settings) as db:
        found = 0
        async for batch in AsyncPredictionsRepository(db).iter_batches(**ONE):
            if not found:
                await sleep(4)
            found += batch.num_rows
    assert found > rows
