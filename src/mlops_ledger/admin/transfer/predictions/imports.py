"""Imports predictions and labels; repeating it adds nothing, refused rows are reported by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ...._sync.database import Database
from ...._sync.ground_truth import GroundTruthRepository
from ...._sync.predictions import PredictionsRepository
from ....errors import Conflict, InvalidValue, NotFound
from ..formats import count, python_rows, tables
from .known import Versions
from .lines import Line, format_of, lines
from .row_ids import RowIds
from .run import Imported, Refusal, Report, Run

_ROWS: Final = 5_000
_REFUSED: Final = (InvalidValue, NotFound, Conflict)


def import_predictions(
    db: Database,
    file: Path,
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    at: datetime | None = None,
    ignore: Sequence[str] = (),
    on_refusal: Callable[[Refusal], None],
    report: Report = lambda done, total: None,
) -> Imported:
    """Store the predictions of a file; `at` is the time of those that say none.

    Columns are the fields of a prediction and the features of the version. `on_refusal` is called
    with each row that is refused, before others of its batch are stored; what it raises ends the
    import. Raises LedgerError for a file that cannot be read or has an unknown column.
    """
    run = Run(on_refusal, report)
    versions = Versions(db, model_name, model_version, ignore)
    if format_of(file) == "parquet":
        # Without the extra this says so.
        total = count(file)
        from .columns import ColumnImport

        ColumnImport(db, versions, run).go(tables(file, ColumnImport.SIZE), total, at)
    else:
        rows = lines(file, versions.kinds())
        store_predictions(db, versions, run, rows, at, RowIds(), total_lines(file))
    return run.done


def import_labels(
    db: Database,
    file: Path,
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    at: datetime | None = None,
    on_refusal: Callable[[Refusal], None],
    report: Report = lambda done, total: None,
) -> Imported:
    """Store the labels of a file; otherwise as `import_predictions`, with `labeled_at`."""
    given = {"model_name": model_name, "model_version": model_version, "labeled_at": at}
    given = {name: value for name, value in given.items() if value is not None}
    run = Run(on_refusal, report)
    is_table = format_of(file) == "parquet"
    total = count(file) if is_table else total_lines(file)
    rows = _rows_of(file) if is_table else lines(file, {"actual_value": "double precision"})
    labels = GroundTruthRepository(db)
    while chunk := list(islice(rows, _ROWS)):
        ready = []
        for line in chunk:
            row = {
                **given,
                **{name: value for name, value in line.row.items() if value is not None},
            }
            if line.problem:
                run.refuse(line, line.problem)
            elif row.get("labeled_at") is None:
                run.refuse(line, "labeled_at: is missing; give one time for all with --at")
            else:
                ready.append((line, row))
        _store(ready, run, lambda given: labels.insert_many(rows=given))
        run.report(chunk[-1].number, total)
    return run.done


def store_predictions(
    db: Database,
    versions: Versions,
    run: Run,
    rows: Iterator[Line],
    at: datetime | None,
    ids: RowIds,
    total: int,
) -> None:
    """Store predictions that come row by row."""
    predictions = PredictionsRepository(db)
    while chunk := list(islice(rows, _ROWS)):
        ready = []
        for line in chunk:
            try:
                if line.problem:
                    raise InvalidValue("", line.problem)
                row = versions.row(line.row)
                if row.get("predicted_at") is None:
                    row["predicted_at"] = at
                if row["predicted_at"] is None:
                    raise InvalidValue(
                        "predicted_at", "is missing; give one time for all with --at"
                    )
                if "id" not in row:
                    key = str(row["model_name"]), str(row["model_version"])
                    row["id"] = ids.make(key, line.row, row["predicted_at"])
                ready.append((line, row))
            except (InvalidValue, NotFound) as error:
                run.refuse(line, str(error).removeprefix(": "))
        bad = predictions.refusals(rows=[row for _, row in ready])
        for place, refusal in bad.items():
            run.refuse(ready[place][0], str(refusal))
        good = [each for place, each in enumerate(ready) if place not in bad]
        _store(good, run, lambda given: predictions.insert_many(rows=given))
        run.report(chunk[-1].number, total)


def total_lines(file: Path) -> int:
    """Count the lines of a file."""
    with file.open("rb") as opened:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b""))


def _store(
    rows: Sequence[tuple[Line, Mapping[str, Any]]],
    run: Run,
    write: Callable[[list[Mapping[str, Any]]], Any],
) -> None:
    """Write rows; where some are refused, find them by halves and write the others."""
    if not rows:
        return
    try:
        run.done.add(write([row for _, row in rows]))
    except _REFUSED as error:
        if len(rows) == 1:
            run.refuse(rows[0][0], str(error).removeprefix("rows[0]."))
            return
        middle = len(rows) // 2
        _store(rows[:middle], run, write)
        _store(rows[middle:], run, write)


def _rows_of(file: Path) -> Iterator[Line]:
    number = 0
    for table in tables(file, _ROWS):
        for row, problem in python_rows(table):
            number += 1
            given = {name: value for name, value in row.items() if value is not None}
            yield Line(number, given, problem, row)
