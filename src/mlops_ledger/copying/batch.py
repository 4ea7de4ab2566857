"""The predictions of one write: looked through once, then encoded for COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count, islice
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias

from ..checks import predictions as fields
from ..checks import values
from ..checks.predictions import KnownVersion
from ..checks.rows import of_row, rows_of
from ..errors import InvalidValue
from ..ids import first_number
from .binary import DAY, HEADER, TRAILER, all_microseconds, timestamp
from .encoders import joined
from .row_block import BlockEncoder
from .rows import RowEncoder

# The server stores one chunk while the next is encoded: they must fit into a socket's buffer.
CHUNK: Final = 500
_CHECKED_FIRST: Final = 4
# Fewer rows are cheaper one by one.
_BLOCK: Final = 20
_ZONE: Final = attrgetter("tzinfo")

Key: TypeAlias = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class VersionCount:
    """The predictions of one version in a write."""

    version: KnownVersion
    count: int
    first: datetime
    last: datetime


class Batch(Protocol):
    """The predictions of one write."""

    @property
    def keys(self) -> list[Key]:
        """The models and versions of the rows."""

    def __len__(self) -> int: ...

    def counts(self, versions: Mapping[Key, KnownVersion]) -> list[VersionCount]:
        """Count the rows of each version, in the order of the versions' ids."""

    def days(self) -> list[datetime]:
        """Return the days on which there are predictions."""

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Yield the COPY data; raises InvalidValue naming what does not fit."""


class RowBatch:
    """The rows of one write: looked through once, then encoded in chunks."""

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], model_name: str | None, model_version: str | None
    ) -> None:
        self.rows = rows_of("rows", rows)
        self._times = _times(self.rows)
        default = model_name, model_version
        self._keys: list[Key] = [default] * len(self.rows)
        self.keys = [default]
        if any("model_version" in row or "model_name" in row for row in self.rows):
            self._keys = [
                (row.get("model_name", model_name), row.get("model_version", model_version))
                for row in self.rows
            ]
            self.keys = _distinct(self._keys)

    def __len__(self) -> int:
        return len(self.rows)

    def counts(self, versions: Mapping[Key, KnownVersion]) -> list[VersionCount]:
        """Count the rows of each version, in the order of the versions' ids."""
        times: dict[Key, list[datetime]] = {self.keys[0]: self._times}
        if len(self.keys) > 1:
            times = {key: [] for key in self.keys}
            for key, at in zip(self._keys, self._times, strict=True):
                times[key].append(at)
        found = [
            VersionCount(versions[key], len(own), min(own), max(own)) for key, own in times.items()
        ]
        return sorted(found, key=lambda count: count.version.id)

    def days(self) -> list[datetime]:
        """Return the days on which there are predictions."""
        days = {at // DAY for at in all_microseconds(self._times)}
        return [timestamp(day * DAY) for day in days]

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Yield the COPY data; small batches are checked to the last row before the first byte.

        Raises InvalidValue naming the row and its field.
        """
        chunks = self._chunks(versions)
        ready = list(islice(chunks, _CHECKED_FIRST))
        return chain([HEADER], ready, chunks, [TRAILER])

    def _chunks(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        encode = ChunkEncoder(versions)
        for start in range(0, len(self.rows), CHUNK):
            place = slice(start, start + CHUNK)
            micros = all_microseconds(self._times[place])
            yield encode(self.rows[place], self._keys[place], micros, start)


class ChunkEncoder:
    """Encodes rows of some versions; ids that it makes are in the order of the rows."""

    def __init__(self, versions: Mapping[Key, KnownVersion]) -> None:
        numbers = count(first_number())
        self._row = {key: RowEncoder(known, numbers) for key, known in versions.items()}
        self._block = {key: BlockEncoder(known, numbers) for key, known in versions.items()}

    def __call__(
        self,
        rows: Sequence[Mapping[str, Any]],
        keys: Sequence[Key],
        micros: Sequence[int],
        start: int,
    ) -> bytes:
        """Return rows, the first at a place of its batch; raises InvalidValue naming the row."""
        block = None
        if len(rows) >= _BLOCK and keys.count(keys[0]) == len(keys):
            block = self._block[keys[0]](rows, micros)
        if block is None:
            each = zip(keys, rows, micros, strict=True)
            block = joined((self._row[key](row, at) for key, row, at in each), start)
        return block


def _times(rows: Sequence[Mapping[str, Any]]) -> list[datetime]:
    times: list[Any] = [row.get("predicted_at") for row in rows]
    latest = fields.latest_timestamp()
    if set(map(type, times)) == {datetime}:
        with suppress(TypeError):  # a zone that has no hash
            # Those of another zone are compared by its clock, which goes back in autumn.
            is_utc = set(map(_ZONE, times)) == {UTC}
            if is_utc and min(times) >= fields.EARLIEST and max(times) <= latest:
                return times
    for place, row in enumerate(rows):
        try:
            times[place] = fields.predicted_at(times[place], row.get("id"))
            if not fields.EARLIEST <= times[place] <= latest:
                fields.predicted_at(times[place], None)
        except InvalidValue as error:
            raise of_row(place, error) from None
    return times


def _distinct(keys: Sequence[Key]) -> list[Key]:
    try:
        return list(dict.fromkeys(keys))
    except TypeError:
        for index, key in enumerate(keys):
            for field, value in zip(("model_name", "model_version"), key, strict=True):
                values.text(f"rows[{index}].{field}", value)
        raise
