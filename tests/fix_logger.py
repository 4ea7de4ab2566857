"""A logger whose database is away, and what its counters must add up to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, Settings
from mlops_ledger.logger import Counters

ONE = {"model_name": "m", "model_version": "1"}
FEATURES = {"hour": 7.5, "distance": 1000, "delay": -3.0}


def away(settings: Settings) -> Settings:
    """The same spool and database, at an address where nobody listens."""
    conninfo = make_conninfo(settings.conninfo, hostaddr="127.0.0.2")
    return Settings(conninfo=conninfo, home=settings.home)


@contextmanager
def stalled(home: Settings) -> Iterator[None]:
    """Have every write of predictions wait."""
    with Database(home) as db, db.transaction() as tx, tx.connection() as connection:
        connection.execute("LOCK TABLE prediction_batches IN ACCESS EXCLUSIVE MODE")
        yield


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
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_spool(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `mlops-ledger spool` with settings."""
    return subprocess.run(
        [sys.executable, "-m", "mlops_ledger", "spool", *arguments],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DATABASE_URL": str(settings.conninfo),
            "MLOPS_LEDGER_HOME": str(settings.home),
        },
    )
