"""A signal's handler may raise anywhere in a call: that costs no other record, and no count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_interrupts import at_every_instruction
from fix_logger import ONE, away, balance, wait_until

from mlops_ledger import AsyncPredictionLogger, Database, PredictionLogger, Settings
from mlops_ledger.logger.replay import replay_spool
from mlops_ledger.logger.spool import Spool


@pytest.mark.parametrize(
    ("level", "interrupted"), [("memory", 400), ("process", 300), ("disk", 500)]
)
def test_an_interrupt_at_any_instruction_of_a_call_costs_no_other_record(
    home: Settings, stored: Callable[[], list[str]], level: str, interrupted: int
) -> None:
    # Small enough for each call to move records from memory into the spool.
    log = PredictionLogger(away(home), **ONE, durability=level, buffer_rows=1)
    log(features=[1.0, 2.0, 3.0], request_id="0")
    tried = [0]

    def call() -> None:
        tried.append(len(tried))
        log(features=[1.0, 2.0, 3.0], request_id=str(tried[-1]))

    acknowledged = [0]
    for returned in at_every_instruction(call):
        if returned:
            acknowledged.append(tried[-1])
        call()
        acknowledged.append(tried[-1])
        # Nothing is on its way to the database: at level memory some is, into the spool.
        if level != "memory":
            balance(log.counters)
    assert len(tried) - len(acknowledged) > interrupted
    counters = log.close(timeout=0)
    balance(counters)
    with Database(home) as db:
        assert replay_spool(db, home.spool).duplicates == 0
    found = sorted(map(int, stored()))
    assert set(acknowledged) <= set(found)
    assert len(found) == counters.accepted == counters.spooled


@pytest.mark.parametrize("durable", [False, True])
def test_an_interrupted_first_call_leaves_no_file(tmp_path: Path, durable: bool) -> None:
    spools = [Spool.create(tmp_path, 1_000_000, durable=durable)]

    def call() -> None:
        spools[-1].append([b"{}"])
        spools[-1].sync()

    for returned in at_every_instruction(call):
        own = spools.pop()
        assert own.taken in ((1,) if returned else (0, 1))
        own.delivered = own.taken
        own.release()
        assert list(tmp_path.iterdir()) == []
        spools.append(Spool.create(tmp_path, 1_000_000, durable=durable))
    spools[-1].release()


@pytest.mark.parametrize("reachable", [True, False])
async def test_the_record_of_a_cancelled_call_does_not_stay_in_memory(
    home: Settings, reachable: bool
) -> None:
    where = home if reachable else away(home)
    log = AsyncPredictionLogger(where, **ONE, durability="disk")
    await log(features=[1.0, 2.0, 3.0])
    # Of those that come during a sync, nobody but themselves begins another.
    calls = [asyncio.create_task(log(features=[1.0, 2.0, 3.0])) for _ in range(5)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    calls = [asyncio.create_task(log(features=[1.0, 2.0, 3.0])) for _ in range(5)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert log._intake is not None
    spool = log._intake.spool
    assert spool is not None
    await asyncio.to_thread(wait_until, lambda: not spool._collected)
    balance(await log.close(timeout=5 if reachable else 0))
