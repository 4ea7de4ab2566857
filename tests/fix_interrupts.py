"""A signal that comes at a given instruction of a call, and whose handler raises."""

from __future__ import annotations

import _thread
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """What the handler raises."""


class _Trip:
    # Handlers run after calls, at the turns of loops and at the starts of functions, and this is
    # none of these: the next one is in the code that is tried.
    __neg__ = staticmethod(partial(_thread.interrupt_main, signal.SIGUSR1))


_TRIP = _Trip()


def _interrupted(call: Callable[[], object], at: int) -> bool:
    """Call something with a signal at its instruction `at`; return whether it has so many.

    Raises Interrupted from where Python runs the handler.
    """
    left = at

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        left -= event == "opcode"
        if left:
            return trace
        sys.settrace(None)
        return -_TRIP

    def handle(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        sys.settrace(trace)
        call()
        sys.settrace(None)
    finally:
        sys.settrace(None)
        signal.signal(signal.SIGUSR1, before)
    return left == 0


def at_every_instruction(call: Callable[[], object]) -> Iterator[bool]:
    """Call something again and again, each time with a signal one instruction later.

    Yields whether the call returned, until it has no more instructions.
    """
    at, reached = 0, True
    while reached:
        at += 1
        try:
            reached = _interrupted(call, at)
        except Interrupted:
            yield False
        else:
            yield True
