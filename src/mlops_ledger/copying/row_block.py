"""Encodes a block of rows of one version for COPY, a field at a time.

A call for every field of every row is the most expensive part of a row. Here one call packs all
neighbouring fields whose length is the same in every row. What does not fit is left to the encoder
of single rows, which names the row and its field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from math import isfinite
from operator import itemgetter
from struct import Struct
from struct import error as StructError
from typing import Any, Final, TypeAlias
from uuid import UUID

from ..checks import predictions as fields
from ..checks.prediction_fields import ALONE, COLUMNS, Field
from ..checks.predictions import KnownVersion
from ..errors import InvalidValue
from ..ids import ordered_uuid7
from .binary import EIGHT, EPOCH_MICROSECONDS, NULL, SIXTEEN, pack_length
from .encoders import Encoder, of_one_length
from .rows import DEFAULTS, ENCODERS, GIVEN, feature_encoder, float_array, shares_encoder

Column: TypeAlias = Sequence[Any]

_struct: Final = lru_cache(maxsize=256)(Struct)


class BlockEncoder:
    """Encodes blocks of rows of one version."""

    def __init__(self, version: KnownVersion, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._names = version.feature_names
        self._version_id = SIXTEEN + version.id.bytes
        self._encode_features = feature_encoder(version.feature_names)
        self._encode_shares = shares_encoder(version.class_names)

    def __call__(self, rows: Sequence[Mapping[str, Any]], micros: Sequence[int]) -> bytes | None:
        """Return rows, predicted at `micros` after 2000, as tuples; None if one does not fit."""
        columns = _columns_of(rows)
        if not columns.keys() <= GIVEN:
            return None
        block = _Block(len(rows))
        try:
            self._fill(block, columns, micros)
        except (InvalidValue, StructError, LookupError, TypeError, ValueError, OverflowError):
            return None
        return block.tuples()

    def _fill(self, block: _Block, columns: dict[str, Column], micros: Sequence[int]) -> None:
        block.constant(len(COLUMNS).to_bytes(2))
        block.constant(SIXTEEN)
        block.packed("QQ", *_ids(columns.get("id"), micros, self._numbers))
        block.constant(EIGHT)
        block.packed("q", micros)
        block.constant(self._version_id)
        for name in COLUMNS[3:]:
            given = columns.get("features" if name == "feature_values" else name)
            if given is None:
                block.constant(DEFAULTS.get(name, NULL))
            elif name == "feature_values":
                block.fields(self._features(given))
            elif name == "class_probabilities":
                block.fields(_each(self._encode_shares, given))
            else:
                _alone(block, ALONE[name], given)
        if {"confidence_lower", "confidence_upper"} <= columns.keys():
            bounds = columns["confidence_lower"], columns["confidence_upper"]
            for lower, upper in zip(*bounds, strict=True):
                fields.interval(lower, upper)

    def _features(self, given: Column) -> list[bytes]:
        names = self._names
        if names is None:
            # Those that have names nevertheless are inputs, which is decided row by row.
            _require_type(given, list)
        elif len(names) > 1 and _alike(given, len(names)):
            parts, pack = float_array(len(names))
            arguments: list[Iterable[Any]] = [repeat(part) for part in parts]
            arguments[2::2] = zip(*map(itemgetter(*names), given), strict=True)
            try:
                return list(map(pack, *arguments))
            except StructError:  # some are missing
                pass
        return _each(self._encode_features, given)


def _columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    names = tuple(rows[0])
    if len(names) > 1 and _alike(rows, len(names)):
        try:
            cells = zip(*map(itemgetter(*names), rows), strict=True)
            return dict(zip(names, cells, strict=True))
        except KeyError:
            pass
    names = tuple(dict.fromkeys(chain.from_iterable(rows)))
    return {name: [row.get(name) for row in rows] for name in names}


def _alike(mappings: Column, size: int) -> bool:
    return set(map(type, mappings)) == {dict} and set(map(len, mappings)) == {size}


def _ids(given: Column | None, micros: Sequence[int], numbers: Iterator[int]) -> Iterable[Column]:
    """Return both halves of the ids; those that are made are in the order of the numbers."""
    times = [at + EPOCH_MICROSECONDS for at in micros]
    if given is None:
        random = Struct(f"!{len(times)}Q").unpack(os.urandom(8 * len(times)))
        return zip(*map(ordered_uuid7, times, numbers, random), strict=True)
    if set(map(type, given)) == {str} and set(map(len, given)) == {36}:
        data = bytes.fromhex("".join(given).replace("-", ""))
    else:
        _require_type(given, UUID)
        data = b"".join([id.bytes for id in given])
    halves = _struct(f"!{2 * len(times)}Q").unpack(data)
    if [first >> 16 for first in halves[::2]] != [at // 1000 for at in times]:
        raise InvalidValue("id", fields.CONTRADICTS)
    return halves[::2], halves[1::2]


def _alone(block: _Block, field: Field, given: Column) -> None:
    kinds = set(map(type, given))
    if field.sql_type == "double precision" and _are_floats(kinds) and _within(field, kinds, given):
        block.constant(EIGHT)
        # Zero makes a negative zero positive.
        block.packed("d", [number + 0.0 for number in given])
    elif field.sql_type == "text" and kinds == {str} and _is_packed(field, given):
        size = len(given[0])
        block.constant(pack_length(size))
        block.packed(f"{size}s", map(str.encode, given))
    elif kinds <= {str, type(None)}:
        # Equal values of other types need not be encoded alike: True is 1.
        distinct = list(set(given))
        encoded = _each(ENCODERS[field.name], distinct, field.name)
        block.fields([*map(dict(zip(distinct, encoded, strict=True)).__getitem__, given)])
    else:
        block.fields(_each(ENCODERS[field.name], given, field.name))


def _are_floats(kinds: set[type]) -> bool:
    return all(issubclass(kind, float) for kind in kinds)


def _within(field: Field, kinds: set[type], given: Column) -> bool:
    # The extremes of numbers among which is NaN mean nothing. A sum of NumPy's warns when it
    # overflows.
    is_finite = isfinite(sum(given)) if kinds == {float} else all(map(isfinite, given))
    return is_finite and field.low <= min(given) and max(given) <= field.high


def _is_packed(field: Field, given: Column) -> bool:
    # What begins with a letter is not blank.
    fits = not field.words and (not field.named or min(given) >= "!")
    return fits and of_one_length(given) is not None


def _each(encode: Encoder, given: Column, name: str = "") -> list[bytes]:
    missing = DEFAULTS.get(name, NULL)
    return [missing if value is None else encode(value) for value in given]


def _require_type(given: Column, kind: type) -> None:
    if set(map(type, given)) != {kind}:
        raise TypeError


class _Block:
    """Tuples in the making: fields of the same length are collected, then packed by one call."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[Sequence[bytes]] = []
        self._constant = b""
        self._format = "!"
        self._columns: list[Iterable[Any]] = []

    def constant(self, data: bytes) -> None:
        """Add what is the same in every row."""
        self._constant += data

    def packed(self, kinds: str, *columns: Iterable[Any]) -> None:
        """Add a value of each column, of these kinds of struct's."""
        self._format += f"{len(self._constant)}s{kinds}"
        self._columns += [repeat(self._constant), *columns]
        self._constant = b""

    def fields(self, column: Sequence[bytes]) -> None:
        """Add an encoded field for each row."""
        self._pack()
        self._parts.append(column)

    def tuples(self) -> bytes:
        """Return all rows."""
        self._pack()
        return b"".join(chain.from_iterable(zip(*self._parts, strict=True)))

    def _pack(self) -> None:
        if self._columns:
            self.packed("")
            self._parts.append(list(map(_struct(self._format).pack, *self._columns)))
        elif self._constant:
            self._parts.append([self._constant] * self._size)
        self._constant, self._format, self._columns = b"", "!", []
