"""Standard output and error as they may be: closed, full, or of an encoding that knows little."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..visible import is_unicode


class Unwritable(Exception):
    """What a command prints cannot be written anywhere."""


@contextmanager
def prepared() -> Iterator[None]:
    """Run with streams that can write every character.

    Raises Unwritable when standard output is closed or cannot take all, BrokenPipeError when its
    reader has gone.
    """
    if sys.stdout is None:
        raise Unwritable("standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        # Errors of opening a file name it; those of writing one are refusals (`files.written`).
        if error.errno == errno.EPIPE or error.filename is not None:
            raise
        silence()
        raise Unwritable(f"standard output: {error.strerror}") from None


def utf8(argument: str) -> str:
    """Read an argument as UTF-8 where it is that and the locale could not read it."""
    try:
        return argument if is_unicode(argument) else os.fsencode(argument).decode()
    except UnicodeError:
        return argument


def file_name(argument: str) -> str:
    """Return what Python calls the file of an argument that was read as UTF-8."""
    try:
        os.fsencode(argument)
    except UnicodeEncodeError:
        return os.fsdecode(argument.encode("utf-8", "surrogatepass"))
    return argument


def silence() -> None:
    """Throw away what could not be written, so that the interpreter does not retry."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
