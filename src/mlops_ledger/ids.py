"""Ids made by the client, so that a write can be repeated without being done twice."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def new_id(at: datetime | None = None) -> UUID:
    """Make a time-ordered UUIDv7 for a timestamp, now by default.

    48 bits of milliseconds since 1970, then 74 random bits (RFC 9562, section 5.7).
    """
    milliseconds = time.time_ns() // 10**6 if at is None else (at - _EPOCH) // _MILLISECOND
    return UUID(int=uuid7(milliseconds, os.urandom(10)))


def id_for(key: str, at: datetime) -> UUID:
    """Make the id that a key, such as a request's, always has at a timestamp.

    A UUIDv7 as `new_id` makes them, with a BLAKE2b hash of the key in place of the random bits: a
    job that is run again gives its predictions the same ids, and stores none twice.
    """
    fingerprint = blake2b(key.encode(), digest_size=10).digest()
    return UUID(int=uuid7((at - _EPOCH) // _MILLISECOND, fingerprint))


def uuid7(milliseconds: int, random: bytes) -> int:
    """Put milliseconds since 1970 and ten random bytes together to the number of a UUIDv7."""
    value = milliseconds << 80 | int.from_bytes(random)
    value = value & ~(0xF << 76) | 0x7 << 76
    return value & ~(0x3 << 62) | 0x2 << 62


def ordered_uuid7(milliseconds: Any, number: Any, random: Any) -> tuple[Any, Any]:
    """Make the two halves of a UUIDv7 that sorts by a number of 32 bits within its millisecond.

    Ids out of order would split the pages of an index. 42 bits are random. Takes 64-bit integers
    or arrays of them. RFC 9562, section 6.2, method 1.
    """
    first = milliseconds << 16 | 0x7000 | number >> 20
    return first, 1 << 63 | (number & 0xFFFFF) << 42 | random >> 22


def first_number() -> int:
    """Draw the number to count from, so that writers at the same time have different numbers."""
    return int.from_bytes(os.urandom(4)) >> 1


def time_of(id: UUID) -> datetime:
    """Return the timestamp of a UUIDv7, to the millisecond.

    Raises OverflowError for ids of another kind whose time lies beyond the year 9999.
    """
    return _EPOCH + (id.int >> 80) * _MILLISECOND
