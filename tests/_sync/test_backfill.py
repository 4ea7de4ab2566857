# Generated from tests/_async/test_backfill.py by tools/unasync.py: edit that file, then run `make sync`.
"""Years written at once, times ahead of the clock, values that are missing, and what is erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest

from mlops_ledger import (
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
)
from mlops_ledger.errors import InvalidValue

ONE = {"model_name": "m", "model_version": "1"}
DAYS = [datetime(2006, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(1825)]


@pytest.fixture(autouse=True)
def registered(models: ModelVersionRepository) -> None:
    """Version 1 of model m."""
    models.insert(model_name="m")


def test_years_of_days_are_few_partitions(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection[Any],
) -> None:
    requests = [f"r{day}" for day in range(len(DAYS))]
    # Every second day first, so that months are made of what is missing in them.
    for days in (slice(0, 60, 2), slice(0, None)):
        columns = {"prediction": np.zeros(len(DAYS[days])), "predicted_at": DAYS[days]}
        predictions.insert_columns(
            columns={**columns, "request_id": requests[days] if days.step is None else None}, **ONE
        )
    labels = [{"request_id": request, "actual_value": 1} for request in requests]
    assert (truth.insert_many(rows=labels)).stored == 1825
    made = conn.execute(
        "SELECT count(*), max(until - since) FROM ledger_partitions('predictions')"
    ).fetchone()
    assert made is not None
    assert made[0] < 200
    assert made[1] == timedelta(days=31)
    found = truth.performance(
        model_name="m", since=DAYS[0], until=DAYS[-1] + timedelta(days=1)
    )
    assert (found.labeled_samples, found.mae) == (1825, 1)


@pytest.mark.parametrize("way", ["insert", "insert_many", "insert_columns"])
def test_a_prediction_of_the_future_is_refused(
    predictions: PredictionsRepository, way: str
) -> None:
    for ahead in (timedelta(seconds=30), timedelta(minutes=2)):
        row = {"prediction": 1.0, "predicted_at": datetime.now(UTC) + ahead}
        calls = {
            "insert": lambda row=row: predictions.insert(**ONE, **row),
            "insert_many": lambda row=row: predictions.insert_many(rows=[row], **ONE),
            "insert_columns": lambda row=row: predictions.insert_columns(
                columns={name: [value] for name, value in row.items()}, **ONE
            ),
        }
        if ahead < timedelta(minutes=1):
            calls[way]()
        else:
            with pytest.raises(InvalidValue, match="predicted_at"):
                calls[way]()


def test_what_is_missing_is_missing_on_every_path(
    predictions: PredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    nan = float("nan")
    row = {
        "prediction": nan,
        "probability": nan,
        "features": {"age": nan},
        "inputs": {"cabin": nan},
    }
    predictions.insert(**ONE, **row)
    predictions.insert_many(rows=[row], **ONE)
    predictions.insert_columns(
        columns={
            "prediction": np.array([nan]),
            "probability": [nan],
            "inputs": [{"age": nan, "cabin": nan}],
        },
        **ONE,
    )
    stored = conn.execute("SELECT prediction, probability, inputs FROM predictions").fetchall()
    assert stored == [(None, None, {"age": None, "cabin": None})] * 3


BEYOND = 2**53 + 1
GAP = [None, BEYOND]


@pytest.mark.parametrize(
    "column",
    [
        [BEYOND],
        np.array([BEYOND]),
        np.array([2**64 - 1], np.uint64),
        pd.Series([BEYOND]),
        pd.array(GAP, "Int64"),
        pd.array(GAP, "int64[pyarrow]"),
        pa.array(GAP),
        pa.chunked_array([GAP]),
        pl.Series(GAP),
    ],
    ids=lambda column: type(column).__name__,
)
def test_a_whole_number_that_would_be_rounded_is_refused(
    predictions: PredictionsRepository, truth: GroundTruthRepository, column: Any
) -> None:
    reason = "has more digits than a double holds: log a class as text"
    with pytest.raises(InvalidValue, match=f"columns.prediction: {reason}"):
        predictions.insert_columns(columns={"prediction": column}, **ONE)
    [*_, one] = list(column)
    with pytest.raises(InvalidValue, match=f"prediction: {reason}"):
        predictions.insert(**ONE, prediction=one)
    with pytest.raises(InvalidValue, match=f"prediction: {reason}"):
        predictions.insert_many(**ONE, rows=[{"prediction": one}])
    with pytest.raises(InvalidValue, match=f"actual_value: {reason}"):
        truth.insert(request_id="r", actual_value=one)
    with pytest.raises(InvalidValue, match=f"actual_value: {reason}"):
        truth.insert_many(rows=[{"request_id": "r", "actual_value": one}])
    # These are exact.
    exact = np.array([2**53 + 2, -(2**62)])
    predictions.insert_columns(columns={"prediction": exact}, **ONE)


def test_erasing_a_request_takes_the_labels_that_wait(
    predictions: PredictionsRepository,
    truth: GroundTruthRepository,
    conn: psycopg.Connection[Any],
) -> None:
    other = predictions.insert(**ONE, request_id="r", predicted_at=DAYS[0])
    conn.execute(
        "INSERT INTO ground_truth_waiting (prediction_id, predicted_from, labeled_at, actual_value)"
        " VALUES (%s, %s, now(), 1)",
        [other, DAYS[0]],
    )
    truth.insert(request_id="early", actual_value=1)
    for request in ("r", "early"):
        predictions.erase(request_id=request)
    assert conn.execute("SELECT count(*) FROM ground_truth_waiting").fetchone() == (0,)
