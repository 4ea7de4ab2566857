"""A logger whose database is away, and what its counters must add up to."""

from __future__ import annotations

import time
from collections.abc import Callable

from mlops_ledger import Settings
from mlops_ledger.logger import Counters

ONE = {"model_name": "m", "model_version": "1"}
FEATURES = {"hour": 7.5, "distance": 1000, "delay": -3.0}


def away(settings: Settings) -> Settings:
    """The same spool, and a database that nobody listens for."""
    return Settings(conninfo="host=127.0.0.1 port=1 dbname=none", home=settings.home)


def balance(counters: Counters) -> None:
    assert counters.accepted == (
        counters.stored
        + counters.duplicates
        + counters.dead_lettered
        + counters.dropped
        + counters.buffered
        + counters.spooled
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
