"""Reads files: rows of CSV and NDJSON with their lines, and tables of Parquet."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from ...arrow import parquet_file, parquet_library
from ...checks.prediction_fields import ALONE
from ...errors import InvalidValue, LedgerError
from ...visible import is_unicode

FORMATS: Final = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"}
TIMES: Final = ("predicted_at", "labeled_at")
_DOCUMENTS: Final = ("features", "inputs", "metadata")
# Characters of a field: more than any that is taken. Python's reader ends at 131,072.
_LONGEST: Final = 16_000_000
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
        raise LedgerError(f"{file.name}: must end in {', '.join(FORMATS)}")
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


def tables(file: Path, size: int) -> Iterator[Any]:
    """Yield the tables of a Parquet file, of at most so many rows.

    Raises LedgerError for two columns of one name.
    """
    parquet = _parquet(file)
    _require_distinct(file, parquet.schema_arrow.names)
    import pyarrow as pa

    for batch in parquet.iter_batches(batch_size=size):
        yield pa.Table.from_batches([batch])


def python_rows(table: Any) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield the rows of a table, each with what is wrong with it.

    Python cannot hold some values of Arrow, such as a time of the year 100,000.
    """
    try:
        yield from ((row, None) for row in table.to_pylist())
    except (ValueError, OverflowError):
        for place in range(table.num_rows):
            yield _one_by_one(table, place)


def _one_by_one(table: Any, place: int) -> tuple[dict[str, Any], str | None]:
    row: dict[str, Any] = {}
    problem = None
    for name in table.column_names:
        try:
            row[name] = table[name][place].as_py()
        except (ValueError, OverflowError):
            row[name] = None
            problem = problem or f"{name}: has a {table[name].type} that cannot be read"
    return row, problem


def csv_rows(file: Path) -> Iterator[tuple[int, dict[str, str], str | None]]:
    """Yield the rows of a CSV file, each with its last line and what is wrong with it.

    Columns without a name, such as the index of a data frame, are left out. Raises LedgerError for
    two columns of one name, for a header that is not UTF-8, and for what is no CSV.
    """
    with file.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as opened:
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST))
        reader = csv.reader(opened, strict=True)
        try:
            header = next(reader, [])
            _require_distinct(file, filter(None, header))
            if not is_unicode("".join(header)):
                raise LedgerError(f"{file.name}:{reader.line_num}: the header is not UTF-8")
            for values in reader:
                if values:
                    yield reader.line_num, *_csv_row(header, values)
        except csv.Error as error:
            raise LedgerError(f"{file.name}:{reader.line_num}: {error}") from None


def _require_distinct(file: Path, names: Iterable[str]) -> None:
    if doubled := [name for name, times in Counter(names).items() if times > 1]:
        raise LedgerError(f"{file.name}: has two columns {doubled[0]!r}")


def _csv_row(header: list[str], values: list[str]) -> tuple[dict[str, str], str | None]:
    row = {name: text for name, text in zip(header, values, strict=False) if name}
    if len(values) != len(header):
        many = "more" if len(values) > len(header) else "fewer"
        return row, f"has {many} fields than the header"
    return row, None if is_unicode("".join(values)) else "is not UTF-8"


def count(file: Path) -> int:
    """Return how many rows a Parquet file holds."""
    return int(_parquet(file).metadata.num_rows)


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


def _parquet(file: Path) -> Any:
    parquet = parquet_library()
    import pyarrow

    try:
        return parquet.ParquetFile(parquet_file(file))
    except (pyarrow.ArrowException, OSError):
        raise LedgerError(f"{file.name} is not a Parquet file that can be read") from None
