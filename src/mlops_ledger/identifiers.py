"""Ids made by the client, so that a write can be repeated without being done twice."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """Make a time-ordered UUIDv7.

    48 bits of milliseconds since 1970, then 74 random bits (RFC 9562, section 5.7).
    """
    value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
