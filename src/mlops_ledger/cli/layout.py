"""Lays out rows for a width: a table, or records where it would not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import click
from rich.cells import cell_len, chop_cells, set_cell_size

from ..visible import visible
from .text import cell, printed

# Free text may be cut, with a mark; what names something never is, so that it can be copied.
FREE_TEXT = {"attributes", "description", "detail", "drifted_features", "message", "metrics"}
FREE_TEXT |= {"privileges", "reason", "reasoning", "title", "trigger_reason", "value"}
# The ends of an interval: the second shown is one at which it was so.
_ENDS: Final = {"deployed_at", "retired_at"}
_FOLD: Final = re.compile(r"(?<=[_/])")
_MARK: Final = "…"
_PLAIN_MARK: Final = "..."
_SHORTEST: Final = 12
_GAP: Final = 2


@dataclass
class _Column:
    header: list[str]
    cells: list[str]
    is_number: bool
    may_be_cut: bool

    def __post_init__(self) -> None:
        self.width = max(map(cell_len, [*self.header, *self.cells]))

    @classmethod
    def of(cls, header: str, values: Sequence[object], *, folded: bool = False) -> _Column:
        """Make a column of values."""
        numbers = [_is_number(value) for value in values if value is not None]
        return cls(
            header=_FOLD.sub("\n", header).split("\n") if folded else [header],
            cells=[printed(cell(value)) for value in values],
            is_number=bool(numbers) and all(numbers),
            may_be_cut=header in FREE_TEXT and not any(numbers),
        )

    def line(self, text: str) -> str:
        """Pad a text to the width of the column, or cut it with a mark."""
        length = cell_len(text)
        if length > self.width:
            mark = _MARK if printed(_MARK) == _MARK else _PLAIN_MARK
            return set_cell_size(text, self.width - len(mark)) + mark
        space = " " * (self.width - length)
        return space + text if self.is_number else text + space


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], width: int | None, *, bold: bool
) -> Iterator[str]:
    """Yield the lines of a table, at most `width` cells wide, or those of records instead.

    Columns without a value are left out, times are to the second, headers fold, and then free
    text is cut with a mark. Without a width all is whole.
    """
    if width is None:
        columns = [_Column.of(header, [row[i] for row in rows]) for i, header in enumerate(headers)]
    else:
        kept = [i for i in range(len(headers)) if any(row[i] not in (None, "") for row in rows)]
        shown = [(headers[i], [_brief(headers[i], row[i]) for row in rows]) for i in kept]
        columns = [_Column.of(*each) for each in shown]
        if _total(columns) > width:
            columns = [_Column.of(*each, folded=True) for each in shown]
            if not _shrunk(columns, width):
                yield from records(headers, rows, width)
                return
    height = max(len(column.header) for column in columns)
    for number in range(height):
        line = _line(columns, [_header(column, number, height) for column in columns])
        yield click.style(line, bold=True) if bold else line
    for number in range(len(rows)):
        yield _line(columns, [column.cells[number] for column in columns])


def records(
    headers: Sequence[str], rows: Sequence[Sequence[object]], width: int | None
) -> Iterator[str]:
    """Yield a line for each field of each row that has a value; long values fold, uncut."""
    names = [printed(visible(header)) for header in headers]
    label = max(map(cell_len, names), default=0)
    for number, row in enumerate(rows, 1):
        if len(rows) > 1:
            title = f"-[ {number} ]"
            yield title + "-" * ((min(width or 60, 60)) - len(title))
        for name, value in zip(names, row, strict=True):
            if text := printed(cell(value)):
                yield from _field(name, text, label, width)


def _field(name: str, text: str, label: int, width: int | None) -> Iterator[str]:
    start = name + " " * (label - cell_len(name) + _GAP)
    if width is None or cell_len(start) + cell_len(text) <= width:
        yield start + text
        return
    # A value that fits only without its name beside it has a line of its own.
    if " " not in text and cell_len(text) <= width - _GAP:
        yield name
        start = " " * _GAP
    room = max(width - cell_len(start), _SHORTEST)
    for line in _folded(text, room):
        yield start + line
        start = " " * cell_len(start)


def _folded(text: str, width: int) -> Iterator[str]:
    at = 0
    while at < len(text):
        piece = chop_cells(text[at : at + width], width)[0]
        end = at + len(piece)
        if end < len(text) and (space := piece.rfind(" ")) > width // 2:
            end = at + space + 1
        yield text[at:end].rstrip()
        at = end


def _brief(header: str, value: object) -> object:
    """Take the fraction of a second from a time."""
    if not isinstance(value, datetime) or not value.microsecond:
        return value
    whole = value.replace(microsecond=0)
    return whole + timedelta(seconds=1) if header in _ENDS else whole


def _shrunk(columns: Sequence[_Column], width: int) -> bool:
    """Make the widest of the free texts narrower until all fits; return whether it does."""
    while (excess := _total(columns) - width) > 0:
        widest = max(
            (c for c in columns if c.may_be_cut and c.width > _SHORTEST),
            key=lambda column: column.width,
            default=None,
        )
        if widest is None:
            return False
        widest.width = max(_SHORTEST, widest.width - excess)
    return True


def _total(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + _GAP * (len(columns) - 1)


def _header(column: _Column, number: int, height: int) -> str:
    """Return a line of a header; short ones stand at the bottom."""
    at = number - (height - len(column.header))
    return column.header[at] if at >= 0 else ""


def _line(columns: Sequence[_Column], texts: Sequence[str]) -> str:
    cells = [column.line(text) for column, text in zip(columns, texts, strict=True)]
    return (" " * _GAP).join(cells).rstrip()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
