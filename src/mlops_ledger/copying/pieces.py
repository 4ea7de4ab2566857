"""The predictions of one write, encoded piece by piece in a thread that others must not notice.

The rows of a piece are let go before those of the next are made: no piece of work is long, and
the garbage collector never finds many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from ..checks import predictions as fields
from ..checks.predictions import KnownVersion
from ..errors import InvalidValue
from .batch import ChunkEncoder, Key, VersionCount
from .binary import DAY, EPOCH_MICROSECONDS, HEADER, TRAILER, microseconds, timestamp

# Lets other threads run for a while.
Rest: TypeAlias = Callable[[], object]

# Pieces that are handed to the driver at once.
_SENT: Final = 8


class PieceBatch:
    """Encoded rows, with a `rest` between two pieces of work."""

    def __init__(
        self, version_of: Callable[[Any, Any], KnownVersion], rest: Rest | None = None
    ) -> None:
        self._version_of = version_of
        self._rest = rest
        self._latest = microseconds(fields.latest_timestamp())
        self._versions: dict[Key, KnownVersion] = {}
        self._encode = ChunkEncoder({})
        # Of each version, how many rows, the first and the last time.
        self._counts: dict[Key, tuple[int, int, int]] = {}
        self._days: set[int] = set()
        self._pieces: list[bytes] = []

    def __len__(self) -> int:
        return sum(count for count, _, _ in self._counts.values())

    @property
    def keys(self) -> list[Key]:
        """The models and versions of the rows."""
        return list(self._versions)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Encode a piece, of rows whose `predicted_at` is microseconds since 1970.

        Raises InvalidValue for what does not fit, NotFound.
        """
        micros = self._micros(rows)
        keys = [(row.get("model_name"), row.get("model_version")) for row in rows]
        distinct = set(keys)
        if not self._versions.keys() >= distinct:
            self._versions |= {key: self._version_of(*key) for key in distinct}
            self._encode = ChunkEncoder(self._versions)
        self._pieces.append(self._encode(rows, keys, micros, 0))
        for key in distinct:
            self._count(key, [at for at, own in zip(micros, keys, strict=True) if own == key])
        if self._rest is not None:
            self._rest()

    def counts(self, versions: Mapping[Key, KnownVersion]) -> list[VersionCount]:
        """Count the rows of each version, in the order of the versions' ids."""
        found = [
            VersionCount(versions[key], count, timestamp(first), timestamp(last))
            for key, (count, first, last) in self._counts.items()
        ]
        return sorted(found, key=lambda count: count.version.id)

    def days(self) -> list[datetime]:
        """Return the days on which there are predictions."""
        return [timestamp(day * DAY) for day in self._days]

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Yield the COPY data."""
        yield HEADER
        for start in range(0, len(self._pieces), _SENT):
            if self._rest is not None:
                self._rest()
            yield b"".join(self._pieces[start : start + _SENT])
        yield TRAILER

    def _micros(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        times = [row["predicted_at"] for row in rows]
        if set(map(type, times)) == {int}:
            found = [at - EPOCH_MICROSECONDS for at in times]
            if min(found) >= 0 and max(found) <= self._latest:
                return found
        raise InvalidValue("predicted_at", "is no time from 2000 on")

    def _count(self, key: Key, micros: Sequence[int]) -> None:
        first, last = min(micros), max(micros)
        count, earliest, latest = self._counts.get(key, (0, first, last))
        self._counts[key] = count + len(micros), min(earliest, first), max(latest, last)
        self._days.update(at // DAY for at in (micros if last - first >= DAY else (first, last)))
