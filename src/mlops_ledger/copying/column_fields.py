"""Encodes a column whose values stand alone: numbers, texts, documents."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..checks.plain import is_missing
from ..errors import InvalidValue
from .binary import NULL
from .blocks import Array, Field
from .column_input import documents, is_single, is_table, numbers, objects
from .encoders import Encoder, of_one_length


class Column(Protocol):
    """What a column holds: the limits of a number, and the only texts allowed."""

    @property
    def name(self) -> str: ...
    @property
    def sql_type(self) -> str: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def words(self) -> tuple[str, ...]: ...


def encoded(column: Column, encode: Encoder, given: Any, size: int) -> Field:
    """Return a column of any kind, or one value for all rows, as COPY takes it.

    Raises InvalidValue naming the column.
    """
    if is_single(given):
        return _encoded(encode, given)
    if getattr(given, "ndim", 1) > 1 and not is_table(given):
        raise InvalidValue(
            f"columns.{column.name}",
            "must have one value a row, not a matrix; those of all classes are class_probabilities",
        )
    kind = column.sql_type
    found = numbers(given) if kind == "double precision" else None
    if found is not None:
        return _numbers(column, encode, *found)
    if kind == "bigint" and isinstance(given, np.ndarray) and given.dtype.kind == "i":
        return given.astype(np.int64)
    items = objects(documents(f"columns.{column.name}", given, size) if kind == "jsonb" else given)
    if kind != "text":
        return [_encoded(encode, item) for item in items]
    texts = None if column.words else _texts(items)
    return _distinct(encode, items) if texts is None else texts


def require_size(name: str, field: Field | None, size: int) -> None:
    """Refuse a column that is shorter or longer than the others."""
    if not isinstance(field, bytes | None) and len(field) != size:
        raise InvalidValue(f"columns.{name}", f"must have {size} values, as others do")


def checked(encode: Encoder, item: Any) -> bytes:
    """Encode a value; raises InvalidValue naming the column as one."""
    try:
        return encode(item)
    except InvalidValue as error:
        raise InvalidValue(f"columns.{error.field}", error.problem) from None


def _numbers(column: Column, encode: Encoder, array: Array, missing: Array) -> Field:
    wrong = ~((array >= column.low) & (array <= column.high)) & ~missing
    if wrong.any():
        _encoded(encode, float(array[wrong.argmax()]))
    if not missing.any():
        return array + 0.0  # makes a negative zero positive
    return [
        NULL if gone else _encoded(encode, number)
        for number, gone in zip(array.tolist(), missing.tolist(), strict=True)
    ]


def _texts(given: list[Any]) -> Array | None:
    """Return short texts of one length, as ids are, in one piece; None for others."""
    try:
        text = of_one_length(given)
    except TypeError:
        return None
    return None if text is None else np.frombuffer(text.encode(), f"V{len(text) // len(given)}")


def _distinct(encode: Encoder, given: list[Any]) -> list[bytes]:
    """Encode each distinct value once, as for a single row."""
    try:
        known = {item: _encoded(encode, item) for item in dict.fromkeys(given)}
    except TypeError:  # what has no hash
        return [_encoded(encode, item) for item in given]
    return [known[item] for item in given]


def _encoded(encode: Encoder, item: Any) -> bytes:
    if item is None:
        return NULL
    try:
        return checked(encode, item)
    except InvalidValue:
        if is_missing(item):
            return NULL
        raise
