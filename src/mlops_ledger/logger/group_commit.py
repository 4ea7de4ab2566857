"""Group commit: threads share one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class GroupCommit:
    """Does a piece of work once for all threads that asked before it began; one of them does it.

    Threads that ask while it runs wait for the next round. The thread that does that one is woken
    first: it works while the served ones wake up, which takes longer than a sync.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: list[threading.Lock] = []
        self._next: threading.Lock | None = None

    def join(self) -> None:
        """Return when the work was done, or tried, once since the call.

        Raises what the work raised if this thread did it.
        """
        gate = self._enter()
        if gate is None or self._wait(gate):
            self._lead()

    def _enter(self) -> threading.Lock | None:
        """Return what to wait for, or None for who shall work at once."""
        with self._lock:
            if not self._busy:
                self._busy = True
                return None
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
            return gate

    def _wait(self, gate: threading.Lock) -> bool:
        """Wait; return whether it is this thread's turn to work."""
        try:
            gate.acquire()
        except BaseException:
            # Interrupted: nobody may be left waiting for this thread.
            with self._lock:
                if gate in self._waiting:
                    self._waiting.remove(gate)
            if self._next is gate:
                self._hand_over(())
            raise
        return self._next is gate

    def _lead(self) -> None:
        with self._lock:
            served, self._waiting = self._waiting, []
        try:
            self._work()
        finally:
            self._hand_over(served)

    def _hand_over(self, served: Sequence[threading.Lock]) -> None:
        with self._lock:
            if self._waiting:
                self._next = self._waiting.pop(0)
                self._next.release()
            else:
                self._busy, self._next = False, None
        for gate in served:
            gate.release()
