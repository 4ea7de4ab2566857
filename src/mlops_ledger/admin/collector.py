"""Measures this host at intervals and stores it, through outages of the database."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event
from typing import Any, Final

from .._sync.system_metrics import SystemMetricsRepository
from ..errors import Unavailable
from ..host_metrics import HostMetrics

_BATCH: Final = 100


class Collector:
    """Keeps up to `capacity` samples while the database is away, and drops the oldest beyond.

    `say` is told when it goes away, when something is dropped, and when it is back.
    """

    def __init__(
        self,
        metrics: SystemMetricsRepository,
        *,
        disks: Sequence[str] = ("/",),
        pid: int | None = None,
        capacity: int = 1000,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._metrics = metrics
        self._host = HostMetrics(disks, pid)
        self._capacity = capacity
        self._say = say
        self._waiting: deque[list[dict[str, Any]]] = deque()
        self._is_away = False
        self._dropped = 0
        self.stored = 0

    def run(self, *, every: timedelta, stop: Event, count: int | None = None) -> int:
        """Measure until `stop` is set, or so often; return how many samples were lost."""
        due = time.monotonic()
        taken = 0
        while not stop.is_set():
            self._take()
            self._store()
            taken += 1
            if taken == count:
                break
            # What an outage or a suspended machine has missed is not made up for.
            due = max(due + every.total_seconds(), time.monotonic())
            stop.wait(due - time.monotonic())
        if self._waiting:
            self._store()
        return self._dropped + len(self._waiting)

    def _take(self) -> None:
        self._waiting.append(self._host.read())
        if len(self._waiting) > self._capacity:
            self._waiting.popleft()
            if not self._dropped:
                self._say(f"{self._capacity} samples wait: from now on the oldest are dropped")
            self._dropped += 1

    def _store(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting[place] for place in range(min(_BATCH, len(self._waiting)))]
                self._metrics.insert_many(rows=[row for sample in batch for row in sample])
                for _ in batch:
                    self._waiting.popleft()
                self.stored += len(batch)
        except Unavailable as error:
            if not self._is_away:
                self._say(f"{error}: keeping up to {self._capacity} samples until it is back")
            self._is_away = True
            return
        if self._is_away:
            self._say(f"the database is back: {self.stored} samples stored, {self._dropped} lost")
        self._is_away = False
