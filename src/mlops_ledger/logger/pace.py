"""How the delivery of records leaves the interpreter to the threads of the service.

The interpreter lets another thread run every 5 ms only, unless the one that works rests. So the
work is done in pieces, none of which a caller or an event loop has to wait for long.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .intake import Intake

# Records in a piece and seconds of a rest. Where a loop wakes to many calls, pieces of twelve made
# it late a third longer. Smaller ones than these cost more CPU, and so do longer rests: the
# processor's caches have lost all of the piece's code by then.
_GENTLE: Final = 4, 0.00025
# Where so many records came during a rest, calls follow one another without a pause. Few of them
# shall meet a piece, so it lasts so many seconds more.
_MANY: Final = 5
_MORE: Final = 0.0015
# A thread that waits needs as long to come round. A rest costs as much CPU as three records.
_BRISK: Final = 20, 5e-5
_AT_ONCE: Final = 500, 0.0
# So many full batches that wait leave no time for long rests.
_BEHIND: Final = 20


class Pace:
    """The pieces in which the records of an intake are delivered, and the rests in between."""

    def __init__(self, intake: Intake) -> None:
        # When the logger is being closed.
        self.closing = False
        self._lock = threading.Lock()
        self._waiting = 0
        self._intake = intake
        self._eager = intake.options.durability == "database"
        self._behind = False

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Make haste during the block, in which somebody waits for all to be there."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def look(self) -> None:
        """See how many records wait. Not at each rest: a lock is needed for it."""
        intake, options = self._intake, self._intake.options
        self._behind = (
            2 * len(intake.buffer) > options.buffer_rows
            or intake.spooled > _BEHIND * options.batch_rows
        )

    def records(self) -> int:
        """Return how many records the next piece may have."""
        return self._choose()[0]

    def rest(self) -> None:
        """Let other threads run, for a shorter time the more records wait."""
        before = self._intake.accepted
        _sleep(self._choose()[1])
        if self._choose() is _GENTLE and self._intake.accepted - before >= _MANY:
            _sleep(_MORE)

    def _choose(self) -> tuple[int, float]:
        if self.closing:
            return _AT_ONCE
        return _BRISK if self._waiting or self._eager or self._behind else _GENTLE


def _sleep(seconds: float) -> None:
    if seconds:
        # Never in step with a loop that wakes at even times, which would meet every piece.
        time.sleep(seconds * random.uniform(0.5, 1.5))
