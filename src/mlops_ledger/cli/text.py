"""Writes values for people: exactly, and so that no stored text can steer a terminal."""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from ..visible import is_shown, visible

_BEYOND_ASCII: Final = re.compile(r"[^\x20-\x7e\n]")
_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def encoding() -> str:
    """Return the encoding of standard output, as codecs are called: utf-8, ascii."""
    try:
        return codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name
    except LookupError:
        return "utf-8"


def printed(text: str) -> str:
    """Write what standard output cannot encode as the escapes that it will print."""
    if text.isascii() or (name := encoding()) == "utf-8":
        return text
    return text.encode(name, "backslashreplace").decode(name)


def visible_json(text: str, *, ascii_only: bool = False) -> str:
    """Write what `visible` escapes as escapes of JSON; with `ascii_only` all beyond ASCII."""

    def escaped(match: re.Match[str]) -> str:
        char = match[0]
        if not ascii_only and is_shown(char):
            return char
        units = char.encode("utf-16-be").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return _BEYOND_ASCII.sub(escaped, text)


def cell(value: object) -> str:
    """Write a value for people: nothing is rounded away, times are in UTC with Z."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case datetime():
            return timestamp(value)
        case timedelta():
            return duration(value)
        case list() if all(isinstance(item, str) for item in value):
            return visible(", ".join(value))
        case dict() | list():
            return visible(orjson.dumps(value, default=str).decode())
        case _ if is_dataclass(value):
            return visible(orjson.dumps(value).decode())
    return visible(str(value))


def number(value: float) -> str:
    """Write a number with six digits, or more where it has more before the point."""
    if abs(value) >= 1e15 or value != value:
        return repr(value)
    text = f"{value:.6f}" if abs(value) >= 1 else f"{value:.6g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def timestamp(value: datetime) -> str:
    """Write a time in UTC, exactly, as every option for a time takes it."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def duration(value: timedelta) -> str:
    """Write a length of time in its two largest units, such as 12d3h."""
    seconds = abs(value.total_seconds())
    if seconds < 60:
        return ("-" if value < timedelta(0) else "") + f"{number(round(seconds, 3))}s"
    parts: list[str] = []
    rest = round(seconds)
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return ("-" if value < timedelta(0) else "") + "".join(parts)


def size(value: int) -> str:
    """Write a number of bytes for people."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6)):
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value / 1000:.0f} kB"
