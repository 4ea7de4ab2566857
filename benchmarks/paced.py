"""What the logger costs a service that logs at a rate: each call, and the event loop's lateness.

A service rests between its calls, and the delivery works meanwhile; in a loop of nothing but calls
the two contend for the interpreter all the time. What a call costs a request is measured here.

Each is measured in short runs, of which the calmest counts: what else the machine does lengthens
some of them. What a logger does once, such as to connect, is done before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from mlops_ledger import AsyncPredictionLogger, PredictionLogger, Settings
from mlops_ledger.rows.predictions import PredictionFields

from .results import Result

RATE = 3_000
SECONDS = 1.0
RUNS = 12


def main(settings: Settings, version: Mapping[str, Any], record: PredictionFields) -> list[Result]:
    """Print the 99th percentiles and return them beside their goals."""
    service = Service(settings, version, record)
    calls = min(service.calls() for _ in range(RUNS))
    runs = [asyncio.run(service.lag(logs=run % 2 == 1)) for run in range(2 * RUNS)]
    idle = min(lag for lag, _ in runs[::2])
    lag, awaited = (min(each) for each in zip(*runs[1::2], strict=True))
    for name, seconds in (
        (f"log() at {RATE:,}/s, process", calls),
        (f"await log() at {RATE:,}/s, process", awaited),
        ("lag of the loop, nothing logged", idle),
        (f"lag of the loop at {RATE:,}/s", lag),
    ):
        print(f"{name:<36}{'':>9}{seconds * 1e6:>9.1f}")
    return [
        Result(f"log() at {RATE:,}/s, process, p99 µs", calls * 1e6, "<= 100"),
        Result(f"await log() at {RATE:,}/s, process, p99 µs", awaited * 1e6, "<= 100"),
        Result(f"lag of the loop at {RATE:,}/s, p99, times that without", lag / idle, "<= 2"),
    ]


class Service:
    """Something that logs a record so many times a second."""

    def __init__(
        self, settings: Settings, version: Mapping[str, Any], record: PredictionFields
    ) -> None:
        self._settings = settings
        self._version = version
        self._record = record

    def calls(self) -> float:
        """Return the 99th percentile of what a call takes a thread, in seconds."""
        times: list[float] = []
        with PredictionLogger(self._settings, **self._version) as log:
            log(**self._record)
            log.flush()
            began = time.perf_counter()
            while (elapsed := time.perf_counter() - began) < SECONDS:
                while len(times) < elapsed * RATE:
                    start = time.perf_counter()
                    log(**self._record)
                    times.append(time.perf_counter() - start)
                time.sleep(0.0003)
        return _p99(times)

    async def lag(self, *, logs: bool) -> tuple[float, float]:
        """Return the 99th percentile of how late the loop is, and of a call's, in seconds."""
        lags: list[float] = []
        calls: list[float] = []
        ended = asyncio.Event()

        async def watch() -> None:
            while not ended.is_set():
                start = time.perf_counter()
                await asyncio.sleep(0.001)
                lags.append(time.perf_counter() - start - 0.001)

        async with AsyncPredictionLogger(self._settings, **self._version) as log:
            await log(**self._record)
            await log.flush()
            watcher = asyncio.create_task(watch())
            began = time.perf_counter()
            while (elapsed := time.perf_counter() - began) < SECONDS:
                while logs and len(calls) < elapsed * RATE:
                    start = time.perf_counter()
                    await log(**self._record)
                    calls.append(time.perf_counter() - start)
                await asyncio.sleep(0.001)
            ended.set()
            await watcher
        return _p99(lags), _p99(calls) if logs else 0.0


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
