"""A signal's handler may raise anywhere in a call: that costs no other record, and no count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fix_interrupts import at_every_instruction
from fix_logger import ONE, away, balance

from mlops_ledger import Database, PredictionLogger, Settings
from mlops_ledger.logger.replay import replay_spool


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
