"""Segment files: records behind a length, a checksum and a sequence number, only ever appended.

A reader returns exactly what was written or skips it: a record counts only when its checksum,
which is salted by the file's name, fits and its number is above the one before. What follows a
damaged range is found again by the mark, whose bytes occur in no UTF-8 text.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

MARK: Final = b"\xff\xfe"
_MARKED: Final = Struct("<2sI")
_HEAD: Final = Struct("<IQ")
_FRONT: Final = Struct("<2sIIQ")
OVERHEAD: Final = _FRONT.size


class Record(NamedTuple):
    """A record as it was read: its number, its contents, and where it ends in what was read."""

    sequence: int
    payload: bytes
    end: int


def frame(salt: int, sequence: int, payload: bytes) -> bytes:
    """Put a record into the form in which it stands in a file."""
    checked = _HEAD.pack(len(payload), sequence) + payload
    return _MARKED.pack(MARK, crc32(checked, salt)) + checked


def scan(data: bytes, salt: int, after: int) -> Iterator[Record]:
    """Yield the intact records of a piece of a file whose numbers are above `after`."""
    offset, last = 0, len(data) - OVERHEAD
    view = memoryview(data)
    while 0 <= offset <= last:
        mark, checksum, size, sequence = _FRONT.unpack_from(data, offset)
        end = offset + OVERHEAD + size
        if mark != MARK or end > len(data) or crc32(view[offset + 6 : end], salt) != checksum:
            offset = data.find(MARK, offset + 1)
            continue
        if sequence > after:
            after = sequence
            yield Record(sequence, data[offset + OVERHEAD : end], end)
        offset = end


@dataclass(eq=False, slots=True)
class Segment:
    """One file of records: `size` bytes of it count, with so many `records`."""

    path: Path
    first: int
    salt: int
    size: int = 0
    records: int = 0
    sealed: bool = False
    reading: bool = False

    @classmethod
    def new(cls, folder: Path, first: int) -> Segment:
        """Name a file for records from number `first` on."""
        salt = secrets.randbits(32)
        return cls(folder / f"{first:016x}-{salt:08x}.seg", first, salt)

    @classmethod
    def found(cls, path: Path) -> Segment:
        """Read the name of a file that an earlier process left."""
        first, _, salt = path.stem.partition("-")
        return cls(path, int(first, 16), int(salt, 16), path.stat().st_size, sealed=True)

    @property
    def journal(self) -> Path:
        """The file beside it that says what has been delivered."""
        return self.path.with_suffix(".log")


class Appender:
    """Appends to a file, wholly or not at all."""

    def __init__(self, path: Path, *, new: bool = True) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_EXCL if new else 0)
        self.descriptor = os.open(path, flags, 0o600)
        self.size = 0 if new else os.fstat(self.descriptor).st_size
        self.broken = False

    def reserve(self, size: int) -> None:
        """Get room on the disk ahead, if there is any: a sync need not write where it is then."""
        with suppress(OSError):
            os.posix_fallocate(self.descriptor, self.size, size)

    def append(self, data: bytes) -> None:
        """Write all of `data`, or cut the file back and raise OSError."""
        try:
            written = os.pwrite(self.descriptor, data, self.size)
            while written < len(data):
                rest = memoryview(data)[written:]
                written += os.pwrite(self.descriptor, rest, self.size + written)
        except BaseException:
            self.broken |= not self._cut_back()
            raise
        self.size += written

    def close(self) -> None:
        """Cut off what does not count, such as room that was not used, and close the file."""
        descriptor = self.descriptor
        if descriptor >= 0:
            self._cut_back()
            self.descriptor = -1
            os.close(descriptor)

    def _cut_back(self) -> bool:
        """Cut off what lies behind the end; a torn record may stand there if it fails."""
        try:
            os.ftruncate(self.descriptor, self.size)
        except OSError:
            return False
        return True
