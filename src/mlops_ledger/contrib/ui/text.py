"""Writes values for people who look at a page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from ...visible import is_shown
from ...visible import visible as visible_text

NOTHING: Final = "–"
_LENGTHS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
# Between the parts of a name; what escapes a character has none of them.
_JOINT: Final = re.compile(r"([._/:-]+)(?=\w)")
_SIZES: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def visible(value: object) -> str:
    """Write any value as text, with characters that would steer the text around them escaped."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case float() | int():
            return number(value)
        case datetime():
            return timestamp(value)
        case timedelta():
            return duration(value)
        case dict() | list():
            return document(value)
    return visible_text(str(value), keep="\n")


def shown(value: object) -> object:
    """Make text of what a template shows, unless it is that already."""
    return value if isinstance(value, Markup) else visible(value)


def exact(value: str) -> Markup:
    """Write what a form sends back: the same characters, none of which can be seen to act."""
    # HTML has no references to the controls of Latin-1, which nobody can see to act in a form.
    return Markup("").join(
        escape(each) if each < "\xa0" or is_shown(each) else Markup(f"&#{ord(each)};")
        for each in value
    )


def parted(value: object) -> Markup:
    """Write a name so that a narrow screen breaks it at its joints, if it has any."""
    return Markup(_JOINT.sub(r"\1<wbr>", str(escape(visible(value)))))


def document(value: object) -> str:
    """Write a JSON document, indented."""
    written = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return visible_text(written, keep="\n")


def number(value: float | None) -> str:
    """Write a number with four digits, and counts whole with thin spaces."""
    if value is None:
        return NOTHING
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u202f")
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f") if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


def percent(share: float | None) -> str:
    """Write a share of 0 to 1 in percent."""
    return NOTHING if share is None else f"{100 * share:.3g}\u00a0%"


def timestamp(value: datetime | None) -> str:
    """Write a time in UTC, to the minute."""
    return NOTHING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def duration(value: timedelta | None) -> str:
    """Write a length of time in its two largest units."""
    if value is None:
        return NOTHING
    rest = round(abs(value.total_seconds()))
    parts: list[str] = []
    for unit, length in _LENGTHS:
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2 or (parts and not count):
            break
    return ("−" if value < timedelta(0) else "") + (" ".join(parts) or "0 s")


def size(value: float) -> str:
    """Write a number of bytes."""
    for unit, scale in _SIZES:
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value:.0f} B"


def link(path: str, /, **query: object) -> str:
    """Write the address of a page; what is None is left out."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    return path + ("?" + urlencode(given, quote_via=quote) if given else "")
