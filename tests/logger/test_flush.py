"""`flush` waits for what was accepted, and tells the truth about it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest
from fix_logger import FEATURES, ONE, away, balance, stalled, wait_until

from mlops_ledger import AsyncPredictionLogger, Database, PredictionLogger, Settings
from mlops_ledger.logger.buffer import Buffer
from mlops_ledger.logger.intake import Intake
from mlops_ledger.logger.pace import Pace
from mlops_ledger.logger.replay import replay_spool

Read = Callable[[], list[str]]
LEVELS = ("memory", "process", "disk", "database")


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_logged_is_stored_after_a_flush(home: Settings, stored: Read, level: str) -> None:
    # Neither the size of a batch nor its age would have it sent.
    with PredictionLogger(home, **ONE, durability=level, flush_interval=60) as log:
        assert log.flush(timeout=0)
        for first in range(0, 2400, 800):
            log.many(
                {"features": FEATURES, "request_id": f"r{number}"}
                for number in range(first, first + 800)
            )
            assert log.flush(timeout=60)
            assert len(stored()) == first + 800
        counters = log.counters
    assert counters.stored == 2400
    balance(counters)
    assert log.flush(timeout=0)


def test_a_dead_letter_is_done_with(home: Settings) -> None:
    with PredictionLogger(home, **ONE, flush_interval=60) as log:
        log(features=[1.0])
        flushed = log.flush(timeout=60)
        assert (bool(flushed), flushed.dead_lettered) == (True, 1)
        # A flush tells of what came to its end meanwhile.
        assert log.flush(timeout=60).dead_lettered == 0
        assert log.counters.dead_lettered == 1


@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_a_flush_without_a_database_says_that_they_wait(home: Settings, level: str) -> None:
    with PredictionLogger(away(home), **ONE, durability=level, buffer_rows=50) as log:
        log.many({"features": FEATURES} for _ in range(49))
        assert not log.flush(timeout=0.2)
        # Memory goes into the spool: that is not where they are to be.
        log.many({"features": FEATURES} for _ in range(49))
        assert not log.flush(timeout=0.2)
        log.close(timeout=0.1)
        assert not log.flush()


def test_a_flush_is_not_taken_in_by_what_was_dropped(home: Settings) -> None:
    with PredictionLogger(away(home), **ONE, spool_bytes=1_000_000) as log:
        log(features=FEATURES, request_id="first")
        answers: list[bool] = []
        waiter = threading.Thread(target=lambda: answers.append(bool(log.flush(timeout=0.5))))
        waiter.start()
        log.many([{"features": FEATURES, "inputs": "x" * 1000}] * 2000)
        waiter.join()
        assert answers == [False]
        log.close(timeout=0.1)


def test_a_batch_on_its_way_has_not_left_when_younger_records_were_dropped() -> None:
    buffer = Buffer()
    buffer.extend([b"first"])
    buffer.take(1)
    have_left = buffer.mark()
    buffer.extend([b"second", b"third"])
    assert buffer.discard(2) == 2
    assert not have_left()
    buffer.taken()
    assert have_left()


def test_haste_lasts_as_long_as_anybody_waits(home: Settings) -> None:
    pace = Pace(Intake(PredictionLogger(home, **ONE)._options))
    gentle = pace.records()
    with pace.awaited():
        with pace.awaited():
            brisk = pace.records()
        assert pace.records() == brisk > gentle
    assert pace.records() == gentle


def test_what_is_stored_after_the_closing_is_stored_once(
    home: Settings, conn: psycopg.Connection, stored: Read, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread that sends it may outlive the logger, whose files are closed by then."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = %s AND datname = %s"
    log = PredictionLogger(home, **ONE, durability="process")
    with stalled(home):
        log.many({"features": FEATURES, "request_id": f"r{number}"} for number in range(5))
        place = ["Lock", conn.info.dbname]
        wait_until(lambda: conn.execute(waiting, place).fetchone() == (1,))
        assert log.close(timeout=0.1).spooled == 5
    wait_until(lambda: all(each.name != "mlops-ledger-logger" for each in threading.enumerate()))
    assert sorted(stored()) == [f"r{number}" for number in range(5)]
    assert caplog.messages == []
    with Database(home) as db:
        replayed = replay_spool(db, home.spool)
    assert (replayed.stored, replayed.duplicates) == (0, 5)
    assert len(stored()) == 5


def test_a_flush_does_not_wait_for_what_comes_later(home: Settings, stored: Read) -> None:
    with PredictionLogger(home, **ONE) as log, Database(home) as db:
        log(features=FEATURES, request_id="first")
        done = threading.Event()

        def go_on() -> None:
            while not done.wait(0.0005):
                log(features=FEATURES, request_id="later")

        worker = threading.Thread(target=go_on)
        worker.start()
        try:
            with db.transaction() as tx, tx.connection() as connection:
                connection.execute("LOCK TABLE prediction_batches")
                assert not log.flush(timeout=0.2)
            assert log.flush(timeout=60)
            assert "first" in stored()
        finally:
            done.set()
            worker.join()


async def test_the_async_logger_flushes(home: Settings, stored: Read) -> None:
    async with AsyncPredictionLogger(home, **ONE, flush_interval=60) as log:
        await log(features=FEATURES, request_id="r")
        assert await log.flush(timeout=60)
        assert stored() == ["r"]
