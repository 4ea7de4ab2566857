"""Reads the rows of CSV and the tables of Parquet files, whatever they hold."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from ...arrow import parquet_file, parquet_library
from ...errors import LedgerError
from ...visible import is_unicode

# Characters of a field: more than any that is taken. Python's reader ends at 131,072.
_LONGEST: Final = 16_000_000


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


def _parquet(file: Path) -> Any:
    parquet = parquet_library()
    import pyarrow

    try:
        return parquet.ParquetFile(parquet_file(file))
    except (pyarrow.ArrowException, OSError):
        raise LedgerError(f"{file.name} is not a Parquet file that can be read") from None
