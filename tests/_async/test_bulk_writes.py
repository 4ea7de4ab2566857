"""Writes of many rows take longer than statements otherwise may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import psycopg
import pytest
from fix_faults import slow_down

from mlops_ledger import (
    AsyncDatabase,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncPerformanceMetricsRepository,
    AsyncPredictionsRepository,
    Settings,
)
from mlops_ledger.connection import session
from mlops_ledger.errors import TimedOut

MANY = 10_001


@pytest.fixture
async def impatient(
    dsn: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase]:
    """A database that ends statements before it has written anything."""
    monkeypatch.setattr(session, "_GRACE", 0.2)
    async with AsyncDatabase(dsn) as db:
        await AsyncModelVersionRepository(db).insert(model_name="m")
    slow_down(conn, 1.2, "prediction_batches", "ground_truth_waiting", "performance_metrics")
    async with AsyncDatabase(Settings(conninfo=dsn, statement_timeout=0.5)) as db:
        yield db


async def write_predictions(db: AsyncDatabase, size: int) -> int:
    written = await AsyncPredictionsRepository(db).insert_columns(
        columns={"prediction": np.ones(size)}, model_name="m", model_version="1"
    )
    return written.stored


async def write_labels(db: AsyncDatabase, size: int) -> int:
    rows = [{"request_id": f"r{number}", "actual_value": 1} for number in range(size)]
    return (await AsyncGroundTruthRepository(db).insert_many(rows=rows)).waiting


async def write_metrics(db: AsyncDatabase, size: int) -> int:
    rows = [{"model_name": "m", "model_version": "1", "metric_name": "a", "metric_value": 1.0}]
    return (await AsyncPerformanceMetricsRepository(db).insert_many(rows=rows * size)).stored


@pytest.mark.parametrize("write", [write_predictions, write_labels, write_metrics])
async def test_many_rows_are_written_however_long_it_takes(
    impatient: AsyncDatabase, write: Callable[[AsyncDatabase, int], Awaitable[int]]
) -> None:
    assert await write(impatient, MANY) == MANY


@pytest.mark.parametrize("write", [write_predictions, write_labels, write_metrics])
async def test_few_rows_are_not(
    impatient: AsyncDatabase, write: Callable[[AsyncDatabase, int], Awaitable[int]]
) -> None:
    with pytest.raises(TimedOut):
        await write(impatient, 10)
