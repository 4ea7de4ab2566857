"""A full spool drops, raises or waits, as was asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fix_logger import FEATURES, ONE, away, balance, stalled, wait_until

from mlops_ledger import AsyncPredictionLogger, Database, PredictionLogger, Settings
from mlops_ledger.errors import Unavailable
from mlops_ledger.logger.intake import Intake
from mlops_ledger.logger.spool import Spool

Read = Callable[[], list[str]]


def test_a_full_spool_drops_the_oldest_and_counts_it(home: Settings, stored: Read) -> None:
    with PredictionLogger(away(home), **ONE, spool_bytes=1_000_000) as log:
        for number in range(10_000):
            log(features=FEATURES, request_id=f"r{number}")
        counters = log.close(timeout=0.1)
    balance(counters)
    assert 0 < counters.dropped < 10_000
    with PredictionLogger(home, **ONE) as later:
        wait_until(lambda: later.counters.replayed == 10_000 - counters.dropped)
    assert stored()[-1] == "r9999"
    assert len(stored()) == 10_000 - counters.dropped


@pytest.mark.parametrize("level", ["memory", "process"])
def test_a_full_spool_raises_and_loses_nothing_that_was_accepted(
    home: Settings, stored: Read, level: str
) -> None:
    options = {"durability": level, "overflow": "raise", "spool_bytes": 1_000_000}
    accepted = []
    with PredictionLogger(away(home), **ONE, **options, buffer_rows=100) as log:

        def work() -> None:
            for number in range(100_000):
                log(features=FEATURES, request_id=f"r{number}")
                accepted.append(f"r{number}")

        with pytest.raises(Unavailable, match="not logged"):
            work()
        log.close(timeout=0.1)
        if level == "process":
            balance(log.counters)
            assert log.counters.spooled == len(accepted)
    with PredictionLogger(home, **ONE) as later:
        wait_until(lambda: later.counters.replayed >= len(accepted) - 100)
    if level == "process":
        assert stored() == accepted


async def test_for_room_in_the_spool_a_call_waits_and_the_loop_does_not(
    home: Settings, stored: Read
) -> None:
    names = [f"r{number}" for number in range(5_000)]
    options: dict[str, Any] = {"overflow": "block", "spool_bytes": 1_000_000}
    async with AsyncPredictionLogger(home, **ONE, **options) as log:

        async def work() -> None:
            for name in names:
                await log(features=FEATURES, request_id=name)

        with stalled(home):
            working = asyncio.create_task(work())
            # Only a call that waits lets go of the loop.
            await asyncio.sleep(0)
            assert not working.done()
            assert 0 < log.counters.accepted < len(names)
        await asyncio.wait_for(working, timeout=60)
        assert await log.flush(timeout=60)
    assert stored() == names


def test_a_full_spool_blocks_until_there_is_room(
    home: Settings, stored: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()
    refused: list[object] = []
    make_room = Intake._make_room

    def counted(self: Intake, *given: Any, **named: Any) -> bool:
        refused.append(given)
        return make_room(self, *given, **named)

    monkeypatch.setattr(Intake, "_make_room", counted)
    log = PredictionLogger(home, **ONE, overflow="block", spool_bytes=1_000_000)
    with log, Database(home) as db:
        with db.transaction() as tx, tx.connection() as connection:
            # Nobody can write meanwhile.
            connection.execute("LOCK TABLE prediction_batches")

            def work() -> None:
                for number in range(10_000):
                    log(features=FEATURES, request_id=f"r{number}")
                gone.set()

            worker = threading.Thread(target=work)
            worker.start()
            wait_until(lambda: len(refused) >= 3)
            assert not gone.is_set()
            assert log.counters.dropped == 0
        worker.join(60)
        assert gone.is_set()
        assert log.flush(timeout=60)
    assert stored() == [f"r{number}" for number in range(10_000)]


def test_a_batch_is_never_of_what_is_being_spilled(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = PredictionLogger(away(home), **ONE, durability="memory", buffer_rows=300)
    intake = Intake(log._options)
    records = [b"%d" % number for number in range(301)]
    spilled: list[bytes] = []
    batches: list[Any] = []
    taker = threading.Thread(target=lambda: batches.append(intake.take(200)))

    def append(_: Spool, payloads: Sequence[bytes], *, out_of: list[bytes]) -> int:
        if not spilled:
            taker.start()
            taker.join(0.2)
        spilled.extend(payloads)
        del out_of[: len(payloads)]
        return len(spilled)

    monkeypatch.setattr(Spool, "append", append)
    for record in records:
        intake.accept([record])
    taker.join()
    [(_, batch)] = batches
    assert [*spilled, *batch, *intake.buffer.oldest(1000)] == records
