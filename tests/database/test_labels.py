"""Labels and predictions that arrive at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    new_id,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A database with version 1 of model m."""
    with Database(dsn) as database:
        ModelVersionRepository(database).insert(model_name="m")
        yield database


def test_writers_of_the_same_labels_store_each_once(db: Database, conn: psycopg.Connection) -> None:
    ids = [new_id(NOON + k * SECOND) for k in range(300)]
    labels = [{"prediction_id": id, "actual_value": 1, "labeled_at": NOON} for id in ids]
    writes = [
        lambda: GroundTruthRepository(db).insert_many(rows=labels),
        lambda: GroundTruthRepository(db).insert_many(rows=labels[::-1]),
        lambda: PredictionsRepository(db).insert_many(
            rows=[{"id": id} for id in ids], model_name="m", model_version="1"
        ),
        lambda: GroundTruthRepository(db).match(),
        lambda: GroundTruthRepository(db).insert_many(rows=labels[100:]),
        lambda: GroundTruthRepository(db).match(),
    ]
    with ThreadPoolExecutor(len(writes)) as threads:
        for write in [threads.submit(write) for write in writes]:
            write.result()
    # A label that was written while its prediction was may have missed it.
    GroundTruthRepository(db).match()
    counts = [
        conn.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        for table in ("ground_truth", "v_labeled_predictions", "ground_truth_waiting")
    ]
    assert counts == [(300,), (300,), (0,)]
