"""The counters of prediction loggers, among the metrics of the service that has them."""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Final, Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from ...logger import AsyncPredictionLogger, Counters, PredictionLogger
from .metrics import PREFIX

# What goes up and down, and how the values of several processes become one.
_GAUGES: Final[dict[str, Literal["livesum", "livemax"]]] = {
    "buffered": "livesum",
    "spooled": "livesum",
    "spool_bytes": "livesum",
    "oldest_unsent_age_seconds": "livemax",
    "circuit_open": "livemax",
}
_COUNTERS: Final = [
    field.name for field in fields(Counters) if field.name not in {*_GAUGES, "last_error"}
]


class LoggerMetrics:
    """Keeps the counters of prediction loggers as metrics `mlops_ledger_logger_…`.

    Make it in each worker, after a fork. A thread copies the counters every `every` seconds, as in
    prometheus-client's multiprocess mode a scrape reads what each process has written before.
    """

    def __init__(self, *, registry: CollectorRegistry = REGISTRY, every: float = 5.0) -> None:
        self._counters = {name: _counter(name, registry) for name in _COUNTERS}
        self._gauges = {name: _gauge(name, registry) for name in _GAUGES}
        self._every = every
        self._watched: dict[str, tuple[PredictionLogger | AsyncPredictionLogger, Counters]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="mlops-ledger-metrics", daemon=True).start()

    def watch(self, logger: PredictionLogger | AsyncPredictionLogger, *, name: str) -> None:
        """Add a logger, under the value of the label `logger`."""
        with self._lock:
            self._watched[name] = (logger, Counters())
        self.update()

    def update(self) -> None:
        """Copy the counters now."""
        with self._lock:
            for label, (logger, before) in self._watched.items():
                now = logger.counters
                for name, counter in self._counters.items():
                    grown = getattr(now, name) - getattr(before, name)
                    counter.labels(label).inc(max(grown, 0))
                for name, gauge in self._gauges.items():
                    gauge.labels(label).set(getattr(now, name))
                self._watched[label] = (logger, now)

    def close(self) -> None:
        """Copy the counters a last time; call it when the loggers are closed."""
        self._closed.set()
        self.update()

    def _run(self) -> None:
        while not self._closed.wait(self._every):
            self.update()


def _counter(name: str, registry: CollectorRegistry) -> Counter:
    text = f"The counter {name} of a prediction logger."
    return Counter(f"{PREFIX}logger_{name}", text, ["logger"], registry=registry)


def _gauge(name: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(
        f"{PREFIX}logger_{name}",
        f"The number {name} of a prediction logger.",
        ["logger"],
        registry=registry,
        multiprocess_mode=_GAUGES[name],
    )
