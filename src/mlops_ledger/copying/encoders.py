"""Encodes single values for binary COPY by the SQL type of their column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from typing import Any, Final, TypeAlias
from uuid import UUID

from ..checks import values
from ..checks.rows import of_row
from ..errors import InvalidValue
from .binary import EIGHT, NULL, SIXTEEN, microseconds, pack_double, pack_length, pack_timestamp

Encoder: TypeAlias = Callable[[Any], bytes]

_pack_whole: Final = Struct("!4sq").pack


def encoder(name: str, sql_type: str) -> Encoder:
    """Make the encoder of a column; it raises InvalidValue naming the column."""
    return _BY_TYPE[sql_type](name)


def joined(rows: Iterable[bytes], start: int) -> bytes:
    """Join encoded rows, the first at a place; raises InvalidValue naming the row and its field."""
    data: list[bytes] = []
    try:
        for row in rows:
            data.append(row)
    except InvalidValue as error:
        raise of_row(start + len(data), error) from None
    return b"".join(data)


def of_one_length(texts: Sequence[str]) -> str | None:
    """Return short ASCII texts of one length in one piece, as ids are; None for others."""
    lengths, text = set(map(len, texts)), "".join(texts)
    short = len(lengths) == 1 and 0 < max(lengths) <= values.MAX_BYTES
    return text if short and text.isascii() and "\0" not in text else None


def repeated(encode: Encoder) -> Encoder:
    """Encode an object only once where the next row has the same one."""
    last: Any = None
    encoded = NULL

    def encode_repeated(value: Any) -> bytes:
        nonlocal last, encoded
        if value is not last:
            last, encoded = value, encode(value)
        return encoded

    return encode_repeated


def text_encoder(name: str, check: Callable[[str, Any], str] = values.text) -> Encoder:
    """Make the encoder of a column of texts, which pass a check."""

    def encode_text(value: Any) -> bytes:
        data = check(name, value).encode()
        return pack_length(len(data)) + data

    # There are few classes and names, and many rows of each.
    encode_short = lru_cache(maxsize=1024)(encode_text)
    return lambda value: (
        encode_short(value) if type(value) is str and len(value) < 64 else encode_text(value)
    )


def _number(name: str) -> Encoder:
    def encode_number(value: Any) -> bytes:
        if not (type(value) is float and abs(value) < values.INFINITE):
            value = values.number(name, value)
        return pack_double(EIGHT, value + 0.0)

    return encode_number


def _whole(name: str) -> Encoder:
    check = values.CHECKS["bigint"]
    return lambda value: _pack_whole(EIGHT, check(name, value))


def _timestamp(name: str) -> Encoder:
    def encode_timestamp(value: Any) -> bytes:
        if not (type(value) is datetime and value.tzinfo is UTC):
            value = values.timestamp(name, value)
        return pack_timestamp(EIGHT, microseconds(value))

    return encode_timestamp


def _json(name: str) -> Encoder:
    def encode_json(value: Any) -> bytes:
        data = values.json(name, value).encode()
        return pack_length(len(data) + 1) + b"\x01" + data

    return encode_json


def _uuid(name: str) -> Encoder:
    def encode_uuid(value: Any) -> bytes:
        found = value if isinstance(value, UUID) else values.uuid(name, value)
        return SIXTEEN + found.bytes

    return encode_uuid


_BY_TYPE: Final[Mapping[str, Callable[[str], Encoder]]] = {
    "text": text_encoder,
    "double precision": _number,
    "bigint": _whole,
    "timestamptz": _timestamp,
    "jsonb": _json,
    "uuid": _uuid,
}
