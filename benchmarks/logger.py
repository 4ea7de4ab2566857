"""What one call of the prediction logger costs, beside the raw operations it stands on."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionLogger,
    Settings,
)
from mlops_ledger.rows.predictions import PredictionFields

from . import paced
from .results import Result
from .scratch import database

NAMES = [f"f{number}" for number in range(12)]
FEATURES = {name: 1.5 * number for number, name in enumerate(NAMES)}
RECORD: PredictionFields = {
    "features": FEATURES,
    "probability": 0.83,
    "predicted_label": "late",
    "latency_ms": 3.1,
}
ONE: dict[str, Any] = {"model_name": "bench-logger", "model_version": "1"}
CALLS = 20_000
GOALS = {"memory": "<= 15", "process": "<= 30"}


def main() -> list[Result]:
    """Print a table for a database that is up and one that is down, and return what has a goal."""
    results = []
    # That the one that is down is down is no news.
    logging.getLogger("mlops_ledger").setLevel(logging.CRITICAL)
    with database() as conninfo, tempfile.TemporaryDirectory() as folder:
        with Database(conninfo) as db:
            ModelVersionRepository(db).insert(**ONE, feature_names=NAMES)
        home = Path(folder)
        down = Settings(conninfo="host=127.0.0.1 port=1 dbname=none", home=home)
        up = Settings(conninfo=conninfo, home=home)
        print(f"{'call':<36}{'p50 µs':>9}{'p99 µs':>9}{'records/s':>11}")
        *_, raw = _timed("write + fdatasync of a record", _raw(home, 0), 2_000)
        _timed("the same, room reserved ahead", _raw(home, 8_000_000), 2_000)
        for level in ("memory", "process", "disk"):
            for name, where in (("up", up), ("down", down)):
                with PredictionLogger(where, **ONE, durability=level) as log:
                    count = 2_000 if level == "disk" else CALLS
                    call = f"log(), {level}, database {name}"
                    p50, p99, rate = _timed(call, lambda: log(**RECORD), count)
                    log.close(timeout=1)
                if level in GOALS:
                    results.append(Result(f"{call}, µs", p50, GOALS[level]))
                if level == "process":
                    results.append(Result(f"{call}, one after the other, p99 µs", p99, "<= 100"))
                if level == "disk":
                    print(f"{'':<36}{rate / raw:>9.2f} of the raw rate")
        with PredictionLogger(up, **ONE, durability="disk") as log:
            call = "log.many() of 100, disk"
            *_, rate = _timed(call, lambda: log.many([RECORD] * 100), 200, 100)
            results.append(Result(f"{call}, records/s", rate, ">= 8000"))
        for threads in (4, 16):
            with PredictionLogger(up, **ONE, durability="disk") as log:
                call = f"log(), disk, {threads} threads"
                rate = _threads(call, lambda: log(**RECORD), threads, 1_000)
        results.append(Result(f"{call}, records/s", rate, ">= 15000"))
        return results + paced.main(up, ONE, RECORD)


def _timed(
    name: str, call: Callable[[], object], count: int, each: int = 1
) -> tuple[float, float, float]:
    """Return the median, the 99th percentile (µs) and the records a second."""
    times = []
    began = time.perf_counter()
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    rate = count * each / (time.perf_counter() - began)
    times.sort()
    p50, p99 = times[count // 2] * 1e6, times[count * 99 // 100] * 1e6
    print(f"{name:<36}{p50:>9.1f}{p99:>9.1f}{rate:>11,.0f}")
    return p50, p99, rate


def _raw(home: Path, room: int) -> Callable[[], object]:
    descriptor = os.open(home / f"raw-{room}", os.O_WRONLY | os.O_CREAT)
    if room:
        os.posix_fallocate(descriptor, 0, room)
        os.fsync(descriptor)
    data = b"x" * 350

    def call() -> None:
        os.write(descriptor, data)
        os.fdatasync(descriptor)

    return call


def _threads(name: str, call: Callable[[], object], count: int, each: int) -> float:
    def work() -> None:
        for _ in range(each):
            call()

    threads = [threading.Thread(target=work) for _ in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = count * each / (time.perf_counter() - began)
    print(f"{name:<54}{rate:>11,.0f}")
    return rate


if __name__ == "__main__":
    main()
