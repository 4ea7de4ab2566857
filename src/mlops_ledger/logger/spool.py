"""The spool of one logger: records in segment files, from where they go to the database."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..files import sync_folder
from .folder import SpoolFolder, stored_segments
from .group_commit import GroupCommit
from .segments import OVERHEAD, Appender, Segment, frame

SEGMENT_BYTES: Final = 8_000_000
# Below, the disk counts as full: what is left is for journals and dead letters.
_SMALLEST: Final = 64_000
_SHARE: Final = 4
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL: Final = "the disk of the spool is full"


class SpoolFull(Exception):
    """The spool cannot take a record; the text says why."""


def has_room(folder: Path) -> bool:
    """Return whether the disk has room for another segment."""
    try:
        return _room(folder) >= _SMALLEST
    except OSError:
        return False


def _room(folder: Path) -> int:
    """Return how large the next segment may be: a share of what is free on the disk."""
    disk = os.statvfs(folder)
    # Some file systems do not say.
    return disk.f_bavail * disk.f_frsize // _SHARE if disk.f_blocks else SEGMENT_BYTES


class Spool:
    """The folder of one logger in one process, locked by us.

    A `durable` one writes records only when they are synced, those of many threads in one go; until
    then they stay in memory, because a failed sync may lose what was written.

    The handler of a signal may raise wherever a call returns, a function begins or a loop turns. So
    a count changes together with what it counts, with none of these in between.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        *,
        quota: int = 0,
        durable: bool = False,
        segments: Sequence[Segment] = (),
    ) -> None:
        self.folder = folder
        self.durable = durable
        self.lock = threading.RLock()
        self.segments = list(segments)
        self.bytes = sum(segment.size for segment in self.segments)
        self.synced = 0
        self.taken = 0
        self.delivered = 0
        self.dropped = 0
        # The number of the last record that was delivered.
        self.position = 0
        self._quota = quota
        self._segment_bytes = self._most_bytes = min(SEGMENT_BYTES, quota // 8)
        self._short = False
        # What another process left was never counted here.
        self._countable = quota > 0
        self._next = 1
        self._writer: Appender | None = None
        # The last that were taken.
        self._collected: list[bytes] = []
        self._collected_bytes = 0
        self._writing = threading.Lock()
        self._group = GroupCommit(self._commit)
        self._failing = False

    @classmethod
    def create(
        cls, root: Path, quota: int, *, target: str | None = None, durable: bool = False
    ) -> Spool:
        """Make a spool under `root` for this process. Raises OSError."""
        folder = SpoolFolder.create(root, target=target, durable=durable)
        return cls(folder, quota=quota, durable=durable)

    @classmethod
    def adopt(cls, path: Path, target: str | None = None) -> Spool | None:
        """Take over what a process that is gone has left; see `SpoolFolder.adopt`."""
        folder = SpoolFolder.adopt(path, target)
        return None if folder is None else cls(folder, segments=stored_segments(path))

    def append(self, payloads: Sequence[bytes], *, out_of: list[bytes] | None = None) -> int:
        """Take records and return the number of the last. Raises SpoolFull; then none is kept.

        They are at the front of `out_of`, and leave it, if it is given.
        """
        if self._failing:
            self.sync()
        count = len(payloads)
        size = OVERHEAD * count
        for payload in payloads:
            size += len(payload)
        with self.lock:
            if self.bytes + self._collected_bytes + size > self._quota:
                self._short = True
                raise SpoolFull("the spool holds as much as it may")
            # Counted before they are written: no number may ever stand for two records.
            first = self._next
            self._next = after = first + count
            if self.durable:
                self.taken += count
                self._collected += payloads
                self._collected_bytes += size
            else:
                self._write(first, payloads, out_of)
            return after - 1

    @property
    def last(self) -> int:
        """The number of the last record that was taken."""
        return self._next - 1

    def sync(self, sequence: int | None = None) -> None:
        """Return when the records up to a number, by default all, are on the disk.

        Does nothing in a spool that is not durable. Raises SpoolFull; the records are kept, and
        every later call retries.
        """
        if sequence is None:
            sequence = self.last
        while self.durable and self.synced < sequence:
            self._group.join()

    def discard(self) -> int:
        """Drop what could not be written; return how many records."""
        with self._writing, self.lock:
            count = len(self._collected)
            if count:
                self.synced = self._next - 1
            self.dropped += count
            del self._collected[:]
            self._collected_bytes = 0
            self._failing = False
        return count

    def drop_oldest(self) -> int:
        """Delete the oldest segment not in use; return how many records it held."""
        with self.lock:
            for segment in self.segments:
                if segment.sealed and not segment.reading:
                    self.retire(segment, dropped=True)
                    return segment.records
        return 0

    def retire(self, segment: Segment, *, keep: bool = False, dropped: bool = False) -> None:
        """Delete a segment whose records are all delivered or dropped, or `keep` a damaged one."""
        with self.lock:
            place = self.segments.index(segment)
            del self.segments[place]
            self.bytes -= segment.size
            if dropped:
                self.dropped += segment.records
        if keep:
            segment.path.rename(
                self.folder.path.parent / f"damaged-{self.folder.path.name}-{segment.path.name}"
            )
        segment.path.unlink(missing_ok=True)
        if segment.journal.exists():
            # Were the journal gone first, a crash would leave records that look undelivered.
            sync_folder(self.folder.path)
            segment.journal.unlink(missing_ok=True)

    def seal_delivered(self, segment: Segment, size: int) -> bool:
        """Seal the open segment, of which `size` bytes were delivered, so that it can be retired.

        Returns whether it is sealed: a small one goes on, unless its room is needed, and so does
        one that has grown meanwhile.
        """
        with self._writing, self.lock:
            worth_it = self._short or 2 * size > self._segment_bytes
            if not segment.sealed and worth_it and 0 < segment.size == size:
                self._seal()
            return segment.sealed

    def state(self, segment: Segment) -> tuple[bool, int]:
        """Return whether a segment will not grow any more, and its size."""
        with self.lock:
            return segment.sealed, segment.size

    def waiting(self) -> int:
        """Count the records that were taken here and are neither delivered nor dropped."""
        with self.lock:
            return self.taken - self.delivered - self.dropped

    def release(self) -> None:
        """Sync, give up the lock, and remove the folder if nothing is left in it."""
        with suppress(SpoolFull):
            self.sync()
        with self._writing, self.lock:
            done = self._countable and not self.waiting()
            if self._writer is not None and not done:
                with suppress(OSError):
                    os.fdatasync(self._writer.descriptor)
            self._seal()
            for segment in list(self.segments) if done else ():
                self.retire(segment)
            if not self.segments:
                self.folder.remove()
            self.disown()

    def disown(self) -> None:
        """Close the files without touching them, as a forked child must: they are its parent's."""
        self.folder.unlock()
        writer, self._writer = self._writer, None
        if writer is not None:
            os.close(writer.descriptor)

    def _commit(self) -> None:
        """Write and sync what was collected; leave it collected when that fails."""
        with self._writing:
            with self.lock:
                payloads = list(self._collected)
                first = self._next - len(payloads)
            if payloads:
                try:
                    self._write(first, payloads, self._collected)
                except SpoolFull:
                    self._failing = True
                    raise
            self._failing = False

    def _write(self, first: int, payloads: Sequence[bytes], out_of: list[bytes] | None) -> None:
        for _ in range(3):
            try:
                self._put(first, payloads, out_of)
                return
            except OSError as error:
                no_room = error.errno in _NO_ROOM
                # A file that failed once is not trusted again, unless it was only cut back.
                if not (no_room and self._is_whole()):
                    self._seal()
                if no_room:
                    self._short = True
                    raise SpoolFull(_DISK_FULL) from None
                problem = error.strerror
        raise SpoolFull(f"the spool cannot be written: {problem}")

    def _is_whole(self) -> bool:
        """Return whether the file ends where what counts of it ends."""
        writer = self._writer
        return writer is None or (not writer.broken and writer.size == self.segments[-1].size)

    def _put(self, first: int, payloads: Sequence[bytes], out_of: list[bytes] | None) -> None:
        """Write records; they count only once they are synced, where that is asked for."""
        writer = self._writer
        # What a call wrote that was interrupted before it was counted is cut off.
        if (
            writer is None
            or writer.size > self._segment_bytes
            or writer.size != self.segments[-1].size
        ):
            self._seal()
            writer = self._open(first)
        segment = self.segments[-1]
        frames = []
        number = first
        for payload in payloads:
            frames.append(frame(segment.salt, number, payload))
            number += 1
        writer.append(b"".join(frames))
        if not self.durable:
            self._count(segment, writer.size, number - first, out_of)
            return
        os.fdatasync(writer.descriptor)
        with self.lock:
            self._count(segment, writer.size, number - first, out_of)

    def _count(self, segment: Segment, size: int, records: int, out_of: list[bytes] | None) -> None:
        """Have a segment hold more records, which leave where they were."""
        added = size - segment.size
        segment.size = size
        segment.records += records
        self.bytes += added
        if self.durable:
            self.synced += records
            self._collected_bytes -= added
        else:
            self.taken += records
        if out_of is not None:
            del out_of[:records]

    def _open(self, first: int) -> Appender:
        if not self.folder.locked:
            raise SpoolFull("the spool is closed")
        room = _room(self.folder.path)
        if room < _SMALLEST:
            self._short = True
            raise SpoolFull(_DISK_FULL)
        self._segment_bytes = min(self._most_bytes, room)
        segment = Segment.new(self.folder.path, first)
        writer = Appender(segment.path)
        if self.durable:
            writer.reserve(self._segment_bytes)
            sync_folder(self.folder.path)
        with self.lock:
            self._writer = writer
            self.segments.append(segment)
            self._short = False
        return writer

    def _seal(self) -> None:
        with self.lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                self.segments[-1].sealed = True
                writer.size = self.segments[-1].size
                writer.close()
