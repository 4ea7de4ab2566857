"""Records that the database refuses for what they contain, kept in a file with the reason."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from ..files import is_planted, sync_folder
from .folder import is_for
from .segments import Appender
from .spool import Spool, SpoolFull

FILE_NAME: Final = "dead-letters.jsonl"
_AT_ONCE: Final = 1000


def write_dead_letters(
    root: Path, refused: Iterable[tuple[bytes, Exception]], *, target: str | None
) -> None:
    """Append records to the file of dead letters, one JSON object per line. Raises SpoolFull."""
    at = datetime.now(UTC)
    lines = [
        orjson.dumps(
            {
                "at": at,
                "error": type(error).__name__,
                "reason": " ".join(str(error).split()),
                "target": target,
                "record": orjson.Fragment(payload),
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for payload, error in refused
    ]
    try:
        with _locked(root) as file:
            if _is_cut_short(root):
                lines.insert(0, b"\n")
            file.append(b"".join(lines))
            os.fdatasync(file.descriptor)
    except OSError as error:
        raise SpoolFull(f"dead letters cannot be written: {error.strerror}") from None


def read_dead_letters(root: Path) -> Iterator[dict[str, Any]]:
    """Yield the dead letters, oldest first; a line that was cut short is left out."""
    for line in _lines(root):
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(line)


def requeue_dead_letters(root: Path, target: str | None) -> list[Spool]:
    """Move the dead letters back into folders of the spool, one for each version, locked by us.

    With a `target`, those stay that are meant for another.
    A crash on the way leaves some in both: they are stored once all the same. Raises OSError.
    """
    spools: dict[tuple[object, ...], Spool] = {}
    if not (root / FILE_NAME).exists():
        return []
    with _locked(root):
        left = []
        for line in _lines(root):
            try:
                letter = orjson.loads(line)
                record, meant = letter["record"], letter.get("target")
            except (orjson.JSONDecodeError, KeyError):
                left.append(line)
                continue
            if not is_for(meant, target):
                left.append(line)
                continue
            kind = record.get("model_name"), record.get("model_version"), meant
            if kind not in spools:
                spools[kind] = Spool.create(root, sys.maxsize, target=meant, durable=True)
            number = spools[kind].append([orjson.dumps(record)])
            if number % _AT_ONCE == 0:
                spools[kind].sync(number)
        for spool in spools.values():
            spool.sync()
        _replace(root, b"".join(left))
    return list(spools.values())


@contextmanager
def _locked(root: Path) -> Iterator[Appender]:
    """Open the file that all processes share, for us alone."""
    while True:
        file = Appender(root / FILE_NAME, new=False)
        try:
            fcntl.flock(file.descriptor, fcntl.LOCK_EX)
            if is_planted(os.fstat(file.descriptor), root):
                raise PermissionError(errno.EPERM, f"{FILE_NAME} belongs to another user")
            # Whoever had the lock before may have put another file in its place.
            if _is_current(root, file.descriptor):
                file.size = os.fstat(file.descriptor).st_size
                yield file
                return
        finally:
            file.close()


def _is_current(root: Path, descriptor: int) -> bool:
    try:
        return (root / FILE_NAME).stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _is_cut_short(root: Path) -> bool:
    """Return whether a crash left the last line without its end."""
    with (root / FILE_NAME).open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _lines(root: Path) -> Iterator[bytes]:
    with suppress(FileNotFoundError), (root / FILE_NAME).open("rb") as lines:
        yield from lines


def _replace(root: Path, data: bytes) -> None:
    """Put a file with only `data` in the place of the file, or none when there is no data."""
    path = root / FILE_NAME
    if data:
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        file = Appender(part)
        try:
            file.append(data)
            os.fdatasync(file.descriptor)
        finally:
            file.close()
        part.replace(path)
    else:
        path.unlink()
    sync_folder(root)
