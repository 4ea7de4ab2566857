"""Prints results: tables and records for people, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson

from ..visible import is_unicode, visible
from .layout import records, table
from .names import require_known
from .text import encoding, visible_json


def say(message: object, *, err: bool = False) -> None:
    """Print a line; control characters in it are shown, not obeyed."""
    write(visible(str(message)), err=err)


def write(text: str, *, err: bool = False) -> None:
    """Print lines that hold no stored text as it is."""
    if err and sys.stdout is not None:
        sys.stdout.flush()  # what was printed before comes first, whoever reads both
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        print(text, file=stream)


def note(message: str) -> None:
    """Print a line for people beside the result."""
    say(f"note: {message}", err=True)


def ask(question: str, *, yes: bool, refusal: str) -> None:
    """Continue if a person agrees or --yes was given; raises UsageError without a terminal."""
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"{refusal}: confirm with --yes")
    try:
        agreed = click.confirm(visible(question), err=True)
    except click.Abort as abort:
        write("", err=True)  # the line of the question is not at its end
        if not isinstance(abort.__context__, EOFError):
            raise
        agreed = False
    if not agreed:
        say("nothing was done", err=True)
        sys.exit(1)


def echo_json(value: object) -> None:
    """Print a row, a list of rows or a plain value as one document of indented JSON."""
    _echo_json(value, orjson.OPT_INDENT_2)


def echo_line(value: object) -> None:
    """Print a value as one line of JSON, of many."""
    _echo_json(value, 0)


def echo_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "(none)"
) -> None:
    """Print rows as a table, as records where the terminal is too narrow for it."""
    rows = list(rows)
    if not rows:
        write(empty)
        return
    width = _terminal_width()
    write("\n".join(table(columns, rows, width, bold=_is_coloured())))


def echo_rows(rows: Sequence[Any], columns: str, as_json: bool) -> None:
    """Print rows as JSON, or the named columns of them as a table.

    Raises NotFound when there are none because the command names something unknown.
    """
    if not rows:
        require_known()
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
    echo_pairs(fields_of(row, leave_out))


def fields_of(row: Any, leave_out: Collection[str] = ()) -> dict[str, object]:
    """Return the fields of a row by name, the version beside its model."""
    names = [field.name for field in dataclasses.fields(row)]
    if {"model_name", "model_version"} <= set(names):
        names.remove("model_version")
        names.insert(names.index("model_name") + 1, "model_version")
    return {name: getattr(row, name) for name in names if name not in leave_out}


def echo_pairs(pairs: dict[str, object]) -> None:
    """Print names with their values, those without one left out."""
    shown = {name: value for name, value in pairs.items() if value not in (None, {})}
    write("\n".join(records(list(shown), [list(shown.values())], _terminal_width())))


def echo_done(row: object, done: object, as_json: bool) -> None:
    """Print a row as JSON, or say what was done."""
    echo_json(row) if as_json else say(done)


def finish(code: int) -> NoReturn:
    """Leave the command with an exit code."""
    click.get_current_context().exit(code)


def _echo_json(value: object, options: int) -> None:
    options |= orjson.OPT_UTC_Z
    try:
        text = orjson.dumps(value, default=_plain, option=options).decode()
    except orjson.JSONEncodeError:
        text = orjson.dumps(_escaped(value), default=_plain, option=options).decode()
    write(visible_json(text, ascii_only=encoding() != "utf-8"))


def _escaped(value: object) -> object:
    """Write names of files that are not UTF-8 so that `json` reads what Python calls them."""
    match value:
        case str() | Path():
            text = str(value)
            return text if is_unicode(text) else orjson.Fragment(json.dumps(text))
        case dict():
            return {name: _escaped(each) for name, each in value.items()}
        case list() | tuple():
            return [_escaped(each) for each in value]
        case _ if dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            return {each.name: _escaped(getattr(value, each.name)) for each in fields}
    return value


def _terminal_width() -> int | None:
    """Return how wide the terminal is; None in a pipe."""
    if not sys.stdout.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80


def _is_coloured() -> bool:
    return (
        sys.stdout.isatty()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
