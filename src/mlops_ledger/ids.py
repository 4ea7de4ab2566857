"""Ids made by the client, so that a write can be repeated without being done twice.

They are UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970, then in the next 12
the fraction of the millisecond (section 6.2, method 3), which is exact to the microsecond. So the
id of a prediction leads straight to its row, whose key begins with the time.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any, Final
from uuid import UUID, SafeUUID

from .errors import InvalidValue

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNKNOWN: Final = SafeUUID.unknown

# Of our own, for programs seed the common one; a forked child must not repeat its parent. Not
# `os.urandom`: it lets go of the interpreter's lock, and where another thread waits for that, it
# costs a call of the logger several times its work.
_chance: Final = Random()
_bits: Final = _chance.getrandbits
os.register_at_fork(after_in_child=_chance.seed)


def new_id(at: datetime | None = None) -> UUID:
    """Make a time-ordered UUIDv7 for a timestamp, now by default; 62 bits are random.

    Raises InvalidValue for what is no timestamp with a zone.
    """
    return id_of_now()[0] if at is None else uuid7(_microseconds(at), _bits(62))


def id_of_now() -> tuple[UUID, int]:
    """Make a UUIDv7 for now, and return with it the microseconds since 1970 that it begins with."""
    microseconds = time.time_ns() // 1000
    return uuid7(microseconds, _bits(62)), microseconds


def id_for(key: str, at: datetime) -> UUID:
    """Make the id that a key, such as a request's, always has at a timestamp.

    A UUIDv7 as `new_id` makes them, with a BLAKE2b hash of the key in place of the random bits: a
    job that is run again gives its predictions the same ids, and stores none twice. Raises
    InvalidValue for a key that is not text and for anything but a timestamp with a zone.
    """
    try:
        text = str.encode(key)
    except (TypeError, UnicodeEncodeError):
        raise InvalidValue("key", "must be text") from None
    bits = int.from_bytes(blake2b(text, digest_size=8).digest()) & (1 << 62) - 1
    return uuid7(_microseconds(at), bits)


def uuid7(microseconds: int, random: int) -> UUID:
    """Put microseconds since 1970 and 62 random bits together."""
    number = _first_half(microseconds) << 64 | 0x2 << 62 | random
    # Without the checks of the constructor, which take longer than all the rest; so does finding
    # the member of the enumeration.
    made = UUID.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", _UNKNOWN)
    return made


def ordered_uuid7(microseconds: Any, number: Any, random: Any) -> tuple[Any, Any]:
    """Make the two halves of a UUIDv7 that sorts by a number of 32 bits within its microsecond.

    Ids out of order would split the pages of an index. 30 bits are random. Takes 64-bit integers
    or arrays of them. RFC 9562, section 6.2, methods 1 and 3.
    """
    return _first_half(microseconds), 1 << 63 | number << 30 | random >> 34


def first_number() -> int:
    """Draw the number to count from, so that writers at the same time have different numbers."""
    return int.from_bytes(os.urandom(4)) >> 1


def time_of(id: UUID) -> datetime:
    """Return the timestamp of a UUIDv7: to the microsecond if made here, else to the millisecond.

    Raises OverflowError for ids of another kind whose time lies beyond the year 9999.
    """
    microseconds: int = microseconds_of(id.int >> 64)
    return _EPOCH + microseconds * _MICROSECOND


def whole_millisecond(at: datetime) -> datetime:
    """Return a timestamp without the digits that an id made elsewhere does not have."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def microseconds_of(first_half: Any) -> Any:
    """Return the microseconds since 1970 in the first 64 bits of a UUIDv7.

    Rounds up, as `uuid7` rounds down, yet stays within the millisecond, whatever an id made
    elsewhere has there. Takes integers or arrays of them.
    """
    rest = ((first_half & 0xFFF) * 1000 + 4095) >> 12
    return (first_half >> 16) * 1000 + rest - (rest > 999)


def _microseconds(at: datetime) -> int:
    """Return the microseconds since 1970; a missing time of pandas has NaN of them."""
    found: Any = None
    if isinstance(at, datetime) and at.tzinfo is not None:
        with suppress(TypeError):
            found = (at - _EPOCH) // _MICROSECOND
    if not isinstance(found, int) or found < 0:
        raise InvalidValue("at", "must be a datetime with a time zone, since 1970")
    return found


def _first_half(microseconds: Any) -> Any:
    """Return 48 bits of milliseconds, the version, and 12 bits of the rest of a millisecond."""
    return microseconds // 1000 << 16 | 0x7000 | (microseconds % 1000 << 12) // 1000
