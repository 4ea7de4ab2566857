"""Encodes predictions for COPY in the binary format of PostgreSQL.

The driver's own dumpers cost several times as much a row. Values of the expected type take a
short way here; whatever is not is handed to the checks that every other writer uses, which
convert it or refuse it with the name of its field.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import chain, islice, repeat
from operator import itemgetter
from struct import Struct
from struct import error as StructError
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from . import prediction_fields as fields
from . import values
from .errors import InvalidValue
from .identifiers import uuid7
from .prediction_fields import KnownVersion

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
# In the order of the column list of the COPY statements.
COLUMNS: Final = (
    "id",
    "predicted_at",
    "model_version_id",
    "request_id",
    "batch_id",
    "feature_values",
    "inputs",
    "prediction",
    "predicted_label",
    "probability",
    "confidence_lower",
    "confidence_upper",
    "latency_ms",
    "status",
    "error_message",
    "cache_hit",
    "user_agent",
    "client_ip",
    "metadata",
)
# The server stores one chunk while the next is encoded: they must fit into a socket's buffer.
CHUNK: Final = 500
_CHECKED_FIRST: Final = 4

Key: TypeAlias = tuple[Any, Any]
Encoder: TypeAlias = Callable[[Any], bytes]

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH_MILLISECONDS: Final = 946_684_800_000
DAY: Final = 86_400_000_000
_NULL: Final = b"\xff\xff\xff\xff"
FLOAT8: Final = 701  # the oid of its type
_LENGTH: Final = Struct("!i").pack
# Lengths that never change are packed as bytes, which takes half the time of integers.
_EIGHT: Final = _LENGTH(8)
_DOUBLE: Final = Struct("!4sd").pack
_TIMESTAMP: Final = Struct("!4sq").pack
_UUID_LENGTH: Final = _LENGTH(16)
_BOOLEANS: Final = {True: b"\0\0\0\1\1", False: b"\0\0\0\1\0"}
_STATUSES: Final = {name: _LENGTH(len(name)) + name.encode() for name in ("success", "error")}


@dataclass(frozen=True, slots=True)
class Tally:
    """The predictions of one version in a write."""

    version: KnownVersion
    count: int
    first: datetime
    last: datetime


class Batch(Protocol):
    """The predictions of one write."""

    keys: list[Key]

    def __len__(self) -> int: ...

    def tallies(self, versions: Mapping[Key, KnownVersion]) -> list[Tally]:
        """Count the rows of each version, in the order of the versions' ids."""

    def days(self) -> list[tuple[datetime, datetime]]:
        """Return the stretches of days on which there are predictions."""

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Yield the COPY data; raises InvalidValue naming what does not fit."""


class RowBatch:
    """The rows of one write: looked through once, then encoded in chunks."""

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], model_name: str | None, model_version: str | None
    ) -> None:
        self.rows = list(rows)
        self._moments = _moments(self.rows)
        default = model_name, model_version
        self._keys: Iterable[Key] = repeat(default)
        self.keys = [default]
        if any("model_version" in row or "model_name" in row for row in self.rows):
            self._keys = [
                (row.get("model_name", model_name), row.get("model_version", model_version))
                for row in self.rows
            ]
            self.keys = _distinct(self._keys)

    def __len__(self) -> int:
        return len(self.rows)

    def tallies(self, versions: Mapping[Key, KnownVersion]) -> list[Tally]:
        """Count the rows of each version, in the order of the versions' ids."""
        moments: dict[Key, list[int]] = {key: [] for key in self.keys}
        for key, moment in zip(self._keys, self._moments, strict=False):
            moments[key].append(moment)
        found = [
            Tally(versions[key], len(times), instant(min(times)), instant(max(times)))
            for key, times in moments.items()
        ]
        return sorted(found, key=lambda tally: tally.version.id)

    def days(self) -> list[tuple[datetime, datetime]]:
        """Return the stretches of days on which there are predictions."""
        return stretches({moment // DAY for moment in self._moments})

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Yield the COPY data; small batches are checked to the last row before the first byte.

        Raises InvalidValue naming the row and its field.
        """
        chunks = self._chunks(versions)
        ready = list(islice(chunks, _CHECKED_FIRST))
        return chain([HEADER], ready, chunks, [TRAILER])

    def _chunks(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        encoders = {key: RowEncoder(version) for key, version in versions.items()}
        rows = zip(self.rows, self._keys, self._moments, strict=False)
        done = 0
        while chunk := list(islice(rows, CHUNK)):
            data: list[bytes] = []
            try:
                for row, key, moment in chunk:
                    data.append(encoders[key](row, moment))
            except InvalidValue as error:
                field = f"rows[{done + len(data)}].{error.field}"
                raise InvalidValue(field, error.problem) from None
            done += len(data)
            yield b"".join(data)


class RowEncoder:
    """Encodes rows of one version."""

    def __init__(self, version: KnownVersion) -> None:
        self._names = version.feature_names
        self._template = [b""] + [_NULL] * len(COLUMNS)
        self._template[0] = Struct("!h").pack(len(COLUMNS))
        self._template[_PLACES["model_version_id"]] = _UUID_LENGTH + version.id.bytes
        self._template[_PLACES["status"]] = _STATUSES["success"]
        encode = feature_encoder(version.feature_names)
        self._fields: dict[str, tuple[int, Encoder | None]] = {
            **_FIELDS,
            "features": (_PLACES["feature_values"], encode),
        }
        self._random = b""

    def __call__(self, row: Mapping[str, Any], moment: int) -> bytes:
        """Return the row, predicted at `moment`, as one tuple of the COPY stream."""
        if self._names is None and isinstance(row.get("features"), Mapping):
            row = fields.with_inputs(row)
        data = self._template.copy()
        known = self._fields
        for name, value in row.items():
            if value is not None:
                try:
                    place, encode = known[name]
                except KeyError:
                    raise InvalidValue(str(name), "is not a field of a prediction") from None
                if encode is not None:
                    data[place] = encode(value)
        data[1] = _UUID_LENGTH + self._id(row.get("id"), moment // 1000 + EPOCH_MILLISECONDS)
        data[2] = _TIMESTAMP(_EIGHT, moment)
        if data[_LOWER] is not _NULL and data[_UPPER] is not _NULL:
            fields.interval(row["confidence_lower"], row["confidence_upper"])
        return b"".join(data)

    def _id(self, given: object, milliseconds: int) -> bytes:
        if given is None:
            if not self._random:
                self._random = os.urandom(10 * CHUNK)
            random, self._random = self._random[:10], self._random[10:]
            return uuid7(milliseconds, random).to_bytes(16)
        id = given if isinstance(given, UUID) else values.uuid("id", given)
        number = id.int
        if number >> 80 != milliseconds:
            raise InvalidValue("id", fields.CONTRADICTS)
        return number.to_bytes(16)


def feature_encoder(names: list[str] | None) -> Encoder:
    """Make the encoder of `features` for a version's names; of any length without names."""
    get = _getter(names or [])
    arrays: dict[int, tuple[list[Any], Callable[..., bytes]]] = {}

    def encode(features: Any) -> bytes:
        found = features
        if type(features) is dict and names is not None and len(features) == len(names):
            try:
                found = get(features)
            except KeyError:
                fields.feature_list(names, features)
        elif type(features) is not list or (names is not None and len(features) != len(names)):
            found = fields.feature_list(names, features)
        size = len(found)
        if size not in arrays:
            arrays[size] = _array(size)
        parts, pack = arrays[size]
        parts[2::2] = found
        try:
            return pack(*parts)
        except (StructError, TypeError, OverflowError, ValueError):
            return _sparse_array(fields.feature_list(names, features))

    return encode


def moment_of(at: datetime) -> int:
    """Return an instant as PostgreSQL has it: microseconds since 2000."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(moment: int) -> datetime:
    """Return the instant of so many microseconds since 2000."""
    return EPOCH + timedelta(microseconds=moment)


def stretches(days: Iterable[int]) -> list[tuple[datetime, datetime]]:
    """Merge days, counted from 2000, into stretches: their first and their last midnight."""
    found: list[tuple[int, int]] = []
    for day in sorted(days):
        if found and found[-1][1] == day - 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return [(instant(first * DAY), instant(last * DAY)) for first, last in found]


def _moments(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    latest = moment_of(fields.latest_moment())
    found = []
    for index, row in enumerate(rows):
        try:
            at = row.get("predicted_at")
            if type(at) is not datetime or at.tzinfo is not UTC:
                at = fields.moment(at, row.get("id"))
            moment = moment_of(at)
            if not 0 <= moment <= latest:
                fields.moment(at, None)
        except AttributeError:
            raise InvalidValue(f"rows[{index}]", "must be a mapping of fields") from None
        except InvalidValue as error:
            raise InvalidValue(f"rows[{index}].{error.field}", error.problem) from None
        found.append(moment)
    return found


def _distinct(keys: Sequence[Key]) -> list[Key]:
    try:
        return list(dict.fromkeys(keys))
    except TypeError:
        for index, key in enumerate(keys):
            for field, value in zip(("model_name", "model_version"), key, strict=True):
                values.text(f"rows[{index}].{field}", value)
        raise


def _getter(names: list[str]) -> Callable[[Any], Any]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda features: [features[name] for name in names]


def _array(size: int) -> tuple[list[Any], Callable[..., bytes]]:
    """Return the parts of a float8[] of a size, values in every other place, and their packer."""
    if size == 0:
        return [Struct("!iiii").pack(12, 0, 0, FLOAT8)], Struct("16s").pack
    head = Struct("!iiiiii").pack(20 + 12 * size, 1, 0, FLOAT8, size, 1)
    return [head, *[_EIGHT, 0.0] * size], Struct("!24s" + "4sd" * size).pack


def _sparse_array(found: Sequence[float | None]) -> bytes:
    data = b"".join(_NULL if value is None else _DOUBLE(_EIGHT, value) for value in found)
    return Struct("!iiiiii").pack(20 + len(data), 1, 1, FLOAT8, len(found), 1) + data


def _text(field: str) -> Encoder:
    def encode(value: Any) -> bytes:
        if not (
            type(value) is str
            and value.isascii()
            and len(value) <= values.MAX_BYTES
            and "\0" not in value
        ):
            value = values.text(field, value)
        data: bytes = value.encode()
        return _LENGTH(len(data)) + data

    return encode


def _number(field: str, low: float, high: float) -> Encoder:
    def encode(value: Any) -> bytes:
        if not (isinstance(value, float) and low <= value <= high):
            value = fields.number(field, value)
        return _DOUBLE(_EIGHT, value)

    return encode


def _json(field: str) -> Encoder:
    def encode(value: Any) -> bytes:
        data = values.json(field, value).encode()
        return _LENGTH(len(data) + 1) + b"\x01" + data

    return encode


def _status(value: Any) -> bytes:
    return _STATUSES[fields.status("status", value)]


def _cache_hit(value: Any) -> bytes:
    return _BOOLEANS[values.boolean("cache_hit", value)]


def _client_ip(value: Any) -> bytes:
    found = values.address("client_ip", value)
    packed = found.packed
    family = 2 if isinstance(found, IPv4Address) else 3
    head = bytes((family, 8 * len(packed), 0, len(packed)))
    return _LENGTH(len(head) + len(packed)) + head + packed


_PLACES: Final = {name: place for place, name in enumerate(COLUMNS, 1)}
_LOWER: Final = _PLACES["confidence_lower"]
_UPPER: Final = _PLACES["confidence_upper"]
ENCODERS: Final[Mapping[str, Encoder]] = {
    **{
        name: _text(name)
        for name in ("request_id", "batch_id", "predicted_label", "error_message", "user_agent")
    },
    **{name: _number(name, *limits) for name, limits in fields.RANGES.items()},
    **{name: _json(name) for name in ("inputs", "metadata")},
    "status": _status,
    "cache_hit": _cache_hit,
    "client_ip": _client_ip,
}
_FIELDS: Final[Mapping[str, tuple[int, Encoder | None]]] = {
    **{name: (_PLACES[name], encode) for name, encode in ENCODERS.items()},
    # These are encoded for the row as a whole.
    **dict.fromkeys(("id", "predicted_at", "model_name", "model_version"), (0, None)),
}
