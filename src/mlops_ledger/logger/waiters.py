"""Calls that wait until their records are in the database."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from ..errors import LedgerError

# Called when a record is in the database, or with the reason why it never will be.
OnDelivery = Callable[[LedgerError | None], None]


class Waiters:
    """Who waits for which record, by its number in the spool.

    Whoever appends a record and adds its callback holds `lock` meanwhile, so that it cannot be
    delivered in between.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._heap: list[tuple[int, int, OnDelivery]] = []
        self._order = itertools.count()
        self._lock = lock

    def add(self, numbers: range, on_delivery: OnDelivery) -> None:
        """Have a callback called for each of the records."""
        with self._lock:
            for number in numbers:
                heapq.heappush(self._heap, (number, next(self._order), on_delivery))

    def notify(self, last: int, reason: LedgerError | None) -> None:
        """Notify the callers waiting for records up to a number."""
        while True:
            with self._lock:
                if not self._heap or self._heap[0][0] > last:
                    return
                _, _, on_delivery = heapq.heappop(self._heap)
            on_delivery(reason)
