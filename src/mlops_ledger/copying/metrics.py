"""The metrics of one write: looked through once, then encoded for COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from struct import Struct
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from ..checks import values
from ..checks.metrics import Column, measured_at
from ..checks.plain import is_missing
from ..checks.predictions import latest_timestamp
from ..checks.rows import of_row, rows_of
from ..errors import InvalidValue
from ..ids import new_id, time_of
from .batch import CHUNK
from .binary import EIGHT, HEADER, NULL, SIXTEEN, TRAILER, microseconds, pack_timestamp
from .encoders import Encoder, encoder, joined, repeated

_pack_id: Final = Struct("!4sQQ").pack


@dataclass(frozen=True, slots=True, kw_only=True)
class InProduction:
    """Which version of a model was in production, and when."""

    model_name: str
    model_version_id: UUID
    deployed_at: datetime
    retired_at: datetime | None


class NamedVersion(NamedTuple):
    """A version that a row names by its number, and maybe by its id too."""

    model_name: str
    model_version: str
    model_version_id: UUID | None

    @classmethod
    def of(cls, model_name: Any, model_version: Any, id: Any) -> NamedVersion | None:
        """Check what a row names, None without a number; raises InvalidValue."""
        if is_missing(model_version):
            return None
        return cls(
            values.text("model_name", model_name),
            values.text("model_version", model_version),
            None if is_missing(id) else values.uuid("model_version_id", id),
        )


class MetricBatch(Protocol):
    """The metrics of one write."""

    # Of every row, in microseconds since 2000.
    micros: list[int]

    def named(self) -> set[NamedVersion]:
        """Return the versions that rows name by their number; raises InvalidValue."""

    def identify(self, ids: Mapping[NamedVersion, UUID]) -> None:
        """Put the ids of versions in the place of their numbers."""

    def models(self) -> set[str]:
        """Return the models of which a row names no version."""

    def encode(self, production: Sequence[InProduction]) -> Iterator[bytes]:
        """Yield the COPY data; raises InvalidValue naming what does not fit."""


class Write:
    """The ids of the rows of one write: always the same ones, and in order."""

    def __init__(self, idempotency_key: object) -> None:
        key = (
            new_id() if idempotency_key is None else values.uuid("idempotency_key", idempotency_key)
        )
        try:
            self.at = time_of(key)
        except OverflowError:
            self.at = datetime.max.replace(tzinfo=UTC)
        if key.version != 7:
            raise InvalidValue("idempotency_key", "is not a UUIDv7: make it with new_id()")
        self.first_half = key.int >> 64
        # 31 bits to count from and 30 that stay. Ids out of order would split pages of the index.
        digest = int.from_bytes(blake2b(key.bytes, digest_size=8).digest())
        self.second_half = 1 << 63 | digest >> 3 & (1 << 61) - 1


class MetricRows:
    """The rows of one write."""

    def __init__(
        self, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], idempotency_key: object
    ) -> None:
        self._columns = columns
        self._rows = rows_of("rows", rows)
        self._write = Write(idempotency_key)
        self.micros = self._timestamps()

    def named(self) -> set[NamedVersion]:
        """Return the versions that rows name by their number; raises InvalidValue."""
        found = set()
        for place, row in enumerate(self._rows):
            if "model_version" in row:
                try:
                    found.add(NamedVersion.of(*map(row.get, NamedVersion._fields)))
                except InvalidValue as error:
                    raise of_row(place, error) from None
        return {each for each in found if each is not None}

    def identify(self, ids: Mapping[NamedVersion, UUID]) -> None:
        """Put the ids of versions in the place of their numbers."""
        self._rows = [
            _identified(row, ids) if "model_version" in row else row for row in self._rows
        ]

    def models(self) -> set[str]:
        """Return the models of which a row names no version."""
        unversioned = (row for row in self._rows if row.get("model_version_id") is None)
        return {name for row in unversioned if isinstance(name := row.get("model_name"), str)}

    def encode(self, production: Sequence[InProduction]) -> Iterator[bytes]:
        """Yield the COPY data; raises InvalidValue naming the row and its field."""
        encode = _RowEncoder(self._columns, self._write, production)
        rows = enumerate(zip(self._rows, self.micros, strict=True))
        yield HEADER
        for start in range(0, len(self._rows), CHUNK):
            chunk = islice(rows, CHUNK)
            yield joined((encode(row, place, at) for place, (row, at) in chunk), start)
        yield TRAILER

    def _timestamps(self) -> list[int]:
        latest = microseconds(latest_timestamp())
        last, micros, found = None, 0, []
        for place, row in enumerate(self._rows):
            try:
                at = row.get("timestamp")
                if at is None or (at is not last and is_missing(at)):
                    at = self._write.at
                if at is not last:
                    known = type(at) is datetime and at.tzinfo is UTC
                    micros = microseconds(at if known else measured_at(at))
                    if not 0 <= micros <= latest:
                        measured_at(at)
                    last = at
            except InvalidValue as error:
                raise of_row(place, error) from None
            found.append(micros)
        return found


def _identified(row: Mapping[str, Any], ids: Mapping[NamedVersion, UUID]) -> dict[str, Any]:
    found = dict(row)
    named = NamedVersion.of(*map(row.get, NamedVersion._fields))
    del found["model_version"]
    return found if named is None else found | {"model_version_id": ids[named]}


class Production:
    """Looks up which version was in production."""

    def __init__(self, production: Iterable[InProduction]) -> None:
        self._deployments: dict[str, list[tuple[int, float, bytes]]] = {}
        for each in production:
            until = float("inf") if each.retired_at is None else microseconds(each.retired_at)
            found = microseconds(each.deployed_at), until, SIXTEEN + each.model_version_id.bytes
            self._deployments.setdefault(each.model_name, []).append(found)

    def version(self, model_name: Any, micros: int) -> bytes:
        """Return the id of the version; NULL without one, which the database refuses."""
        for since, until, id in self._deployments.get(model_name, ()):
            if since <= micros < until:
                return id
        return NULL


class _RowEncoder:
    """Encodes rows as tuples of the COPY stream."""

    def __init__(
        self, columns: Sequence[Column], write: Write, production: Iterable[InProduction]
    ) -> None:
        self._write = write
        self._production = Production(production)
        self._template = [len(columns).to_bytes(2)]
        self._fields: dict[str, tuple[int, Encoder]] = {}
        self._required = []
        for place, column in enumerate(columns, 1):
            encode = encoder(column.name, column.sql_type)
            self._template.append(NULL if column.default is None else encode(column.default))
            self._fields[column.name] = place, repeated(encode)
            if column.is_required:
                self._required.append((place, column.name))
        # Read before, for all rows.
        self._fields["timestamp"] = self._fields["timestamp"][0], lambda _: NULL
        self._version = self._fields.get("model_version_id", (0,))[0]

    def __call__(self, row: Mapping[str, Any], place: int, micros: int) -> bytes:
        data, fields, write = self._template.copy(), self._fields, self._write
        data[1] = _pack_id(SIXTEEN, write.first_half, write.second_half + (place << 30))
        for name, value in row.items():
            if value is not None:
                try:
                    index, encode = fields[name]
                except KeyError:
                    raise InvalidValue(str(name), "is not a field of a metric") from None
                data[index] = encode(value)
        data[2] = pack_timestamp(EIGHT, micros)
        for index, name in self._required:
            if data[index] is NULL:
                raise InvalidValue(name, "is required")
        if self._version and data[self._version] is NULL:
            data[self._version] = self._production.version(row["model_name"], micros)
        return b"".join(data)
