"""Folders that race and die while others write: in the end every row is counted once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_faults import TORTURE, slow_down, speed_up

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRITES, ROWS, KILLS = (500, 500, 50) if TORTURE else (10, 60, 3)
FOLD = """
import sys
from mlops_ledger import Database, SummariesRepository
with Database(sys.argv[1]) as db:
    while True:
        SummariesRepository(db).fold()
"""
COUNTS = """
    SELECT (SELECT count(*) FROM predictions),
           (SELECT sum(num_predictions) FROM summaries WHERE grain = 'hour'),
           (SELECT sum(num_predictions) FROM summaries WHERE grain = 'day'),
           (SELECT sum(n) FROM summary_histograms, unnest(counts) n
            WHERE grain = 'hour' AND series = 0),
           (SELECT sum(n) FROM summary_histograms, unnest(counts) n
            WHERE grain = 'day' AND series = 0)"""


@pytest.fixture
def db(dsn: str) -> Any:
    """A model."""
    with Database(dsn) as database:
        ModelVersionRepository(database).insert(model_name="m")
        yield database


def write(db: Database, writer: int) -> None:
    predictions = PredictionsRepository(db)
    for number in range(WRITES):
        at = NOON + timedelta(minutes=7 * number + writer)
        rows = [
            {"id": new_id(at + timedelta(seconds=n)), "predicted_at": at + timedelta(seconds=n),
             "probability": n / ROWS}
            for n in range(ROWS)
        ]  # fmt: skip
        predictions.insert_many(rows=rows, model_name="m", model_version="1")
        if number % 3 == 0:
            GroundTruthRepository(db).insert(prediction_id=rows[0]["id"], actual_value=1)
        predictions.insert(model_name="m", model_version="1", probability=1, predicted_at=at)


def test_every_row_is_counted_once_whoever_dies(
    db: Database, dsn: str, conn: psycopg.Connection[Any]
) -> None:
    folders = [_start_folder(dsn) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(db, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(KILLS):
        time.sleep(0.5)
        folders[0].send_signal(signal.SIGKILL)
        folders[0].wait()
        folders = [folders[1], _start_folder(dsn)]
    for writer in writers:
        writer.join()
    for folder in folders:
        folder.kill()
        folder.wait()
    SummariesRepository(db).fold()
    assert conn.execute(COUNTS).fetchall() == [(4 * WRITES * (ROWS + 1),) * 5]
    assert conn.execute("SELECT count(*) FROM summary_marks").fetchone() == (0,)


def test_a_write_that_is_rolled_back_is_not_counted(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        rows = [{"predicted_at": NOON, "probability": 0.5}]
        PredictionsRepository(tx).insert_many(rows=rows, model_name="m", model_version="1")
        raise ZeroDivisionError
    assert SummariesRepository(db).fold() == 0
    assert conn.execute("SELECT count(*) FROM summary_marks").fetchone() == (0,)


def test_a_write_that_commits_after_a_fold_is_counted_by_the_next(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    rows = [{"predicted_at": NOON, "probability": 0.5}]
    PredictionsRepository(db).insert_many(rows=rows, model_name="m", model_version="1")
    with db.transaction() as tx:
        PredictionsRepository(tx).insert_many(rows=rows, model_name="m", model_version="1")
        PredictionsRepository(db).insert_many(rows=rows, model_name="m", model_version="1")
        assert SummariesRepository(db).fold() == 1
    assert SummariesRepository(db).fold() == 1
    assert conn.execute(COUNTS).fetchall() == [(3,) * 5]


def test_another_key_is_declared_while_the_one_before_is_counted(
    db: Database, conn: psycopg.Connection[Any]
) -> None:
    models, summaries = ModelsRepository(db), SummariesRepository(db)
    models.set_slice_key(model_name="m", slice_key="country")
    # Days of their own: a row that both want to delete would make one wait for the other.
    for day, country in enumerate(("FR", "DE")):
        summaries.fold()
        at = NOON + timedelta(days=day)
        rows = [{"predicted_at": at, "inputs": {"country": country, "plan": "a"}}]
        PredictionsRepository(db).insert_many(rows=rows, model_name="m", model_version="1")
    slow_down(conn, 1, "summaries")
    folder = threading.Thread(target=summaries.fold)
    folder.start()
    asleep = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE wait_event = 'PgSleep' AND datname = current_database())"
    )
    while folder.is_alive() and conn.execute(asleep).fetchone() == (False,):
        time.sleep(0.01)
    models.set_slice_key(model_name="m", slice_key="plan")
    folder.join()
    speed_up(conn)
    summaries.fold()
    assert conn.execute("SELECT value FROM summary_slices").fetchall() == [("a",)]


def _start_folder(dsn: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", FOLD, dsn], stderr=subprocess.DEVNULL)
