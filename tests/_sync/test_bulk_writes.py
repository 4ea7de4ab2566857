# Generated from tests/_async/test_bulk_writes.py by tools/unasync.py: edit that file, then run `make sync`.
"""Writes of many rows take longer than statements otherwise may."""

from __future__ import annotations

from collections.abc import Iterator, Awaitable, Callable

import numpy as np
import psycopg
import pytest
from fix_faults import slow_down

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    Settings,
)
from mlops_ledger.connection import session
from mlops_ledger.errors import TimedOut

MANY = 10_001


@pytest.fixture
def impatient(
    dsn: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A database that ends statements before it has written anything."""
    monkeypatch.setattr(session, "_GRACE", 0.2)
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
    slow_down(conn, 1.2, "prediction_batches", "ground_truth_waiting", "performance_metrics")
    with Database(Settings(conninfo=dsn, statement_timeout=0.5)) as db:
        yield db


def write_predictions(db: Database, size: int) -> int:
    written = PredictionsRepository(db).insert_columns(
        columns={"prediction": np.ones(size)}, model_name="m", model_version="1"
    )
    return written.stored


def write_labels(db: Database, size: int) -> int:
    rows = [{"request_id": f"r{number}", "actual_value": 1} for number in range(size)]
    return (GroundTruthRepository(db).insert_many(rows=rows)).waiting


def write_metrics(db: Database, size: int) -> int:
    rows = [{"model_name": "m", "model_version": "1", "metric_name": "a", "metric_value": 1.0}]
    return (PerformanceMetricsRepository(db).insert_many(rows=rows * size)).stored


@pytest.mark.parametrize("write", [write_predictions, write_labels, write_metrics])
def test_many_rows_are_written_however_long_it_takes(
    impatient: Database, write: Callable[[Database, int], Awaitable[int]]
) -> None:
    assert write(impatient, MANY) == MANY


@pytest.mark.parametrize("write", [write_predictions, write_labels, write_metrics])
def test_few_rows_are_not(
    impatient: Database, write: Callable[[Database, int], Awaitable[int]]
) -> None:
    with pytest.raises(TimedOut):
        write(impatient, 10)
