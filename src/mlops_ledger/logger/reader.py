"""Reads the records of a spool in order, and remembers in a journal what has been delivered.

Before a batch is sent, its id and its first and last number are written down: a later process
that finds them sends the same batch under the same id, so that it is stored once.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from ..ids import new_id
from .pace import Pace
from .segments import OVERHEAD, Appender, Record, Segment, frame, scan
from .spool import Spool

BATCH_BYTES: Final = 4_000_000
# What is looked through at a time, so that other threads may run in between.
_READ: Final = 12_000


class SpoolReader:
    """The batches of one spool, one after the other, each of at most `limit` records."""

    def __init__(self, spool: Spool, batch_rows: int) -> None:
        self.spool = spool
        self._batch_rows = batch_rows
        self.limit = batch_rows
        self._segment: Segment | None = None
        self._file = -1
        self._offset = 0
        self._read_to = 0
        self._damaged = False
        self._ready: deque[Record] = deque()
        self._journal: Appender | None = None
        self._pending: tuple[UUID, int, int] | None = None

    def batch(self, *, pace: Pace | None = None) -> list[Record]:
        """Return the next records to deliver; the same ones until they are acknowledged."""
        last = self._pending[2] if self._pending else 0
        # What arrives meanwhile is for the next batch: it would be read a few records at a time.
        # Nothing arrives in the spool of an earlier process, which has no last number here.
        newest = self.spool.last
        while len(self._ready) < self.limit or self._ready[-1].sequence < last:
            if not self._read() or (self._ready and 0 < newest <= self._ready[-1].sequence):
                break
            if pace is not None:
                pace.rest()
        return self._same_again() if self._pending else self._cut()

    def begin(self, records: Sequence[Record]) -> UUID:
        """Write down that a batch is about to be sent, and return its id."""
        if self._pending is None:
            self._pending = new_id(), records[0].sequence, records[-1].sequence
            self._note(
                {"id": self._pending[0], "first": self._pending[1], "last": self._pending[2]}
            )
        return self._pending[0]

    def acknowledge(self, records: Sequence[Record]) -> None:
        """Write down that records need not be sent again."""
        for _ in records:
            self._ready.popleft()
        last = records[-1].sequence
        self._pending = None
        self.limit = min(2 * max(self.limit, 1), self._batch_rows)
        # Without a segment the logger was closed meanwhile, as late as the batch was answered:
        # whoever reads the spool next sends it again, under the same id.
        if self._segment is not None:
            self._note({"delivered": last})
        self.spool.delivered += len(records)
        # Last: whoever waits for it finds them counted.
        self.spool.position = last

    def divide(self, count: int) -> None:
        """Send only the first `count` records of a batch that was refused."""
        self._pending, self.limit = None, max(count, 1)

    def renew(self) -> None:
        """Give the batch another id."""
        self._pending = None

    def close(self) -> None:
        """Close the files."""
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            os.close(descriptor)
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._segment is not None:
            self._segment.reading = False
            self._segment = None

    def _same_again(self) -> list[Record]:
        assert self._pending is not None
        _, first, last = self._pending
        found = [record for record in self._ready if record.sequence <= last]
        if not found or found[0].sequence < first:
            self._pending = None
            return self._cut()
        return found

    def _cut(self) -> list[Record]:
        found: list[Record] = []
        size = 0
        for record in self._ready:
            size += len(record.payload)
            if len(found) == self.limit or (found and size > BATCH_BYTES):
                break
            found.append(record)
        return found

    def _read(self) -> bool:
        """Read a piece of the segment, or go on to the next; return whether anything was new."""
        if self._segment is None:
            return self._next_segment()
        sealed, size = self.spool.state(self._segment)
        if self._read_to < size:
            return self._read_piece(self._segment, size)
        if not self._ready and (sealed or self.spool.seal_delivered(self._segment, size)):
            self._finish(self._segment)
            return self._next_segment()
        return False

    def _read_piece(self, segment: Segment, size: int) -> bool:
        # The end of a piece may cut a record; read more then, up to all there is.
        length = max(_READ, 2 * (self._read_to - self._offset))
        data = os.pread(self._file, min(length, size - self._offset), self._offset)
        last = self._ready[-1].sequence if self._ready else self.spool.position
        found = list(scan(data, segment.salt, 0))
        self._ready.extend(record for record in found if record.sequence > last)
        self._read_to = self._offset + len(data)
        if found:
            intact = sum(len(record.payload) + OVERHEAD for record in found)
            self._damaged |= found[-1].end > intact
            self._offset += found[-1].end
            self._read_to = self._offset if self._read_to < size else size
        elif not data:
            self._read_to = size
        return True

    def _next_segment(self) -> bool:
        with self.spool.lock:
            if not self.spool.segments:
                return False
            self._segment = self.spool.segments[0]
            self._segment.reading = True
        self._file = os.open(self._segment.path, os.O_RDONLY)
        self._offset = self._read_to = 0
        self._damaged = False
        self._replay_journal(self._segment)
        return True

    def _finish(self, segment: Segment) -> None:
        self.close()
        self.spool.retire(segment, keep=self._damaged)

    def _replay_journal(self, segment: Segment) -> None:
        for note in notes(segment):
            if "delivered" in note:
                self.spool.position = max(self.spool.position, note["delivered"])
                self._pending = None
            else:
                self._pending = UUID(note["id"]), note["first"], note["last"]

    def _note(self, note: dict[str, object]) -> None:
        assert self._segment is not None
        try:
            if self._journal is None:
                self._journal = Appender(self._segment.journal, new=False)
            data = frame(self._segment.salt, self._journal.size + 1, orjson.dumps(note))
            self._journal.append(data)
            if self.spool.durable and "id" in note:
                os.fdatasync(self._journal.descriptor)
        except OSError:
            # Without the note a crash at this point sends the rows under another id: the
            # database finds each of them by its own, which takes longer but stores them once.
            if self._journal is not None:
                self._journal.close()
                self._journal = None


def notes(segment: Segment) -> Iterator[dict[str, Any]]:
    """Yield what the journal of a segment says, in order."""
    try:
        data = segment.journal.read_bytes()
    except FileNotFoundError:
        return
    for record in scan(data, segment.salt, 0):
        yield orjson.loads(record.payload)
