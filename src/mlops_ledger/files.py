"""Make names on disk durable, and tell what others could have put there."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LedgerError


@contextmanager
def written(file: Path) -> Iterator[None]:
    """Write a file; raises LedgerError that names it when it cannot be written."""
    try:
        yield
    except OSError as error:
        # A full disk is reported without the name of the file, and by PyArrow in its own words.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LedgerError(f"{file} cannot be written: {reason}") from None


def sync_folder(folder: Path) -> None:
    """Make new names and renames in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def distrust(path: Path, owners: Collection[int], *, secret: bool = False) -> str | None:
    """Return why others could have put something of theirs at `path`, or None.

    It must be no symbolic link, belong to one of `owners`, and be writable by nobody else; what is
    `secret` not even readable. Raises OSError.
    """
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return "is a symbolic link: name the folder or file itself"
    if found.st_uid not in owners:
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"can be written by others: run chmod go-w {path}"
    if secret and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"can be read by others: run chmod go= {path}"
    for parent in path.absolute().parents:
        mode = os.stat(parent).st_mode
        # Where the sticky bit is set, as in /tmp, nobody can rename what is another's.
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"lies in {parent}, where everybody can rename it: run chmod o-w {parent}"
    return None


def is_planted(found: os.stat_result, folder: Path) -> bool:
    """Return whether a stranger has put something into a folder that many can write.

    It must belong to root, to this user, or to whom the folder belongs. Raises OSError.
    """
    return found.st_uid not in {0, os.geteuid(), os.stat(folder).st_uid}
