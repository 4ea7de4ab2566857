"""Encodes a block of rows of one version for COPY, a field at a time.

A call for every field of every row is the most expensive part of a row. Here one call packs all
neighbouring fields whose length is the same in every row. What does not fit is left to the encoder
of single rows, which names the row and its field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, repeat
from math import isfinite
from operator import attrgetter, itemgetter
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
from .packing import Block, arrays, split, struct
from .rows import DEFAULTS, ENCODERS, GIVEN, are_packed, feature_encoder, shares_encoder

Column: TypeAlias = Sequence[Any]

_DASHES: Final = (8, 13, 18, 23)  # of a UUID


class BlockEncoder:
    """Encodes blocks of rows of one version."""

    def __init__(self, version: KnownVersion, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._names = version.feature_names
        self._version_id = SIXTEEN + version.id.bytes
        self._classes = version.class_names
        self._encode_features = feature_encoder(version.feature_names)
        self._encode_shares = shares_encoder(version.class_names)

    def __call__(self, rows: Sequence[Mapping[str, Any]], micros: Sequence[int]) -> bytes | None:
        """Return rows, predicted at `micros` after 2000, as tuples; None if one does not fit."""
        columns = _columns_of(rows)
        if not columns.keys() <= GIVEN:
            return None
        block = Block(len(rows))
        try:
            self._fill(block, columns, micros)
        except (InvalidValue, StructError, LookupError, TypeError, ValueError, OverflowError):
            return None
        return block.tuples()

    def _fill(self, block: Block, columns: dict[str, Column], micros: Sequence[int]) -> None:
        block.constant(len(COLUMNS).to_bytes(2))
        block.constant(SIXTEEN)
        if "id" in columns:
            block.packed("16s", _ids(columns["id"], micros))
        else:
            block.packed("QQ", *_new_ids(micros, self._numbers))
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
                block.fields(self._shares(given))
            else:
                _alone(block, ALONE[name], given)
        if {"confidence_lower", "confidence_upper"} <= columns.keys():
            bounds = columns["confidence_lower"], columns["confidence_upper"]
            for lower, upper in zip(*bounds, strict=True):
                fields.interval(lower, upper)

    def _features(self, given: Column) -> Column:
        if self._names is None:
            # Those that have names nevertheless are inputs, which is decided row by row.
            _require_type(given, list)
        rows = _in_order(self._names, given)
        if rows is not None:
            with suppress(StructError, TypeError):  # some are missing
                numbers = list(rows)
                if are_packed(numbers):
                    return arrays(numbers, len(given[0]))
        return _each(self._encode_features, given)

    def _shares(self, given: Column) -> Column:
        rows = _in_order(self._classes or [], given)
        if rows is not None:
            with suppress(KeyError):  # classes that are numbers
                shares = list(chain.from_iterable(rows))
                found = _numbers(ALONE["probability"], set(map(type, shares)), shares)
                if found is not None:
                    size = len(given[0])
                    return arrays(zip(*[iter(found)] * size, strict=True), size)
        return _each(self._encode_shares, given)


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


def _in_order(names: list[str] | None, given: Column) -> Iterable[Sequence[Any]] | None:
    """Return lists as they are and mappings by the order of the names; None for odd ones."""
    kinds = set(map(type, given))
    if kinds not in ({dict}, {list}):
        return None
    size = len(given[0] if names is None else names)
    # Of one name, itemgetter makes no tuple.
    if size < 2 or set(map(len, given)) != {size}:
        return None
    return given if names is None or kinds == {list} else map(itemgetter(*names), given)


def _new_ids(micros: Sequence[int], numbers: Iterator[int]) -> Iterable[Column]:
    """Make ids, in the order of the numbers, and return both halves of them."""
    random = struct(f"!{len(micros)}Q").unpack(os.urandom(8 * len(micros)))
    times = [at + EPOCH_MICROSECONDS for at in micros]
    return zip(*map(ordered_uuid7, times, numbers, random), strict=True)


def _ids(given: Column, micros: Sequence[int]) -> Column:
    """Return ids as bytes; raises InvalidValue for one of another time."""
    if set(map(type, given)) == {str} and set(map(len, given)) == {36}:
        text = "".join(given)
        # In one piece, digits that one has too many would make up for those that another lacks.
        if {text[place::36] for place in _DASHES} != {"-" * len(given)}:
            raise InvalidValue("id", fields.CONTRADICTS)
        ids = split(bytes.fromhex(text.replace("-", "")), 16)
        numbers = list(map(int.from_bytes, ids))
    else:
        _require_type(given, UUID)
        numbers = list(map(attrgetter("int"), given))
        ids = tuple(map(int.to_bytes, numbers, repeat(16)))
    if [number >> 80 for number in numbers] != [(at + EPOCH_MICROSECONDS) // 1000 for at in micros]:
        raise InvalidValue("id", fields.CONTRADICTS)
    return ids


def _alone(block: Block, field: Field, given: Column) -> None:
    kinds = set(map(type, given))
    if field.sql_type == "double precision" and (numbers := _numbers(field, kinds, given)):
        block.constant(EIGHT)
        block.packed("d", numbers)
    elif field.sql_type == "text" and kinds == {str} and (text := _packed_text(field, given)):
        size = len(given[0])
        block.constant(pack_length(size))
        block.packed(f"{size}s", split(text.encode(), size))
    elif kinds <= {str, type(None)}:
        # Equal values of other types need not be encoded alike: True is 1.
        distinct = list(set(given))
        encoded = _each(ENCODERS[field.name], distinct, field.name)
        block.fields([*map(dict(zip(distinct, encoded, strict=True)).__getitem__, given)])
    else:
        block.fields(_each(ENCODERS[field.name], given, field.name))


def _numbers(field: Field, kinds: set[type], given: Column) -> Column | None:
    """Return floats within the limits of a field; None for others."""
    if not all(issubclass(kind, float) for kind in kinds):
        return None
    # The extremes of numbers among which is NaN mean nothing. A sum of NumPy's warns when it
    # overflows.
    is_finite = isfinite(sum(given)) if kinds == {float} else all(map(isfinite, given))
    least = min(given)
    if not (is_finite and field.low <= least and max(given) <= field.high):
        return None
    # Zero makes a negative zero positive.
    return given if least > 0 else [number + 0.0 for number in given]


def _packed_text(field: Field, given: Column) -> str | None:
    # What begins with a letter is not blank.
    fits = not field.words and (not field.named or min(given) >= "!")
    return of_one_length(given) if fits else None


def _each(encode: Encoder, given: Column, name: str = "") -> list[bytes]:
    missing = DEFAULTS.get(name, NULL)
    return [missing if value is None else encode(value) for value in given]


def _require_type(given: Column, kind: type) -> None:
    if set(map(type, given)) != {kind}:
        raise TypeError
