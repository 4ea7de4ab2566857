"""Where metrics come from: each source is read on a thread of its own and keeps its last answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

from prometheus_client.core import Metric

from ...errors import LedgerError

logger = logging.getLogger("mlops_ledger.exporter")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said: its metrics, how many series were left out, when and how quickly."""

    metrics: Sequence[Metric]
    left_out: int
    at: float
    seconds: float

    @property
    def age(self) -> float:
        """Seconds since the source was read."""
        return monotonic() - self.at


class Source:
    """One query, read again with each scrape; one that still runs is not begun a second time."""

    def __init__(self, name: str, read: Callable[[], tuple[Iterable[Metric], int]]) -> None:
        self.name = name
        self.answer: Answer | None = None
        self._read = read
        self._failing = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._done.set()

    @property
    def succeeded(self) -> bool:
        """Whether the last reading that is over gave an answer."""
        return self.answer is not None and not self._failing

    def begin(self) -> None:
        """Begin to read, unless that goes on already."""
        with self._lock:
            if not self._done.is_set():
                return
            self._done.clear()
        # A daemon: one that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name=f"exporter-{self.name}", daemon=True).start()

    def wait(self, until: float) -> bool:
        """Wait for the reading until a monotonic time; return whether it is done."""
        return self._done.wait(max(until - monotonic(), 0))

    def _run(self) -> None:
        began = monotonic()
        try:
            metrics, left_out = self._read()
            self.answer = Answer(list(metrics), left_out, began, monotonic() - began)
            self._note(None)
        except (LedgerError, OSError) as error:
            self._note(error)
        except Exception as error:
            logger.exception("%s: unexpected", self.name)
            self._note(error)
        finally:
            self._done.set()

    def _note(self, error: Exception | None) -> None:
        """Write down whether reading works; a failure is logged once, not with each scrape."""
        if error is not None and not self._failing:
            logger.warning("%s: %s", self.name, error)
        self._failing = error is not None
