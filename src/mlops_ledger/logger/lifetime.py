"""Loggers in use are held until they are closed, at the latest at exit; a forked child forgets."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from typing import Any, Final, Protocol

# Seconds to send what is left when the process ends.
_AT_EXIT: Final = 5.0


class Held(Protocol):
    """What a logger does at exit and in a forked child."""

    def _close(self, timeout: float) -> object:
        """Send what can be sent in so many seconds and spool the rest."""

    def _hurry(self) -> None:
        """Spend no more time on sending."""

    def _forget(self) -> None:
        """Leave everything to the parent process, and begin anew at the next call."""


_made: weakref.WeakSet[Held] = weakref.WeakSet()
# By identity, in the order of their first calls.
_in_use: dict[int, Held] = {}


def register(logger: Held) -> None:
    """Have a logger forgotten in a forked child."""
    _made.add(logger)


def hold(logger: Held) -> None:
    """Keep a logger until `release`: one that is local to a function may hold records."""
    _in_use[id(logger)] = logger
    if multiprocessing.parent_process() is not None:
        # Children of multiprocessing skip atexit.
        Finalize(None, _close_all, exitpriority=100)


def release(logger: Held) -> None:
    """Let a closed logger go."""
    _in_use.pop(id(logger), None)


@atexit.register
def _close_all() -> None:
    while _in_use:
        # One that came before its handler was changed has stopped the closing, not the records.
        with suppress(KeyboardInterrupt), _interrupts_only_hurry():
            for each in list(_in_use.values()):
                each._close(_AT_EXIT)


@contextmanager
def _interrupts_only_hurry() -> Iterator[None]:
    """Have Ctrl-C end the sending: raised as an exception here, it would lose the records."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def hurry(*_: Any) -> None:
        for each in list(_in_use.values()):
            each._hurry()

    signal.signal(signal.SIGINT, hurry)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _forget_all() -> None:
    for each in list(_made):
        each._forget()


os.register_at_fork(after_in_child=_forget_all)
