"""Pieces of PostgreSQL's binary COPY format. An encoded field begins with its length."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = b"\xff\xff\xff\xff"
FLOAT8: Final = 701  # the oid of its type

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH_MICROSECONDS: Final = 946_684_800_000_000
DAY: Final = 86_400_000_000

pack_length: Final = Struct("!i").pack
# Lengths that never change are packed as bytes, which takes half the time of integers.
EIGHT: Final = pack_length(8)
SIXTEEN: Final = pack_length(16)
pack_double: Final = Struct("!4sd").pack
pack_timestamp: Final = Struct("!4sq").pack


def microseconds(at: datetime) -> int:
    """Return a timestamp as PostgreSQL has it: microseconds since 2000."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def all_microseconds(times: Iterable[datetime]) -> list[int]:
    """Return timestamps as PostgreSQL has them, without a call for each."""
    return [
        ((since := at - EPOCH).days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        for at in times
    ]


def timestamp(micros: int) -> datetime:
    """Return the timestamp of so many microseconds since 2000."""
    return EPOCH + timedelta(microseconds=micros)
