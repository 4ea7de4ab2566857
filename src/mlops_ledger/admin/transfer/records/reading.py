"""Reads the rows of JSON, CSV and Parquet files, each with its line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from ....errors import LedgerError
from ..formats import csv_rows, python_rows, tables

# Line (of an array or a table: number), row, and what is wrong with it.
Row = tuple[int, Any, str | None]
_ROWS: Final = 10_000
_NO_OBJECT: Final = "is not a JSON object"


def rows_of(file: Path, form: str) -> Iterator[Row]:
    """Yield the rows of a file: json (an array, an object, or one per line), csv or parquet."""
    return _READERS[form](file)


def _json(file: Path) -> Iterator[Row]:
    text = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        found = _loaded(text)
    except json.JSONDecodeError as error:
        # Nothing but an array spans several rows.
        if text.lstrip().startswith(b"["):
            raise LedgerError(f"{file.name}:{error.lineno}: is not JSON: {error.msg}") from None
        yield from _lines(text)
        return
    except (ValueError, RecursionError):
        yield from _lines(text)
        return
    for number, row in enumerate(found if isinstance(found, list) else [found], 1):
        yield number, row, _problem(row)


def _lines(text: bytes) -> Iterator[Row]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            try:
                row = _loaded(line)
            except UnicodeDecodeError:
                yield number, line.decode(errors="replace"), "is not UTF-8"
            except (ValueError, RecursionError):
                yield number, line.decode(errors="replace"), _NO_OBJECT
            else:
                yield number, row, _problem(row)


class _Object(dict[str, Any]):
    """A JSON object, and a name that it has twice."""

    doubled: str | None = None


def _loaded(text: bytes) -> Any:
    """Read JSON as Python writes it: with NaN, and with whole numbers of any size.

    Raises ValueError, or RecursionError for what is nested too deeply.
    """
    return json.loads(text.decode(), object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        found.doubled = next(name for name, times in names.items() if times > 1)
    return found


def _problem(row: Any) -> str | None:
    if not isinstance(row, _Object):
        return _NO_OBJECT
    return None if row.doubled is None else f"has {row.doubled!r} twice"


def _parquet(file: Path) -> Iterator[Row]:
    number = 0
    for table in tables(file, _ROWS):
        for row, problem in python_rows(table):
            number += 1
            yield number, row, problem


_READERS: Final[dict[str, Callable[[Path], Iterator[Row]]]] = {
    "json": _json,
    "csv": csv_rows,
    "parquet": _parquet,
}
