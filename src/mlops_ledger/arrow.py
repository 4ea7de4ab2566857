"""Reads predictions into Arrow tables at the speed of COPY, through the ADBC driver."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

from psycopg import sql

from .checks import values
from .connection.bounded import attended
from .errors import InvalidValue, LedgerError, PermissionDenied, TimedOut, Unavailable
from .errors.translate import NoAnswer, raise_alone, translate
from .errors.workers import names_worker, unreachable
from .rows import Prediction

# A table has the columns of a row, but for what is the same in all rows of a version.
COLUMNS: Final = tuple(
    field.name
    for field in fields(Prediction)
    if field.name not in ("feature_names", "model_version_id")
)
_NO_CONNECTION: Final = re.compile(
    "failed to connect|terminating connection|closed the connection|could not (receive|send) data",
    re.IGNORECASE,
)


class Driver:
    """Connects for many sources: it learns a server's types once, in the time of ten connections.

    Types that are made later are unknown to it.
    """

    def __init__(self) -> None:
        self._first: dict[str, Any] = {}

    def connect(self, conninfo: str) -> Any:
        """Return a new connection; raises ImportError without the driver, and its errors."""
        from adbc_driver_postgresql import dbapi

        if conninfo not in self._first:
            self._first[conninfo] = dbapi.connect(conninfo, autocommit=True)
        return self._first[conninfo].adbc_clone()

    def close(self) -> None:
        """Close what was kept to connect more often."""
        while self._first:
            _, connection = self._first.popitem()
            # One that was lost fails to end, and is closed.
            with suppress(connection.Error):
                connection.close()


@dataclass(frozen=True, slots=True)
class Source:
    """A query, and the connection string of the database that answers it.

    `preamble` sets what the query means where the session does not: behind a pooler. `driver` is
    there for whoever reads more than one.
    """

    conninfo: str
    query: str
    preamble: str | None
    driver: Driver | None = None


def selection(query: str, columns: Sequence[str] | None) -> str:
    """Narrow a query to some of its columns."""
    if columns is None:
        return query
    columns = values.texts("columns", columns)
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise InvalidValue("columns", f"{unknown[0]} is none of {', '.join(COLUMNS)}")
    if not columns:
        raise InvalidValue("columns", "must name at least one column")
    names = sql.SQL(", ").join(map(sql.Identifier, columns)).as_string()
    return f"SELECT {names} FROM ({query}) p"  # noqa: S608


def read_table(source: Source) -> Any:
    """Return the rows of a query as an Arrow table; raises Unavailable for a frozen server."""
    try:
        return attended(source.conninfo, partial(_table, source))
    except NoAnswer as error:
        raise_alone(translate(error))


def read_batches(source: Source) -> Generator[Any]:
    """Yield the rows of a query as Arrow record batches, as they arrive."""
    batches, given_up = _batches(source), Event()

    def step() -> Any:
        batch = next(batches, None)
        if given_up.is_set():
            batches.close()
        return batch

    try:
        while (batch := attended(source.conninfo, step)) is not None:
            yield batch
    except GeneratorExit:
        batches.close()
        raise
    except NoAnswer as error:
        # A server that comes back would hold the locks of the query for as long as nobody reads on:
        # whoever still waits for it closes the connection, or else it is closed here.
        given_up.set()
        with suppress(ValueError):
            batches.close()
        raise_alone(translate(error))


def _table(source: Source) -> Any:
    with _cursor(source) as cursor:
        return cursor.fetch_arrow_table()


def _batches(source: Source) -> Generator[Any]:
    # It lasts as long as whoever reads it takes; a server that answers nobody is given up.
    with _cursor(source, "SET LOCAL statement_timeout = 0") as cursor:
        yield from cursor.fetch_record_batch()


@contextmanager
def _cursor(source: Source, *first: str) -> Iterator[Any]:
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
        from pyarrow import ArrowException
    except ImportError:
        raise LedgerError("tables need the extra: pip install 'mlops-ledger[arrow]'") from None
    try:
        connect = source.driver.connect if source.driver else dbapi.connect
        with connect(source.conninfo) as connection, connection.cursor() as cursor:
            for statement in (*filter(None, [source.preamble]), *first):
                cursor.execute(statement)
            cursor.execute(source.query)
            yield cursor
            return
    except (Error, ArrowException, OSError) as error:
        failure = _failure(error)
    # Alone, as the driver's own text may quote the connection string.
    raise_alone(failure)


def _failure(error: BaseException) -> LedgerError:
    """Return the ledger's exception for one of the driver."""
    failed: list[BaseException] = [error]
    # Closing a connection that was lost fails again, and then says less.
    while failed[-1].__context__ is not None:
        failed.append(failed[-1].__context__)
    states = [state for each in failed if (state := getattr(each, "sqlstate", None))]
    state, text = (states or ["none"])[0], " ".join(map(str, failed))
    # What goes wrong between two batches has no state, but for its words.
    if state == "57014" or "canceling statement" in text:
        return TimedOut("the statement ran into its timeout or was cancelled")
    if state == "42501":
        return PermissionDenied("the database user may not read all columns of the table")
    if names_worker(text):
        return unreachable(text)
    if state.startswith(("08", "57P")) or _NO_CONNECTION.search(text):
        return Unavailable("the connection for the table was lost or could not be made")
    return LedgerError(f"reading the table failed (SQLSTATE {state})")


def parquet_library() -> Any:
    """Return PyArrow's module for Parquet; raises LedgerError without the extra."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise LedgerError("Parquet needs the extra: pip install 'mlops-ledger[arrow]'") from None
    return parquet


def parquet_file(file: Path, mode: str = "rb") -> Any:
    """Open a file for PyArrow, which takes no name that is not UTF-8; raises OSError."""
    import pyarrow

    return pyarrow.OSFile(os.fsencode(file), mode)


def to_polars(table: Any) -> Any:
    """Turn an Arrow table into a Polars data frame."""
    try:
        import polars
    except ImportError:
        raise LedgerError("fetch_polars needs Polars: pip install polars") from None
    return polars.from_arrow(table)


def to_pandas(table: Any) -> Any:
    """Turn an Arrow table into a pandas data frame."""
    try:
        return table.to_pandas()
    except ImportError:
        raise LedgerError("fetch_pandas needs pandas: pip install pandas") from None
