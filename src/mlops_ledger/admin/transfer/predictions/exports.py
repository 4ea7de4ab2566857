"""Exports predictions day by day, so that the memory needed is that of a day."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from ...._sync.database import Database
from ...._sync.predictions import PredictionsRepository
from ....arrow import parquet_file, parquet_library
from ....errors import LedgerError
from ....files import sync_folder, written
from .lines import format_of

_DAY: Final = timedelta(days=1)


def export_predictions(
    db: Database,
    file: Path,
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write the predictions with since <= predicted_at < until to a new file; return how many.

    What is written can be imported. The file is there only when it is whole.
    """
    kind = format_of(file)
    if file.exists():
        raise LedgerError(f"{file}: exists already")
    part = file.with_name(f"{file.name}.part")
    window: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
    predictions = PredictionsRepository(db)
    found = predictions.stats(**window, since=since, until=until)
    total, done = found.count, 0
    try:
        with written(file), ExitStack() as stack:
            write = _WRITERS[kind](part, stack)
            for begin, end in _days(found.earliest, found.latest):
                table = predictions.fetch_arrow(**window, since=begin, until=end)
                write(table.sort_by("predicted_at"))
                done += table.num_rows
                report(done, total)
        with written(file):
            os.replace(part, file)
            sync_folder(file.absolute().parent)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return done


def _days(
    earliest: datetime | None, latest: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    """Yield ranges of at most a day; the first also where there is nothing, for its columns."""
    begin = earliest or datetime.fromisoformat("2000-01-01T00:00:00Z")
    end = (latest or begin) + timedelta(microseconds=1)
    while begin < end:
        yield begin, min(begin + _DAY, end)
        begin += _DAY


def _parquet(file: Path, stack: ExitStack) -> Callable[[Any], None]:
    parquet = parquet_library()
    opened = stack.enter_context(parquet_file(file, "wb"))
    writer: Any = None

    def write(table: Any) -> None:
        nonlocal writer
        if writer is None:
            writer = stack.enter_context(parquet.ParquetWriter(opened, table.schema))
        writer.write_table(table)

    return write


def _ndjson(file: Path, stack: ExitStack) -> Callable[[Any], None]:
    opened = stack.enter_context(file.open("wb"))

    def write(table: Any) -> None:
        for row in table.to_pylist():
            opened.write(orjson.dumps(_given(row), default=str, option=_JSON))

    return write


def _csv(file: Path, stack: ExitStack) -> Callable[[Any], None]:
    opened = stack.enter_context(file.open("w", newline="", encoding="utf-8"))
    writer: Any = None

    def write(table: Any) -> None:
        nonlocal writer
        if writer is None:
            writer = csv.writer(opened)
            writer.writerow(table.column_names)
        for row in table.to_pylist():
            writer.writerow(map(_text, row.values()))

    return write


def _given(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value, documents as such."""
    for name in ("inputs", "metadata"):
        if isinstance(row.get(name), str):
            row[name] = orjson.loads(row[name])
    return {name: value for name, value in row.items() if value is not None}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return orjson.dumps(value).decode() if isinstance(value, list) else value


_JSON: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_WRITERS: Final = {"parquet": _parquet, "ndjson": _ndjson, "csv": _csv}
