"""Values of files as the ledger takes them, by the SQL type of their field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from ....errors import InvalidValue

_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
# Not 20260131, which is a day.
_EPOCH: Final = re.compile(r"\d{9,13}(\.\d+)?", re.ASCII)
# Later than the year 2286 in seconds: milliseconds.
_SECONDS: Final = 10_000_000_000


def value_of(field: str, sql_type: str, value: Any, zone: str | None) -> Any:
    """Turn what a file holds into a value of a type. Raises InvalidValue when it is none.

    What is of the type already stays; texts are read.
    """
    if isinstance(value, bytes):
        # Text of Parquet files that do not say so.
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise InvalidValue(field, "is not UTF-8") from None
    if sql_type == "timestamptz":
        return _time(field, value, zone)
    if sql_type == "text":
        return value if isinstance(value, str) else _text(field, value)
    if not isinstance(value, str):
        return value
    try:
        match sql_type:
            # Python would take 1_000 for a number too.
            case "double precision" if "_" not in value:
                return float(value)
            case "bigint" | "integer" if "_" not in value:
                return int(value)
            case "double precision" | "bigint" | "integer":
                raise ValueError
            case "boolean":
                return _TRUTHS[value.strip().lower()]
            case "jsonb":
                return orjson.loads(value)
            case "text[]":
                found = orjson.loads(value) if value.startswith("[") else value.split(";")
                return [str(item).strip() for item in found]
    except (ValueError, KeyError):
        raise InvalidValue(field, f"{_KINDS[sql_type]}") from None
    return value


_KINDS: Final = {
    "double precision": "is not a number",
    "bigint": "is not a whole number",
    "integer": "is not a whole number",
    "boolean": "must be true or false",
    "jsonb": "is not JSON",
    "text[]": "must be a list, as JSON or with ; between",
}


def _time(field: str, value: Any, zone: str | None) -> datetime:
    """Read ISO 8601, or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, str) and _EPOCH.fullmatch(value):
            value = float(value)
        if isinstance(value, int | float):
            seconds = value / 1000 if abs(value) > _SECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(found, datetime):
            raise ValueError
    except (ValueError, OverflowError, OSError):
        raise InvalidValue(field, "is not a time: write 2026-01-31T12:00:00Z") from None
    if found.tzinfo is None:
        if zone is None:
            raise InvalidValue(field, "has no time zone: give one, or a zone in the mapping")
        found = found.replace(tzinfo=ZoneInfo(zone))
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise InvalidValue(field, "is not in the years 1 to 9999 of UTC") from None


def _text(field: str, value: Any) -> str:
    if isinstance(value, dict | list | bool):
        raise InvalidValue(field, "must be text")
    return str(value)
