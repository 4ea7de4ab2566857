"""Reads predictions into Arrow tables at the speed of COPY, through the ADBC driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from psycopg import sql

from .checks import values
from .errors import InvalidValue, LedgerError, TimedOut
from .rows import Prediction

# A table has the columns of a row, but for what is the same in all rows of a version.
COLUMNS: Final = tuple(
    field.name
    for field in fields(Prediction)
    if field.name not in ("feature_names", "model_version_id")
)


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


def read_table(conninfo: str, query: str) -> Any:
    """Run a query and return its rows as an Arrow table."""
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise LedgerError("tables need the extra: pip install 'mlops-ledger[arrow]'") from None
    try:
        with dbapi.connect(conninfo, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table()
    except Error as error:
        state = error.sqlstate or "none"
    # The driver's own text may quote the connection string.
    if state == "57014":
        raise TimedOut("the statement ran into its timeout or was cancelled")
    raise LedgerError(f"reading the table failed (SQLSTATE {state})")


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
