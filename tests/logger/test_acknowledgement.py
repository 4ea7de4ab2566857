"""What may be forgotten, and when: after it is stored, or its dead letter is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_logger import FEATURES, ONE, away, balance, wait_until

from mlops_ledger import Database, PredictionLogger, Settings
from mlops_ledger.logger import delivery
from mlops_ledger.logger.dead_letters import read_dead_letters
from mlops_ledger.logger.inspect import inspect_spool
from mlops_ledger.logger.replay import replay_spool
from mlops_ledger.logger.spool import Spool, SpoolFull

Read = Callable[[], list[str]]


@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_a_record_waits_until_its_dead_letter_is_written(
    home: Settings, stored: Read, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SpoolFull("dead letters cannot be written: No space left on device")

    with PredictionLogger(home, **ONE, durability=level, on_refused="count") as log:
        with monkeypatch.context() as patch:
            patch.setattr(delivery, "write_dead_letters", fail)
            log(features=[1.0], request_id="bad")
            log(features=FEATURES, request_id="good")
            wait_until(lambda: log.counters.failures > 1)
            assert "dead letters cannot be written" in str(log.counters.last_error)
            assert (log.counters.spooled, log.counters.dead_lettered) == (2, 0)
            [folder] = inspect_spool(home.spool)
            assert folder.records == 2
        assert log.flush(timeout=60).dead_lettered == 1
    assert stored() == ["good"]
    [letter] = read_dead_letters(home.spool)
    assert letter["record"]["request_id"] == "bad"
    balance(log.counters)


@pytest.mark.parametrize("level", ["memory", "disk"])
def test_what_is_dropped_at_exit_is_counted(
    home: Settings, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SpoolFull("the disk of the spool is full")

    log = PredictionLogger(away(home), **ONE, durability=level)
    if level == "memory":
        log.many([{"features": FEATURES}] * 7)
        monkeypatch.setattr(Spool, "append", fail)
    else:
        # Taken, and not on the disk yet.
        intake = log._start()
        monkeypatch.setattr(Spool, "_write", fail)
        for _ in range(7):
            intake.accept([b"{}"])
    counters = log.close(timeout=0.1)
    assert (counters.accepted, counters.dropped) == (7, 7)
    assert "lost at exit: the disk of the spool is full" in str(counters.last_error)
    balance(counters)


def test_a_batch_whose_key_is_taken_by_another_version_is_sent_under_another(
    home: Settings, stored: Read, conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with PredictionLogger(away(home), **ONE) as log:
        log(features=FEATURES, request_id="r")
        log.close(timeout=0.1)
    [path] = [path for path in home.spool.iterdir() if path.is_dir()]
    spool = Spool.adopt(path)
    assert spool is not None
    reader = delivery.SpoolReader(spool, 10)
    key = reader.begin(reader.batch())
    reader.close()
    spool.release()
    conn.execute(
        "INSERT INTO prediction_batches"
        " (id, model_version_id, num_predictions, first_predicted_at, last_predicted_at)"
        " SELECT %s, id, 1, now(), now() FROM model_versions WHERE model_name = 'free'",
        (key,),
    )
    with Database(home) as db:
        assert replay_spool(db, home.spool).stored == 1
    assert stored() == ["r"]
