"""Ids that follow from what a row says, so that a row is stored once however often it is read.

Two rows that say the same are two predictions; the second time it counts as another. So the place
of a row in its file does not matter: mended and shortened files can be imported again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from ....ids import id_for


class RowIds:
    """Makes the ids of rows that come one by one."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def make(self, key: tuple[str, str], row: Mapping[str, Any], at: datetime) -> UUID:
        """Return the id of a row of a version."""
        content = orjson.dumps(
            [key, row], default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
        )
        digest = blake2b(content, digest_size=10).digest()
        self._seen[digest] += 1
        return id_for(f"{digest.hex()} {self._seen[digest]}", at)
