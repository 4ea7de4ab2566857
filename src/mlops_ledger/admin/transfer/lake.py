"""The whole record as Parquet, by day, for lakes and for leaving."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from psycopg import sql
from psycopg.rows import tuple_row

from ..._sync.database import Database
from ..._sync.repository import Repository
from ...arrow import Driver, Source, parquet_file, parquet_library, read_batches, read_table
from ...files import sync_folder, written

# The tables that grow, by the time at which each row belongs. All others are one file each.
_TIMES: Final = {
    "alert_occurrences": "occurred_at",
    "audit_log": "recorded_at",
    "deletions": "deleted_at",
    "drift_reports": "timestamp",
    "ground_truth": "predicted_at",
    "monitoring_metrics": "timestamp",
    "performance_metrics": "timestamp",
    "predictions": "predicted_at",
    "retraining_decisions": "timestamp",
    "system_metrics": "timestamp",
}
_FINGERPRINT: Final = b"mlops_ledger.fingerprint"
_FILE: Final = "rows.parquet"


@dataclass(frozen=True, slots=True)
class TableColumns:
    """A table of the record, its columns, and the types that they are read as."""

    name: str
    columns: list[str]
    types: list[str]


@dataclass(slots=True)
class LakeExport:
    """What an export found: tables and rows, files that were written and that were up to date."""

    tables: int = 0
    rows: int = 0
    written: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one file."""

    path: Path
    rows: int
    fingerprint: str
    condition: sql.Composable


class Lake(Repository):
    """Reads the record table by table."""

    _file = "lake"

    def tables(self) -> list[TableColumns]:
        """Return the tables that are exported."""
        return self._rows("tables", TableColumns, {})

    def parts(self, table: TableColumns) -> Iterator[_Part]:
        """Yield the files of a table: one for each day, or one."""
        time = _TIMES.get(table.name)
        day = sql.SQL("NULL") if time is None else _day(time)
        query = sql.SQL(
            "SELECT {} AS day, count(*), coalesce(bit_xor(hashtextextended(t::text, 0)), 0)"
            " FROM {} t GROUP BY 1 ORDER BY 1"
        ).format(day, sql.Identifier(table.name))
        with self._db.transaction() as tx, tx.connection() as connection:
            # The whole history is read, however long that takes.
            tx.be_patient()
            cursor = connection.cursor(row_factory=tuple_row)
            found = cursor.execute(query).fetchall()
        for start, rows, fingerprint in found or ([(None, 0, 0)] if time is None else []):
            folder = Path(table.name)
            condition: sql.Composable = sql.SQL("true")
            if start is not None and time is not None:
                folder /= f"day={start}"
                condition = _within(time, start)
            yield _Part(folder / _FILE, rows, f"{rows} {fingerprint}", condition)


def export_lake(
    db: Database, folder: Path, *, report: Callable[[int, int], None] = lambda done, total: None
) -> LakeExport:
    """Write every table below a folder, and return what was done.

    A table that grows is in TABLE/day=YYYY-MM-DD/rows.parquet, by days of UTC; any other in
    TABLE/rows.parquet. A file is there only when it is whole, and knows what it was made from: run
    again, after an interruption or a day, the export writes what is missing or has changed. Files
    of days that the ledger has deleted stay. Raises LedgerError without the extra [arrow],
    PermissionDenied for whoever may not read all.
    """
    lake, done = Lake(db), LakeExport()
    tables = lake.tables()
    with closing(Driver()) as driver:
        for number, table in enumerate(tables, 1):
            done.tables += 1
            for part in lake.parts(table):
                done.rows += part.rows
                target = folder / part.path
                if _fingerprint(target) == part.fingerprint:
                    done.kept += 1
                else:
                    _write(db, driver, table, part, target)
                    done.written += 1
            report(number, len(tables))
    return done


def _write(db: Database, driver: Driver, table: TableColumns, part: _Part, target: Path) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{}::{} AS {}").format(
            sql.Identifier("t", name),
            sql.SQL(kind),
            sql.Identifier(name),
        )
        for name, kind in zip(table.columns, table.types, strict=True)
    )
    query = sql.SQL("SELECT {} FROM {} t WHERE {}").format(
        columns, sql.Identifier(table.name), part.condition
    )
    source = Source(db.conninfo(), query.as_string(), db.preamble, driver)
    name = target.with_name(f".{target.name}.part")
    with written(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _stream(source, name, {_FINGERPRINT: part.fingerprint.encode()})
            os.replace(name, target)
        finally:
            name.unlink(missing_ok=True)
        sync_folder(target.parent)


def _stream(source: Source, file: Path, metadata: dict[bytes, bytes]) -> None:
    """Write what a query yields batch by batch: a day need not fit into memory."""
    parquet = parquet_library()
    with closing(read_batches(source)) as batches:
        first = next(batches, None)
        # Without rows there is no batch to tell the types.
        schema = (read_table(source) if first is None else first).schema
        schema = schema.with_metadata({**(schema.metadata or {}), **metadata})
        with parquet_file(file, "wb") as opened, parquet.ParquetWriter(opened, schema) as writer:
            for batch in () if first is None else chain([first], batches):
                writer.write_batch(batch)


def _fingerprint(file: Path) -> str | None:
    """Return what a file was made from; None when it is not there or not one of these."""
    parquet = parquet_library()
    import pyarrow

    try:
        metadata = parquet.read_schema(parquet_file(file)).metadata or {}
    except (OSError, pyarrow.ArrowException):
        return None
    found = metadata.get(_FINGERPRINT)
    return None if found is None else str(found.decode())


def _day(time: str) -> sql.Composable:
    return sql.SQL("({} AT TIME ZONE 'UTC')::date").format(sql.Identifier("t", time))


def _within(time: str, start: date) -> sql.Composable:
    return sql.SQL("{column} >= {start} AND {column} < {end}").format(
        column=sql.Identifier("t", time),
        start=sql.Literal(f"{start} 00:00+00"),
        end=sql.Literal(f"{start + timedelta(days=1)} 00:00+00"),
    )
