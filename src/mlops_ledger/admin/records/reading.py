"""Reads the rows of JSON, CSV and Parquet files, each with its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from ...errors import LedgerError
from ..transfer.reading import tables

# Line (of an array or a table: number), row, and what is wrong with it.
Row = tuple[int, Any, str | None]
_ROWS: Final = 10_000
_NO_OBJECT: Final = "is not a JSON object"


def rows_of(file: Path, form: str) -> Iterator[Row]:
    """Yield the rows of a file: json (an array, an object, or one a line), csv or parquet."""
    return _READERS[form](file)


def _json(file: Path) -> Iterator[Row]:
    text = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        found = orjson.loads(text)
    except ValueError:
        yield from _lines(text)
        return
    for number, row in enumerate(found if isinstance(found, list) else [found], 1):
        yield number, row, None if isinstance(row, dict) else _NO_OBJECT


def _lines(text: bytes) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = orjson.loads(line)
            except ValueError:
                row = None
            yield number, row, None if isinstance(row, dict) else _NO_OBJECT


def _csv(file: Path) -> Iterator[Row]:
    with file.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as opened:
        reader = csv.DictReader(opened, restkey="", restval=None)
        try:
            for row in reader:
                problem = "has more fields than the header" if "" in row else None
                yield reader.line_num, row, problem
        except csv.Error as error:
            raise LedgerError(f"{file.name}:{reader.line_num}: {error}") from None


def _parquet(file: Path) -> Iterator[Row]:
    number = 0
    for table in tables(file, _ROWS):
        for row in table.to_pylist():
            number += 1
            yield number, row, None


_READERS: Final[dict[str, Callable[[Path], Iterator[Row]]]] = {
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
}
