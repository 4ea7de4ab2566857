"""Ids made by the client, so that a write can be repeated without being done twice."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def new_id(at: datetime | None = None) -> UUID:
    """Make a time-ordered UUIDv7 for an instant, now by default.

    48 bits of milliseconds since 1970, then 74 random bits (RFC 9562, section 5.7).
    """
    milliseconds = time.time_ns() // 10**6 if at is None else (at - _EPOCH) // _MILLISECOND
    return UUID(int=uuid7(milliseconds, os.urandom(10)))


def uuid7(milliseconds: int, random: bytes) -> int:
    """Put milliseconds since 1970 and ten random bytes together to the number of a UUIDv7."""
    value = milliseconds << 80 | int.from_bytes(random)
    value = value & ~(0xF << 76) | 0x7 << 76
    return value & ~(0x3 << 62) | 0x2 << 62


def time_of(id: UUID) -> datetime:
    """Return the instant of a UUIDv7, to the millisecond.

    Raises OverflowError for ids of another kind whose time lies beyond the year 9999.
    """
    return _EPOCH + (id.int >> 80) * _MILLISECOND
