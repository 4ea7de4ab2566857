"""Group commit: threads share one sync."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

# Seconds after which who waits looks whether anybody is still at work for it.
_PATIENCE: Final = 0.1


class GroupCommit:
    """Does a piece of work once for all threads that asked before it began; one of them does it.

    Threads that ask while it runs wait for the next round. The thread that does that one is woken
    first: it works while the served ones wake up, which takes longer than a sync.

    The handler of a signal may raise wherever a call returns. So nothing but a lock that `with`
    gives back says that somebody works, and who is not woken, because the thread that should have
    done it was interrupted, soon looks for itself.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._working = threading.Lock()
        # The rounds of work that began, and the last that was done.
        self._begun = 0
        self._done = 0
        # Whether a thread is on its way to work: true at times when it was interrupted.
        self._promised = False
        self._lock = threading.Lock()
        # Who waits, and the round that serves them.
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    def join(self) -> None:
        """Return when the work was done once since the call.

        Raises what the work raised if this thread did it.
        """
        number = self._begun + 1
        if self._is_busy():
            self._wait(number)
        if self._done < number:
            self._lead(number)

    def _is_busy(self) -> bool:
        return self._promised or self._working.locked()

    def _wait(self, number: int) -> None:
        """Wait until a round is done, or it is this thread's turn to work."""
        gate = threading.Lock()
        gate.acquire()
        with self._lock:
            self._waiting.append((number, gate))
        # Looked at once it waits: who has stopped working by then may not have seen it.
        while self._done < number and self._is_busy():
            if gate.acquire(timeout=_PATIENCE):
                return
            self._promised = False

    def _lead(self, number: int) -> None:
        """Do the work, unless another thread has done this round meanwhile."""
        try:
            with self._working:
                self._promised = True
                if self._done < number:
                    self._begun = begun = self._begun + 1
                    self._work()
                    self._done = begun
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        """Wake the thread that works next, and those that are served."""
        woken = []
        with self._lock:
            while self._waiting and self._waiting[0][0] <= self._done:
                woken.append(self._waiting.popleft()[1])
            self._promised = bool(self._waiting)
            if self._waiting:
                woken.insert(0, self._waiting.popleft()[1])
        for gate in woken:
            gate.release()
