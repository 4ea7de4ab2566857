# Generated from tests/_async/test_prediction_frames.py by tools/unasync.py: edit that file, then run `make sync`.
"""Reading predictions into tables."""

from __future__ import annotations

import math
from time import sleep
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionsRepository,
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
def stored(
    models: ModelVersionRepository, predictions: PredictionsRepository
) -> list[dict[str, Any]]:
    """Two days of predictions of two models."""
    models.insert(model_name="m", feature_names=["hour", "distance"])
    models.insert(model_name="other")
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
    predictions.insert_many(rows=rows, model_version="1")
    return rows


def test_a_table_holds_what_was_stored(
    predictions: PredictionsRepository, stored: list[dict[str, Any]]
) -> None:
    table = predictions.fetch_arrow(
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


def test_the_probabilities_of_all_classes_are_in_tables(
    models: ModelVersionRepository, predictions: PredictionsRepository
) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pandas")
    models.insert(model_name="classes", model_version="1", class_names=["a", "b", "c"])
    chances = [0.25, 0.25, 0.5]
    predictions.insert(model_name="classes", model_version="1", class_probabilities=chances)
    table = predictions.fetch_arrow(model_name="classes")
    assert table["class_probabilities"].to_pylist() == [chances]
    polars = predictions.fetch_polars(model_name="classes")
    assert polars["class_probabilities"].to_list() == [chances]
    pandas = predictions.fetch_pandas(model_name="classes")
    assert list(pandas["class_probabilities"][0]) == chances


def test_columns_can_be_chosen(predictions: PredictionsRepository) -> None:
    table = predictions.fetch_arrow(columns=["probability", "id"])
    assert (table.column_names, table.num_rows) == (["probability", "id"], 48)
    assert (predictions.fetch_arrow(model_name="unknown")).num_rows == 0
    for wrong in (["probabilty"], [], ["id; DROP TABLE predictions"]):
        with pytest.raises(InvalidValue, match="columns"):
            predictions.fetch_arrow(columns=wrong)


def test_data_frames_are_the_same_table(predictions: PredictionsRepository) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pandas")
    columns = ["predicted_at", "probability"]
    polars = predictions.fetch_polars(columns=columns)
    pandas = predictions.fetch_pandas(columns=columns)
    assert polars["probability"].sum() == pytest.approx(pandas["probability"].sum())
    there = [at.to_pydatetime() for at in pandas["predicted_at"]]
    assert sorted(polars["predicted_at"]) == sorted(there)


def test_what_goes_wrong_is_a_ledger_error(db: Database, dsn: str) -> None:
    with db.transaction() as tx:
        with pytest.raises(LedgerError, match="outside of transactions"):
            PredictionsRepository(tx).fetch_arrow()
        with tx.connection() as connection:
            connection.execute("LOCK TABLE predictions")
        with Database(Settings(conninfo=dsn, statement_timeout=0.3)) as impatient:
            with pytest.raises(TimedOut):
                PredictionsRepository(impatient).fetch_arrow()


def test_a_window_is_read_batch_by_batch(
    predictions: PredictionsRepository, stored: list[dict[str, Any]]
) -> None:
    window: dict[str, Any] = {"since": NOON, "until": NOON + 40 * HOUR}
    batches = [each for each in predictions.iter_batches(**window)]
    whole = predictions.fetch_arrow(**window)
    names = ["predicted_at", "model_name", "probability", "predicted_label"]
    found, expected = (
        table.select(names).sort_by("predicted_at").to_pylist()
        for table in (pyarrow.Table.from_batches(batches), whole)
    )
    assert found == expected
    narrow = predictions.iter_batches(**window, columns=["id"])
    assert sum([len(each) for each in narrow]) == 40
    with pytest.raises(InvalidValue, match="columns"):
        [each for each in predictions.iter_batches(columns=["nothing"])]
    assert [each for each in predictions.iter_batches(until=NOON)] == []


def test_a_stream_keeps_few_batches_in_memory(
    predictions: PredictionsRepository,
) -> None:
    size = 30_000
    columns = {"predicted_at": [NOON] * size, "inputs": {"text": "x" * 1000}}
    predictions.insert_columns(columns=columns, **ONE)
    rows, sizes = 0, []
    for batch in predictions.iter_batches(since=NOON, until=NOON + HOUR):
        rows += len(batch)
        sizes.append(batch.nbytes)
    assert rows == size + 1
    assert len(sizes) > 1
    # One batch is at most a sixteenth of a gigabyte, whatever the window.
    assert max(sizes) < 2**26


def test_a_stream_takes_as_long_as_its_reader(
    predictions: PredictionsRepository, dsn: str
) -> None:
    # More than the buffers between server and reader hold.
    rows = 100_000
    columns = {"request_id": ["r" * 200] * rows, "probability": [0.5] * rows}
    predictions.insert_columns(columns=columns, **ONE)
    settings = Settings(conninfo=dsn, statement_timeout=2)
    with Database(settings) as db:
        found = 0
        for batch in PredictionsRepository(db).iter_batches(**ONE):
            if not found:
                sleep(4)
            found += batch.num_rows
    assert found > rows
