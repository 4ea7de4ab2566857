"""Says in the log why predictions do not arrive, without a line for each of them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

logger = logging.getLogger("mlops_ledger.logger")

_EVERY: Final = 60.0
# Causes may quote a name from a record: their number has no bound of its own.
_MOST: Final = 100
_LONGEST: Final = 300
_OTHER: Final = "other causes"


class CauseLog:
    """Logs each cause at once, then at most once a minute with how often it came meanwhile."""

    def __init__(self, level: int, what: str) -> None:
        self._level = level
        self._what = what
        self._lock = threading.Lock()
        self._causes: dict[str, tuple[float, int]] = {}

    def add(self, cause: str, count: int = 1) -> None:
        """Count predictions under a cause, and log it when it is time."""
        # It may quote a name from a record, which must not write lines of its own into the log.
        cause = "".join(each if each.isprintable() else "?" for each in cause[:_LONGEST])
        now = time.monotonic()
        with self._lock:
            if cause not in self._causes and len(self._causes) >= _MOST:
                cause = _OTHER
            next_time, pending = self._causes.get(cause, (0.0, 0))
            count += pending
            due = now >= next_time
            self._causes[cause] = (now + _EVERY, 0) if due else (next_time, count)
        if due:
            logger.log(self._level, "%s: %s (%d)", self._what, cause, count)
