"""The folders of the spool: one for each logger and process.

A lock on a file in the folder says that its process lives: the kernel drops it with the process,
however that ends, and whoever gets the lock then takes the folder over. The file names the database
that the records are meant for: nobody with another takes them.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..files import is_planted
from .segments import Segment

_LOCK: Final = "lock"
_PROBLEM: Final = "problem"


class SpoolFolder:
    """A folder of the spool that this process has locked."""

    def __init__(self, path: Path, lock: int, target: str | None) -> None:
        self.path = path
        self.target = target
        self._lock = lock
        self._problem: str | None = None

    @classmethod
    def create(cls, root: Path, *, target: str | None, durable: bool) -> SpoolFolder:
        """Make a folder under `root`. Raises OSError."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Locked before it has its name: no other process may find it unlocked.
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
        try:
            lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _prepare(lock, target, durable)
                path = root / f"{os.getpid()}-{secrets.token_hex(6)}"
                made.rename(path)
            except OSError:
                os.close(lock)
                raise
        except OSError:
            # A full disk is retried with each record.
            shutil.rmtree(made, ignore_errors=True)
            raise
        return cls(path, lock, target)

    @classmethod
    def adopt(cls, path: Path, target: str | None) -> SpoolFolder | None:
        """Take the folder of a process that is gone; None when it lives, or another was faster.

        With a `target`, None also when the folder is meant for another.
        """
        meant = target_of(path)
        if not is_for(meant, target):
            return None
        try:
            lock = os.open(path / _LOCK, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The one who had the lock may have removed the folder.
            if os.stat(path / _LOCK).st_ino != os.fstat(lock).st_ino:
                raise FileNotFoundError
            # What a stranger wrote would be sent in our name.
            if is_planted(os.lstat(path), path.parent):
                raise PermissionError
        except OSError:
            os.close(lock)
            return None
        return cls(path, lock, meant)

    @property
    def locked(self) -> bool:
        """Whether the folder is still ours."""
        return self._lock >= 0

    def note_problem(self, problem: str | None) -> None:
        """Write down for `spool status` why the records wait."""
        if problem == self._problem:
            return
        self._problem = problem
        with suppress(OSError):
            if problem is None:
                (self.path / _PROBLEM).unlink(missing_ok=True)
            else:
                (self.path / _PROBLEM).write_text(problem)

    def remove(self) -> None:
        """Remove the folder, which holds no segment any more."""
        # A file of records, too, when the call that made it was interrupted: none counts.
        for leftover in (*self.path.glob("*.log"), *self.path.glob("*.seg")):
            leftover.unlink(missing_ok=True)
        for name in (_PROBLEM, _LOCK):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()

    def unlock(self) -> None:
        """Give up the lock."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def stored_segments(folder: Path) -> list[Segment]:
    """Find the segments in a folder, oldest first."""
    found = []
    for path in folder.glob("*.seg"):
        # Its process may have delivered it meanwhile.
        with suppress(FileNotFoundError):
            found.append(Segment.found(path))
    return sorted(found, key=lambda segment: segment.first)


def folders(root: Path) -> Iterator[Path]:
    """Yield the folders of loggers under the root of the spool, oldest first."""
    found = []
    for path in root.glob("[0-9]*-*"):
        # Its process may remove it at any time.
        with suppress(FileNotFoundError):
            found.append((path.stat().st_mtime, path))
    yield from (path for _, path in sorted(found) if path.is_dir())


def target_of(folder: Path) -> str | None:
    """Read which database the records of a folder are meant for; None when it does not say."""
    try:
        return (folder / _LOCK).read_text("utf-8", "replace") or None
    except OSError:
        return None


def problem_of(folder: Path) -> str | None:
    """Read why the records of a folder wait, if that was written down."""
    try:
        return (folder / _PROBLEM).read_text()
    except OSError:
        return None


def is_for(meant: str | None, target: str | None) -> bool:
    """Return whether what is meant for one database may go to a target; None is any."""
    return meant is None or target is None or meant == target


def is_live(folder: Path) -> bool:
    """Return whether the process of a folder lives."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared: two who look at the same time do not take each other for the owner.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def _prepare(lock: int, target: str | None, durable: bool) -> None:
    """Lock the file and write the target into it."""
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(lock, "w", encoding="utf-8", closefd=False) as file:
        file.write(target or "")
    if durable:
        os.fsync(lock)
