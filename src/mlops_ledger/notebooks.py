"""How rows, and lists of them, look in a notebook: as tables in which all text is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final, TypeVar

from .visible import visible

T = TypeVar("T")

_MOST_ROWS: Final = 60
_LONGEST: Final = 300
_NOTHING: Final[tuple[Any, ...]] = (None, {}, [])


class Row:
    """Base of the rows: a notebook shows one as a table of its fields."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        values = [(name, getattr(self, name)) for name in _names(self)]
        rows = [(name, _cell(value)) for name, value in values if value not in _NOTHING]
        return _table(type(self).__name__, (), rows)


class RowList(list[T]):
    """A list that a notebook shows as a table; columns without any value are left out."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no rows</p>"
        columns = [
            name
            for name in _names(self[0])
            if any(getattr(row, name, None) not in _NOTHING for row in self)
        ]
        # A document that is a table of its own would make one row as high as a page.
        rows = [[_text(getattr(row, name, None)) for name in columns] for row in self[:_MOST_ROWS]]
        table = _table(type(self[0]).__name__, columns, rows)
        left = len(self) - len(rows)
        return table + (f"<p>and {left:,} more</p>" if left else "")


def _names(row: Any) -> list[str]:
    return [field.name for field in fields(row)]


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    # Without columns the first cell names the row.
    cells = ("<th>{}</th>", "<td>{}</td>") if not columns else ("<td>{}</td>", "<td>{}</td>")
    body = "".join(
        "<tr>"
        + "".join(cells[min(place, 1)].format(html) for place, html in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{_text(caption)}</caption>"
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table>"
    )


def _cell(value: Any) -> str:
    """Show a value; a document as a table of its own, those within it as text."""
    if isinstance(value, Mapping) and value:
        items = list(value.items())[:_MOST_ROWS]
        return _table("", (), [(_text(name), _text(each)) for name, each in items])
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        columns = list(dict.fromkeys(name for each in value for name in each))
        rows = [[_text(each.get(name)) for name in columns] for each in value[:_MOST_ROWS]]
        return _table("", columns, rows)
    return _text(value)


def _text(value: Any) -> str:
    match value:
        case None:
            text = "–"
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.6g}"
        case datetime():
            text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        case timedelta() if abs(value) >= timedelta(minutes=1):
            text = str(timedelta(seconds=round(value.total_seconds())))
        case list() if not any(isinstance(each, Mapping | list) for each in value):
            text = ", ".join(map(str, value))
        case Mapping() | list():
            text = json.dumps(value, ensure_ascii=False, default=str)
        case _:
            text = str(value)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return escape(visible(text, keep="\n"))
