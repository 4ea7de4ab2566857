"""Checks values before they are sent, by the SQL type of the parameter they are bound to.

psycopg and PostgreSQL disagree with themselves about odd values: NaN is a number, 2.7 becomes 3,
a naive datetime takes the session's zone, a NUL byte fails in text but is stored in json. Here
each value is either stored as it was meant or refused with the name of its field, and always the
same way, whichever method writes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from uuid import UUID

import orjson

from ..errors import InvalidValue
from .plain import is_missing, is_numpy_time, kind, plain

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 64
# The largest doubles stand for infinity where other systems have none, as numpy.nan_to_num does.
INFINITE: Final = 1.797e308
LARGEST: Final = math.nextafter(INFINITE, 0)
# Whole numbers from here on are not all doubles.
EXACT: Final = 2.0**53
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = "a datetime, or text such as 2026-01-31T12:00:00Z"
STAGES: Final = ("development", "staging", "production", "archived")
TASKS: Final = ("binary", "multiclass", "regression")
ACTIONS: Final = ("promote", "reject", "pending")
ACTION_STATUSES: Final = ("pending", "approved", "rejected", "executed", "failed", "expired")
RISK_LEVELS: Final = ("low", "medium", "high", "critical")
SEVERITIES: Final = ("info", "warning", "critical")
PREDICTION_STATUSES: Final = ("success", "error")
ALERT_STATUSES: Final = ("active", "acknowledged", "resolved")
# Of partitions.
PERIODS: Final = ("day", "week", "month")


def text(field: str, value: object) -> str:
    """Accept text of at most a megabyte without NUL bytes and lone surrogates."""
    if type(value) is not str:
        value = plain(value)
        if not isinstance(value, str):
            raise InvalidValue(field, f"must be text, not {kind(value)}")
        value = str(value)
    if problem := _text_problem(value):
        raise InvalidValue(field, problem)
    return value


def texts(field: str, value: object) -> list[str]:
    """Accept a list or tuple of texts."""
    return [text(name, item) for name, item in _items(field, value, "texts")]


def json(field: str, value: object) -> str:
    """Encode a value as JSON.

    Decimals become the nearest double, UUIDs and aware datetimes text, NumPy scalars and arrays
    their Python values. Refused: NaN and infinity, naive datetimes, keys that are not text, more
    than 64 levels, more than a megabyte.
    """
    try:
        encoded = orjson.dumps(_json_value(value, 0))
    except _Refused as refused:
        raise InvalidValue(field + refused.path, refused.problem) from None
    if len(encoded) > MAX_BYTES:
        raise InvalidValue(field, f"is longer than {MAX_BYTES:,} bytes as JSON")
    return encoded.decode()


def number(field: str, value: object) -> float:
    """Accept a finite number, of whole ones those that a double holds exactly."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InvalidValue(field, f"must be a number, not {kind(value)}")
    try:
        result = float(value)
    except (OverflowError, ValueError):
        result = math.inf
    if not abs(result) < INFINITE:
        raise InvalidValue(field, "must be a finite number")
    # Two classes could become one.
    if isinstance(value, int) and result != value:
        raise InvalidValue(field, "has more digits than a double holds: log a class as text")
    return result + 0.0  # makes a negative zero positive


def integer(bits: int) -> Callable[[str, object], int]:
    """Make the check for signed integers of so many bits."""

    def check(field: str, value: object) -> int:
        value = plain(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidValue(field, f"must be a whole number, not {kind(value)}")
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise InvalidValue(field, f"is out of range for {bits} bits")
        return value

    return check


def boolean(field: str, value: object) -> bool:
    """Accept true or false, not 1 or 0."""
    value = plain(value)
    if not isinstance(value, bool):
        raise InvalidValue(field, f"must be true or false, not {kind(value)}")
    return value


def uuid(field: str, value: object) -> UUID:
    """Accept a UUID, or its text."""
    if isinstance(value, UUID):
        return value
    value = plain(value)
    try:
        parsed = UUID(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise InvalidValue(field, "must be a UUID")
    return parsed


def uuids(field: str, value: object) -> list[UUID]:
    """Accept a list of UUIDs, or of their texts."""
    return [uuid(name, item) for name, item in _items(field, value, "UUIDs")]


def timestamp(field: str, value: object) -> datetime:
    """Accept a time with a zone and return it in UTC.

    A datetime, or text of ISO 8601; NumPy's times count as UTC, and days begin at midnight UTC.
    """
    if type(value) is not datetime:
        value = _datetime(field, value)
    if value.utcoffset() is None:
        raise InvalidValue(field, "has no time zone; use datetime.now(UTC) or give a tzinfo")
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidValue(field, "lies outside the years 1 to 9999 in UTC") from None


def _datetime(field: str, value: object) -> datetime:
    found = _numpy_time(plain(value))
    if isinstance(found, str):
        text, found = found, None
        with suppress(ValueError):
            found = (date if _DAY.fullmatch(text) else datetime).fromisoformat(text)
        if found is None:
            # Not behind Python's own error, which quotes the text.
            raise InvalidValue(field, f"must be {_TIME}")
    if is_missing(found) or not isinstance(found, date):
        raise InvalidValue(field, f"must be {_TIME}, not {kind(value)}")
    if not isinstance(found, datetime):
        return datetime(found.year, found.month, found.day, tzinfo=UTC)
    # Rebuilt, because subclasses such as those of pandas and Pendulum have an arithmetic of
    # their own.
    day, time = (found.year, found.month, found.day), (found.hour, found.minute, found.second)
    return datetime(*day, *time, found.microsecond, found.tzinfo, fold=found.fold)


def _numpy_time(value: Any) -> object:
    """Return a time of NumPy, or a length of one, as Python has it; leave all else."""
    if not is_numpy_time(value) or value.ndim:
        return value
    found = value.astype(f"{value.dtype.kind}8[us]").item()
    # Beyond Python's years it is a number.
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else found


def timestamps(field: str, value: object) -> list[datetime]:
    """Accept a list of times with zones."""
    return [timestamp(name, item) for name, item in _items(field, value, "datetimes")]


def span(field: str, value: object) -> timedelta:
    """Accept a length of time above zero."""
    found = _numpy_time(plain(value))
    if not isinstance(found, timedelta):
        raise InvalidValue(field, f"must be a timedelta, not {kind(value)}")
    if found <= timedelta(0):
        raise InvalidValue(field, "must be longer than zero")
    return timedelta(found.days, found.seconds, found.microseconds)


def address(field: str, value: object) -> IPv4Address | IPv6Address:
    """Accept an IP address, or its text."""
    value = plain(value)
    try:
        found = ip_address(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, IPv4Address | IPv6Address) or getattr(found, "scope_id", None):
        raise InvalidValue(field, "must be an IP address")
    return found


def features(field: str, value: object) -> list[float | None]:
    """Accept a list of numbers; NaN and infinity are kept, booleans count as 1 and 0."""
    return [feature(name, item) for name, item in _items(field, value, "numbers")]


def feature(field: str, value: object) -> float | None:
    """Accept the value of one feature."""
    value = plain(value)
    if not isinstance(value, int | float | Decimal | Fraction):
        if is_missing(value):
            return None
        raise InvalidValue(
            field, f"must be a number, not {kind(value)}; text and categories belong in inputs"
        )
    try:
        return float(value)
    except (OverflowError, ValueError):
        raise InvalidValue(field, "is out of range for double precision") from None


def integers(field: str, value: object) -> list[int]:
    """Accept a list of whole numbers of 64 bits."""
    return [integer(64)(name, item) for name, item in _items(field, value, "whole numbers")]


def _items(field: str, value: object, what: str) -> Iterator[tuple[str, object]]:
    """Yield the items of a list with the name of each."""
    items = plain(value)
    if not isinstance(items, list | tuple):
        raise InvalidValue(field, f"must be a list of {what}, not {kind(value)}")
    for index, item in enumerate(items):
        yield f"{field}[{index}]", item


CHECKS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "text": text,
    "text[]": texts,
    "jsonb": json,
    "double precision": number,
    "double precision[]": features,
    "inet": address,
    "integer": integer(32),
    "bigint": integer(64),
    "bigint[]": integers,
    "boolean": boolean,
    "uuid": uuid,
    "uuid[]": uuids,
    "timestamptz": timestamp,
    "timestamptz[]": timestamps,
    "interval": span,
}


def page_size(limit: object) -> int:
    """Accept the length of a page: 1 to 1000 rows."""
    size = integer(32)("limit", limit)
    if not 1 <= size <= 1000:
        raise InvalidValue("limit", "must be between 1 and 1000")
    return size


def choice(field: str, value: object, allowed: Sequence[str]) -> str | None:
    """Accept one of some words in any case, or None."""
    word = None if value is None else text(field, value).strip().lower()
    if word is not None and word not in allowed:
        raise InvalidValue(field, f"must be one of {', '.join(allowed)}")
    return word


def mapping(field: str, value: object) -> Mapping[str, Any] | None:
    """Accept a mapping, or None."""
    if value is not None and not isinstance(value, Mapping):
        raise InvalidValue(field, f"must be a JSON object, not {kind(value)}")
    return value


class _Refused(Exception):
    """A value inside a JSON document was refused; the path grows on the way out."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.path = ""


def _json_value(value: object, depth: int) -> Any:
    # The exact types come first: nearly all values have one, and this runs for every record.
    known = type(value)
    if known is str:
        return _json_text(value)
    if known is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise _Refused("must be a finite number")
        return value
    if value is None or known is bool:
        return value
    if known is int:
        if not -(2**63) <= value < 2**63:  # type: ignore[operator]
            raise _Refused("is out of range for 64 bits")
        return value
    if depth > MAX_DEPTH:
        raise _Refused(f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return _json_object(value, depth + 1)
    if isinstance(value, list | tuple):
        return _json_array(value, depth + 1)
    return _json_value(_json_simple(value), depth)


def _json_object(value: Mapping[object, object], depth: int) -> dict[str, Any]:
    result = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _Refused(f"has a key that is not text but {kind(key)}")
        name = _json_text(str(key))
        try:
            result[name] = _json_value(item, depth)
        except _Refused as refused:
            refused.path = f".{name}{refused.path}"
            raise
    return result


def _json_array(value: Sequence[object], depth: int) -> list[Any]:
    result = []
    for item in value:
        try:
            result.append(_json_value(item, depth))
        except _Refused as refused:
            refused.path = f"[{len(result)}]{refused.path}"
            raise
    return result


def _json_text(value: Any) -> str:
    if problem := _text_problem(value):
        raise _Refused(problem)
    return str(value)


def _json_simple(value: object) -> Any:
    """Turn a value that JSON does not know into one of the types that it does."""
    found = plain(value)
    match found:
        case UUID():
            return str(found)
        case datetime():
            return _checked(timestamp, found).isoformat()
        case date():
            return found.isoformat()
        case str():
            return str(found)
        case bool() | None | list() | tuple():
            return found
        case int():
            return int(found)
        case float() | Decimal():
            return _checked(number, found)
    raise _Refused(f"{kind(value)} cannot be written as JSON")


def _checked(check: Callable[[str, object], Any], value: object) -> Any:
    try:
        return check("", value)
    except InvalidValue as error:
        raise _Refused(error.problem) from None


def _text_problem(value: str) -> str | None:
    if "\x00" in value:
        return "contains a NUL byte"
    if value.isascii():
        size = len(value)
    else:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            return "contains a lone surrogate, which is not valid Unicode"
    return f"is longer than {MAX_BYTES:,} bytes" if size > MAX_BYTES else None
