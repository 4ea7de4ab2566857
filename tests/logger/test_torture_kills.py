"""Servers and workers killed with SIGKILL while predictions are logged: none lost, none twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fix_faults import Proxy, full
from fix_kills import ServerKiller, ready, replay, stored

from mlops_ledger import PredictionLogger, Settings
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.logger.inspect import inspect_spool

ONE = {"model_name": "m", "model_version": "1"}
FEATURES = [float(number) for number in range(12)]

pytestmark = pytest.mark.xdist_group("logger-torture")


@pytest.fixture
def home(victim: EmbeddedServer, tmp_path: Path) -> Settings:
    return ready(victim, tmp_path)


@pytest.mark.parametrize("level", ["memory", "process", "disk"])
def test_a_server_that_is_killed_costs_nothing(
    victim: EmbeddedServer, home: Settings, level: str
) -> None:
    count, kills = full(1_000_000, 20_000), full(20, 2)
    killer = ServerKiller(victim, kills)
    with PredictionLogger(home, **ONE, durability=level) as log:
        killer.start()
        for first in range(0, count, 100):
            # One sync for all of them, at level disk.
            log.many(
                {"features": FEATURES, "request_id": str(number)}
                for number in range(first, first + 100)
            )
            if killer.is_alive() and first % 1000 == 0:
                time.sleep(0.02)
        killer.join()
        while log.counters.buffered + log.counters.spooled:
            time.sleep(0.05)
    assert killer.killed == kills
    assert log.counters.stored + log.counters.duplicates == count
    found = stored(home)
    assert len(found) == count
    assert set(found.values()) == {1}


# How many records a worker logs with one logger, before it makes another and loses sight of it.
WORKERS = {"one logger": 10**9, "collected": 5_000}
WORKER = """
import os, sys
from pathlib import Path
from mlops_ledger import PredictionLogger, Settings
dsn, home, level, name, each = sys.argv[1:]
def work(first, count):
    log = PredictionLogger(
        Settings(conninfo=dsn, home=Path(home)), model_name="m", model_version="1", durability=level
    )
    for number in range(first, first + count):
        log(features=[float(n) for n in range(12)], request_id=f"{name}-{number}")
        # Acknowledged: nothing that is in this file may be missing.
        os.write(1, b"%d\\n" % number)
first = 0
while True:
    work(first, int(each))
    first += int(each)
"""


@pytest.mark.parametrize("kind", WORKERS)
@pytest.mark.parametrize("level", ["process", "disk"])
def test_workers_and_servers_that_are_killed_cost_nothing(
    victim: EmbeddedServer, home: Settings, tmp_path: Path, level: str, kind: str
) -> None:
    workers, kills = full(20, 3), full(20, 1)
    killer = ServerKiller(victim, kills)
    killer.start()
    command = [sys.executable, "-c", WORKER, str(home.conninfo), str(home.home), level]
    for worker in range(workers):
        with (tmp_path / f"acknowledged-{worker}").open("wb") as output:
            process = subprocess.Popen(
                [*command, str(worker), str(WORKERS[kind])],
                stdout=output,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            while os.fstat(output.fileno()).st_size < 1000:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 1))
            process.send_signal(signal.SIGKILL)
            process.wait()
    killer.join()
    assert killer.killed == kills
    replay(home)
    found = stored(home)
    assert set(found.values()) == {1}
    for worker in range(workers):
        lines = (tmp_path / f"acknowledged-{worker}").read_bytes().splitlines()
        assert len(lines) > 100
        assert {f"{worker}-{line.decode()}" for line in lines} <= set(found)
    assert inspect_spool(home.spool) == []


def test_a_connection_that_is_cut_at_any_time_doubles_nothing(
    victim: EmbeddedServer, home: Settings
) -> None:
    with Proxy(str(home.conninfo), 0.05) as proxy:
        settings = Settings(conninfo=proxy.dsn, home=home.home)
        with PredictionLogger(settings, **ONE, batch_rows=20) as log:
            for number in range(full(20_000, 2_000)):
                log(features=FEATURES, request_id=str(number))
            while log.counters.spooled:
                time.sleep(0.02)
    assert proxy.cuts["before"] > 3
    assert proxy.cuts["after"] > 3
    replay(home)
    found = stored(home)
    assert len(found) == full(20_000, 2_000)
    assert set(found.values()) == {1}
