"""Loggers in use are held until they are closed, at the latest at exit; a forked child forgets."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from types import FrameType
from typing import Any, Final, Protocol, TypeAlias

log = logging.getLogger("mlops_ledger.logger")

# Seconds to send what is left when the process ends.
_AT_EXIT: Final = 5.0

_Handler: TypeAlias = Callable[[int, FrameType | None], Any]


class Held(Protocol):
    """What a logger does at exit and in a forked child."""

    def _close(self, timeout: float) -> object:
        """Send what can be sent in so many seconds and spool the rest."""

    def _hurry(self) -> None:
        """Spend no more time on sending."""

    def _forget(self) -> None:
        """Leave everything to the parent process, and start over at the next call."""


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
        with suppress(BaseException), _signals_only_hurry():
            for each in list(_in_use.values()):
                _finish(each)


def _finish(held: Held) -> None:
    """Close a logger; one that cannot be closed must not keep the others from it."""
    try:
        held._close(_AT_EXIT)
    except Exception:
        log.exception("a prediction logger could not be closed")
        release(held)


@contextmanager
def _signals_only_hurry() -> Iterator[None]:
    """Have what handlers of signals raise end the sending: let through, it loses the records.

    Not only Ctrl-C raises: services end themselves with SystemExit at SIGTERM.
    """
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, _hurrying(handler))
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)


def _hurrying(handler: _Handler) -> _Handler:
    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except BaseException:
            for each in list(_in_use.values()):
                each._hurry()

    return handle


def _forget_all() -> None:
    for each in list(_made):
        each._forget()


os.register_at_fork(after_in_child=_forget_all)
