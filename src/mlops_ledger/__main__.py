"""The command `mlops-ledger`, also as `python -m mlops_ledger`."""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130


def run() -> None:
    """Run the command; Ctrl-C is quiet from the first import on."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from .cli import main

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        main(prog_name="mlops-ledger")
    finally:
        signal.signal(signal.SIGINT, _leave)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Let the command finish its step; at the second signal, end at once."""
    signal.signal(signal.SIGINT, _leave)
    # What runs where no exception can come out, such as a finalizer, would complain of it.
    sys.unraisablehook = lambda _: None
    raise KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    run()
