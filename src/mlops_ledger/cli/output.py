"""Prints results: aligned tables for people, JSON for machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

# In a pipe a table is as wide as its contents: nothing is cut off or wrapped.
_PIPE_WIDTH = 10_000


def echo_json(value: object) -> None:
    """Print a row, a list of rows or a plain value as indented JSON."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    click.echo(orjson.dumps(value, default=_plain, option=options).decode())


def echo_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as an aligned table, or say that there are none."""
    rows = list(rows)
    if not rows:
        click.echo("(none)")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    table = _table(columns, rows)
    unfolded = console.options.update(width=_PIPE_WIDTH)
    if console.measure(table, options=unfolded).maximum > console.width:
        table = _table([column.replace("_", "_\n") for column in columns], rows)
    console.print(table)


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, header in enumerate(headers):
        cells = [row[index] for row in rows if row[index] is not None]
        is_numeric = bool(cells) and all(map(_is_number, cells))
        # Numbers, times and ids are whole, so that they can be compared and copied; texts fold.
        table.add_column(
            header,
            justify="right" if is_numeric else "left",
            overflow="fold",
            no_wrap=header.endswith("id")
            or all(isinstance(c, int | float | datetime | timedelta) for c in cells),
        )
    for row in rows:
        table.add_row(*(_escaped(cell) for cell in row))
    return table


def echo_rows(rows: Sequence[Any], columns: str, as_json: bool) -> None:
    """Print rows as JSON, or the named columns of them as a table."""
    if as_json:
        echo_json(rows)
        return
    names = columns.split()
    echo_table(names, [[getattr(row, name) for name in names] for row in rows])


def echo_row(row: Any, as_json: bool) -> None:
    """Print one row as JSON, or as a list of its fields."""
    echo_json(row) if as_json else echo_fields(row)


def echo_fields(row: Any, leave_out: Collection[str] = ()) -> None:
    """Print one row as a list of its fields, those without a value left out."""
    fields = [field for field in dataclasses.fields(row) if field.name not in leave_out]
    width = max(len(field.name) for field in fields)
    for field in fields:
        if (value := getattr(row, field.name)) not in (None, {}):
            click.echo(f"{field.name:<{width}}  {cell(value)}")


def cell(value: object) -> str:
    """Write a value for people: four significant digits, UTC to the second."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case timedelta():
            return _duration(value)
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(value)
        case dict() | list():
            return orjson.dumps(value, default=_plain).decode()
    return str(value)


def size(value: int) -> str:
    """Write a number of bytes for people."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6)):
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value / 1000:.0f} kB"


def _duration(value: timedelta) -> str:
    if value >= timedelta(days=1):
        return f"{value.total_seconds() / 86_400:.1f} d"
    hours, rest = divmod(int(value.total_seconds()), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _escaped(value: object) -> str:
    return cell(value).replace("[", r"\[")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
