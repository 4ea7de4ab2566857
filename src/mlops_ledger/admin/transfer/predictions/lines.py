"""Reads the lines of CSV and NDJSON files as predictions and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from ....checks.prediction_fields import ALONE
from ....errors import InvalidValue, LedgerError
from ..formats import csv_rows

FORMATS: Final = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"}
TIMES: Final = ("predicted_at", "labeled_at")
_DOCUMENTS: Final = ("features", "inputs", "metadata")
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file: its line, or its number in a table, and what it holds or why not."""

    number: int
    row: dict[str, Any]
    problem: str | None = None
    raw: Any = field(default=None, compare=False)


def format_of(file: Path) -> str:
    """Return csv, ndjson or parquet, by the ending; raises LedgerError for others."""
    if file.suffix.lower() not in FORMATS:
        raise LedgerError(f"{file.name}: must end in one of {', '.join(FORMATS)}")
    return FORMATS[file.suffix.lower()]


def lines(file: Path, columns: Mapping[str, str]) -> Iterator[Line]:
    """Yield the rows of a CSV or NDJSON file; `columns` says what CSV columns hold."""
    reader = _csv if format_of(file) == "csv" else _ndjson
    for number, row, problem in reader(file, columns):
        raw = dict(row)
        try:
            yield Line(number, _read(row), problem, raw)
        except InvalidValue as error:
            yield Line(number, {}, str(error), raw)


def _csv(
    file: Path, columns: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any], str | None]]:
    for number, row, problem in csv_rows(file):
        given = {name: text for name, text in row.items() if text}
        yield number, {name: _value(columns, name, text) for name, text in given.items()}, problem


def _ndjson(
    file: Path, columns: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any], str | None]]:
    with file.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield number, {name: v for name, v in row.items() if v is not None}, None
            else:
                yield number, {}, "is not a JSON object"


def _value(columns: Mapping[str, str], name: str, text: str) -> Any:
    """Read the text of a CSV field as its column says; what cannot be read stays text."""
    kind = columns.get(name, ALONE[name].sql_type if name in ALONE else "text")
    if kind == "boolean":
        return _TRUTHS.get(text.lower(), text)
    if kind == "double precision":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _read(row: dict[str, Any]) -> dict[str, Any]:
    """Read times and documents that are written as text."""
    for name in TIMES:
        if isinstance(row.get(name), str):
            row[name] = _time(name, row[name])
    for name in _DOCUMENTS:
        if isinstance(row.get(name), str):
            try:
                row[name] = orjson.loads(row[name])
            except ValueError:
                raise InvalidValue(name, "is not valid JSON") from None
    if "feature_values" in row:
        values = row.pop("feature_values")
        row["features"] = orjson.loads(values) if isinstance(values, str) else values
    return row


def _time(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue(name, "is not a time: write 2026-01-31T12:00:00Z") from None
    if found.tzinfo is None:
        raise InvalidValue(name, "has no time zone: write 2026-01-31T12:00:00Z")
    return found
