"""A worker is killed while predictions and labels are written: none lost, none twice.

Promotions go on meanwhile, because they need the coordinator alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from fix_faults import full
from fix_logger import wait_until

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionLogger,
    PredictionsRepository,
    Settings,
)
from mlops_ledger.errors import Unavailable
from mlops_ledger.ids import new_id

from .workers import Worker

ONE = {"model_name": "m", "model_version": "1"}
KILLS = full(20, 3)


class Killing:
    """Kills a worker now and then, and promotes while it is away."""

    def __init__(self, worker: Worker, db: Database) -> None:
        self.kills = self.promotions = 0
        self._worker, self._versions = worker, ModelVersionRepository(db)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Killing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while self.kills < KILLS and not self._stop.is_set():
            time.sleep(random.uniform(0.1, 0.6))
            self._worker.kill()
            try:
                for version in "212":
                    self._versions.promote(
                        model_name="m", model_version=version, promoted_by="ann", reason="again"
                    )
                    self.promotions += 1
                assert self._versions.production_at(model_name="m").model_version == "2"
            finally:
                self._worker.start()
                self.kills += 1

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()


@pytest.fixture
def settings(distributed: str, tmp_path: Path) -> Settings:
    settings = Settings(conninfo=distributed, home=tmp_path)
    with Database(settings) as db:
        for _ in range(2):
            ModelVersionRepository(db).insert(model_name="m")
        PredictionsRepository(db).ensure_partitions()
    return settings


@pytest.mark.parametrize("level", ["memory", "disk"])
def test_what_was_logged_is_stored_once(worker: Worker, settings: Settings, level: str) -> None:
    count = 0
    with (
        Database(settings) as db,
        Killing(worker, db) as killing,
        PredictionLogger(settings, **ONE, durability=level) as log,
    ):
        while not killing.is_over:
            log.many({"features": [1.0], "request_id": str(count + k)} for k in range(50))
            count += 50
            time.sleep(0.01)
        wait_until(lambda: not log.counters.buffered + log.counters.spooled)
        counters = log.counters
    assert (killing.kills, killing.promotions) == (KILLS, 3 * KILLS)
    assert counters.stored + counters.duplicates == count
    assert (counters.dead_lettered, counters.dropped) == (0, 0)
    found = stored(settings, "SELECT request_id FROM predictions")
    assert found == Counter(str(number) for number in range(count))


def test_a_label_is_stored_once_however_often_it_is_sent(
    worker: Worker, settings: Settings
) -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    rows = [{"id": new_id(at), "predicted_at": at, "features": [1.0]} for _ in range(2000)]
    labels = [
        {"prediction_id": row["id"], "labeled_at": at, "actual_value": float(number)}
        for number, row in enumerate(rows)
    ]
    with Database(settings) as db:
        PredictionsRepository(db).insert_many(**ONE, rows=rows[::2])
        truth = GroundTruthRepository(db)
        with Killing(worker, db) as killing:
            # Half of them wait for their predictions, which come while workers are killed, too.
            refused = 0
            while not killing.is_over:
                for first in range(0, len(rows), 100):
                    part = slice(first, first + 100)
                    refused += again(lambda part=part: truth.insert_many(rows=labels[part]))
                refused += again(lambda: PredictionsRepository(db).insert_many(**ONE, rows=rows))
        assert refused > 0
        assert (killing.kills, killing.promotions) == (KILLS, 3 * KILLS)
        truth.match()
    assert stored(settings, "SELECT id FROM predictions") == Counter(row["id"] for row in rows)
    found = stored(settings, "SELECT (prediction_id, actual_value)::text FROM ground_truth")
    assert sum(found.values()) == len(rows)
    assert set(found.values()) == {1}
    assert stored(settings, "SELECT prediction_id FROM ground_truth_waiting") == Counter()


def again(write: Callable[[], object]) -> int:
    """Repeat a write until a worker that is away no longer refuses it; return how often."""
    for attempt in range(10_000):
        try:
            write()
            return attempt
        except Unavailable:
            time.sleep(0.02)
    raise AssertionError("the worker did not come back")


def stored(settings: Settings, query: str) -> Counter[object]:
    """Count each row that is there, once all prepared transactions are over."""
    with psycopg.connect(str(settings.conninfo), autocommit=True) as connection:
        connection.execute("SELECT recover_prepared_transactions()")
        return Counter(row[0] for row in connection.execute(query.encode()))
