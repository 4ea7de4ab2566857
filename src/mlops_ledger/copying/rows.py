"""Encodes predictions for COPY in the binary format of PostgreSQL.

The driver's own dumpers cost several times as much a row. Values of the expected type take a
short way here; whatever is not is handed to the checks that every other writer uses, which
convert it or refuse it with the name of its field.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from ipaddress import IPv4Address
from itertools import chain
from operator import itemgetter
from struct import Struct
from struct import error as StructError
from types import NoneType
from typing import Any, Final
from uuid import UUID

from ..checks import predictions as fields
from ..checks import values
from ..checks.plain import is_missing
from ..checks.prediction_fields import ALONE, COLUMNS, Field
from ..checks.predictions import KnownVersion
from ..checks.rows import by_name
from ..errors import InvalidValue
from ..ids import ordered_uuid7
from .binary import (
    EIGHT,
    EPOCH_MICROSECONDS,
    FLOAT8,
    NULL,
    SIXTEEN,
    pack_double,
    pack_length,
    pack_timestamp,
)
from .encoders import Encoder

EMPTY_ARRAY: Final = Struct("!iiii").pack(12, 0, 0, FLOAT8)
_BOOLEANS: Final = {True: b"\0\0\0\1\1", False: b"\0\0\0\1\0"}
_OWN: Final = {float, int, bool}
_NUMPY: Final = {
    *("float16", "float32", "float64", "bool", "bool_"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}
_pack_id: Final = Struct("!4sQQ").pack
_RANDOM: Final = Struct("!100Q")


class RowEncoder:
    """Encodes rows of one version; ids that it makes are in the order of the numbers."""

    def __init__(self, version: KnownVersion, numbers: Iterator[int]) -> None:
        self._names = version.feature_names
        self._template = [b""] + [NULL] * len(COLUMNS)
        self._template[0] = Struct("!h").pack(len(COLUMNS))
        self._template[_PLACES["model_version_id"]] = SIXTEEN + version.id.bytes
        for name, data in DEFAULTS.items():
            self._template[_PLACES[name]] = data
        encode = feature_encoder(version.feature_names)
        self._fields: dict[str, tuple[int, Encoder | None]] = {
            **_FIELDS,
            "features": (_PLACES["feature_values"], encode),
            "class_probabilities": (
                _PLACES["class_probabilities"],
                shares_encoder(version.class_names),
            ),
        }
        self._numbers = numbers
        self._random: Iterator[int] = iter(())

    def __call__(self, row: Mapping[str, Any], micros: int) -> bytes:
        """Return the row, predicted `micros` after 2000, as one tuple of the COPY stream."""
        if self._names is None and isinstance(by_name(row.get("features")), Mapping):
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
                    try:
                        data[place] = encode(value)
                    except InvalidValue:
                        if not is_missing(value):
                            raise
        data[1] = self._id(row.get("id"), micros + EPOCH_MICROSECONDS)
        data[2] = pack_timestamp(EIGHT, micros)
        if data[_LOWER] is not NULL and data[_UPPER] is not NULL:
            fields.interval(row["confidence_lower"], row["confidence_upper"])
        return b"".join(data)

    def _id(self, given: object, microseconds: int) -> bytes:
        if given is None:
            random = next(self._random, None)
            if random is None:
                self._random = iter(_RANDOM.unpack(os.urandom(_RANDOM.size)))
                random = next(self._random)
            return _pack_id(SIXTEEN, *ordered_uuid7(microseconds, next(self._numbers), random))
        number = given.int if isinstance(given, UUID) else _number_of(given)
        if number >> 80 != microseconds // 1000:
            raise InvalidValue("id", fields.CONTRADICTS)
        return SIXTEEN + number.to_bytes(16)


def _number_of(id: Any) -> int:
    """Return the number of what stands for a UUID, which takes half as long as making one."""
    if type(id) is str and len(digits := id.replace("-", "")) == 32:
        with suppress(ValueError):
            return int(digits, 16)
    return values.uuid("id", id).int


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
            arrays[size] = float_array(size)
        parts, pack = arrays[size]
        try:
            if are_packed([found]):
                parts[2::2] = found
                return pack(*parts)
        except (StructError, TypeError, OverflowError, ValueError):
            pass
        if not set(map(type, found)) <= {float, NoneType}:
            found = fields.feature_list(names, features)
        if None in found:
            return _sparse_array(found)
        parts[2::2] = found
        return pack(*parts)

    return encode


def are_packed(rows: Sequence[Sequence[Any]]) -> bool:
    """Return whether struct makes of all values what the check of a feature does, or refuses them.

    Raises TypeError or OverflowError for some that the check has to look at.
    """
    # Adding Python's own takes a third of the time of asking each for its type. What adds up to a
    # float with them but is none, a Fraction, the check takes too.
    if rows[0] and type(rows[0][0]) in _OWN:
        # NumPy's among them may be told to raise, or warn, where a sum has no end.
        with suppress(FloatingPointError, Warning):
            if type(sum(chain.from_iterable(rows), 0.0)) is float:
                return True
    return all(map(_is_packed, set(map(type, chain.from_iterable(rows)))))


@lru_cache(maxsize=256)
def _is_packed(kind: type) -> bool:
    """Return whether struct makes of values of a type what the check of a feature does.

    It also takes what only can be made a number, such as a length of time or a complex one.
    """
    if kind.__module__ == "numpy":
        return kind.__name__ in _NUMPY
    return issubclass(kind, float | int | Decimal | Fraction)


def shares_encoder(names: list[str] | None) -> Encoder:
    """Make the encoder of `class_probabilities` for a version's classes."""
    parts, pack = float_array(len(names or []))

    def encode(given: Any) -> bytes:
        parts[2::2] = fields.class_probabilities(names, given)
        return pack(*parts)

    return encode


def _getter(names: list[str]) -> Callable[[Any], Any]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda features: [features[name] for name in names]


def float_array(size: int) -> tuple[list[Any], Callable[..., bytes]]:
    """Return the parts of a float8[] of a size, values in every other place, and their packer."""
    if size == 0:
        return [EMPTY_ARRAY], Struct("16s").pack
    head = Struct("!iiiiii").pack(20 + 12 * size, 1, 0, FLOAT8, size, 1)
    return [head, *[EIGHT, 0.0] * size], Struct("!24s" + "4sd" * size).pack


def _sparse_array(found: Sequence[float | None]) -> bytes:
    data = b"".join(NULL if value is None else pack_double(EIGHT, value) for value in found)
    return Struct("!iiiiii").pack(20 + len(data), 1, 1, FLOAT8, len(found), 1) + data


def _text(field: Field) -> Encoder:
    name, check = field.name, field.check
    if field.words:
        words = {word: _sized(word.encode()) for word in field.words}
        return lambda value: words[check(name, value)]

    # What begins with a letter is not blank.
    least = "!" if field.named else ""

    def encode(value: Any) -> bytes:
        if not (
            type(value) is str
            and value.isascii()
            and value >= least
            and len(value) <= values.MAX_BYTES
            and "\0" not in value
        ):
            value = check(name, value)
        return _sized(value.encode())

    return encode


def _number(field: Field) -> Encoder:
    name, check, low, high = field.name, field.check, field.low, field.high

    def encode(value: Any) -> bytes:
        if not (isinstance(value, float) and low <= value <= high):
            value = check(name, value)
        return pack_double(EIGHT, value + 0.0)  # makes a negative zero positive

    return encode


def _json(field: Field) -> Encoder:
    name, check = field.name, field.check
    return lambda value: _sized(b"\x01" + check(name, value).encode())


def _boolean(field: Field) -> Encoder:
    name, check = field.name, field.check
    return lambda value: _BOOLEANS[check(name, value)]


def _address(field: Field) -> Encoder:
    name, check = field.name, field.check

    def encode(value: Any) -> bytes:
        found = check(name, value)
        packed = found.packed
        family = 2 if isinstance(found, IPv4Address) else 3
        return _sized(bytes((family, 8 * len(packed), 0, len(packed))) + packed)

    return encode


def _sized(data: bytes) -> bytes:
    return pack_length(len(data)) + data


_BY_TYPE: Final[Mapping[str, Callable[[Field], Encoder]]] = {
    "text": _text,
    "double precision": _number,
    "jsonb": _json,
    "boolean": _boolean,
    "inet": _address,
}
_PLACES: Final = {name: place for place, name in enumerate(COLUMNS, 1)}
_LOWER: Final = _PLACES["confidence_lower"]
_UPPER: Final = _PLACES["confidence_upper"]
ENCODERS: Final[Mapping[str, Encoder]] = {
    name: _BY_TYPE[field.sql_type](field) for name, field in ALONE.items()
}
DEFAULTS: Final[Mapping[str, bytes]] = {
    name: ENCODERS[name](field.default)
    for name, field in ALONE.items()
    if field.default is not None
}
_FIELDS: Final[Mapping[str, tuple[int, Encoder | None]]] = {
    **{name: (_PLACES[name], encode) for name, encode in ENCODERS.items()},
    # These are encoded for the row as a whole.
    **dict.fromkeys(("id", "predicted_at", "model_name", "model_version"), (0, None)),
}
# What a row may hold.
GIVEN: Final = _FIELDS.keys() | {"features", "class_probabilities"}
