"""The spool: a folder of segment files for each logger and process.

A lock on a file in the folder says that its process lives: the kernel drops it with the process,
however that ends, and whoever gets the lock then takes the folder over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..embedded.files import sync_folder
from .segments import OVERHEAD, Appender, Segment, frame

SEGMENT_BYTES: Final = 8_000_000
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
LOCK: Final = "lock"


class SpoolFull(Exception):
    """The spool cannot take a record; the text says why."""


class Spool:
    """The folder of one logger in one process, locked by us.

    `durable` keeps what is not on the disk yet in memory too, because a failed fsync may lose it.
    """

    def __init__(
        self,
        folder: Path,
        lock: int,
        *,
        quota: int = 0,
        durable: bool = False,
        segments: Sequence[Segment] = (),
    ) -> None:
        self.folder = folder
        self.durable = durable
        self.lock = threading.RLock()
        self.room = threading.Condition(self.lock)
        self.segments = list(segments)
        self.bytes = sum(segment.size for segment in self.segments)
        self.synced = 0
        self.appended = 0
        self.settled = 0
        self._quota = quota
        self._segment_bytes = min(SEGMENT_BYTES, quota // 8)
        # What another process left was never counted here.
        self._countable = quota > 0
        self._flock = lock
        self._next = 1
        self._writer: Appender | None = None
        self._syncing = threading.Lock()
        self._unsynced: list[tuple[int, bytes]] = []
        self._dirty: list[Appender] = []

    @classmethod
    def create(cls, root: Path, quota: int, *, durable: bool = False) -> Spool:
        """Make a folder under `root` for this process. Raises OSError."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Locked before it has its name: no other process may find it unlocked.
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
        lock = os.open(made / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = root / f"{os.getpid()}-{secrets.token_hex(6)}"
        made.rename(folder)
        return cls(folder, lock, quota=quota, durable=durable)

    @classmethod
    def adopt(cls, folder: Path) -> Spool | None:
        """Take the folder of a process that is gone; None when it lives, or another was faster."""
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The one who had the lock may have removed the folder.
            if os.stat(folder / LOCK).st_ino != os.fstat(lock).st_ino:
                raise FileNotFoundError
            return cls(folder, lock, segments=stored_segments(folder))
        except OSError:
            os.close(lock)
            return None

    def append(self, payloads: Sequence[bytes]) -> int:
        """Write records and return the number of the last. Raises SpoolFull; then none is kept."""
        with self.lock:
            for _ in range(2):
                try:
                    return self._append(payloads)
                except OSError as error:
                    if error.errno in _NO_ROOM:
                        raise SpoolFull("the disk of the spool is full") from None
                    problem = error.strerror
                    # The file failed once and is not trusted again: go on in another.
                    self._seal()
            raise SpoolFull(f"the spool cannot be written: {problem}")

    def sync(self, sequence: int) -> None:
        """Return when the records up to a number are on the disk. Raises SpoolFull."""
        if self.synced >= sequence:
            return
        # Whoever waits here finds, mostly, that the one before has synced for him too.
        with self._syncing:
            for _ in range(3):
                if self.synced >= sequence or self._sync():
                    return
        raise SpoolFull("the spool cannot be synced to its disk")

    def drop_oldest(self) -> int:
        """Delete the oldest segment not in use; return how many records it held."""
        with self.lock:
            for segment in self.segments:
                if segment.sealed and not segment.reading:
                    self.retire(segment)
                    self.settled += segment.records
                    return segment.records
        return 0

    def retire(self, segment: Segment, *, keep: bool = False) -> None:
        """Delete a segment whose records have all been delivered, or keep it aside as damaged."""
        with self.lock:
            self.segments.remove(segment)
            self.bytes -= segment.size
            self.room.notify_all()
        if keep:
            segment.path.rename(
                self.folder.parent / f"damaged-{self.folder.name}-{segment.path.name}"
            )
        segment.path.unlink(missing_ok=True)
        if segment.journal.exists():
            # Were the journal gone first, a crash would leave records that look undelivered.
            sync_folder(self.folder)
            segment.journal.unlink(missing_ok=True)

    def state(self, segment: Segment) -> tuple[bool, int]:
        """Return whether a segment will not grow any more, and its size."""
        with self.lock:
            return segment.sealed, segment.size

    def waiting(self) -> int:
        """Count the records that were appended here and not yet settled."""
        return self.appended - self.settled

    def release(self) -> None:
        """Sync, give up the lock, and remove the folder if nothing is left in it."""
        with self.lock:
            writers = {*self._dirty, *([self._writer] if self._writer else [])}
            done = self._countable and not self.waiting()
            for writer in writers:
                if not done:
                    with suppress(OSError):
                        os.fdatasync(writer.descriptor)
                writer.close()
            self._dirty.clear()
            self._writer = None
            for segment in list(self.segments) if done else ():
                self.retire(segment)
            if not self.segments:
                self.remove()
            self.disown()

    def remove(self) -> None:
        """Remove the empty folder."""
        for leftover in self.folder.glob("*.log"):
            leftover.unlink(missing_ok=True)
        (self.folder / LOCK).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def disown(self) -> None:
        """Close the files without touching them, as a forked child must: they are its parent's."""
        lock, self._flock = self._flock, -1
        if lock >= 0:
            os.close(lock)
        for writer in {*self._dirty, *([self._writer] if self._writer else [])}:
            writer.close()
        self._writer = None

    def _append(self, payloads: Sequence[bytes]) -> int:
        size = sum(map(len, payloads)) + OVERHEAD * len(payloads)
        if self.bytes + size > self._quota:
            raise SpoolFull("the spool holds as much as it may")
        writer = self._writer
        if writer is None or writer.broken or writer.size > self._segment_bytes:
            self._seal()
            writer = self._open(self._next)
        first = self._next
        # Counted before it is written: no number may ever stand for two records.
        self._next += len(payloads)
        self._put(writer, list(enumerate(payloads, first)))
        return self._next - 1

    def _put(self, writer: Appender, records: Sequence[tuple[int, bytes]]) -> None:
        segment = self.segments[-1]
        before = writer.size
        writer.append(b"".join([frame(segment.salt, *record) for record in records]))
        segment.size = writer.size
        segment.records += len(records)
        self.appended += len(records)
        self.bytes += writer.size - before
        if self.durable:
            self._unsynced.extend(records)

    def _open(self, first: int) -> Appender:
        segment = Segment.new(self.folder, first)
        self._writer = Appender(segment.path)
        self.segments.append(segment)
        if self.durable:
            self._dirty.append(self._writer)
            sync_folder(self.folder)
        return self._writer

    def _seal(self) -> None:
        if self._writer is not None:
            self.segments[-1].sealed = True
            # What is not synced yet stays open until it is.
            if self._writer not in self._dirty:
                self._writer.close()
            self._writer = None

    def _sync(self) -> bool:
        with self.lock:
            upto, count, dirty = self._next - 1, len(self._unsynced), list(self._dirty)
        try:
            for writer in dirty:
                os.fdatasync(writer.descriptor)
        except OSError:
            self._write_again()
            return False
        with self.lock:
            del self._unsynced[:count]
            for writer in dirty:
                if writer is not self._writer:
                    self._dirty.remove(writer)
                    writer.close()
            self.synced = max(self.synced, upto)
        return True

    def _write_again(self) -> None:
        """Repeat what was not synced in another file: after a failed fsync it may be lost."""
        with self.lock:
            again, self._unsynced, self._countable = self._unsynced, [], False
            self._seal()
            for writer in self._dirty:
                writer.close()
            self._dirty.clear()
            try:
                if again:
                    self._put(self._open(again[0][0]), again)
            except OSError:
                self._seal()
                self._unsynced = again
            else:
                # The same numbers again: whoever reads both files takes each record once.
                self.appended -= len(again)


def stored_segments(folder: Path) -> list[Segment]:
    """Find the segments in a folder, oldest first."""
    found = [Segment.found(path) for path in folder.glob("*.seg")]
    return sorted(found, key=lambda segment: segment.first)


def folders(root: Path) -> Iterator[Path]:
    """Yield the folders of loggers under the root of the spool, oldest first."""
    found = [path for path in root.glob("[0-9]*-*") if path.is_dir()]
    yield from sorted(found, key=lambda path: path.stat().st_mtime)
