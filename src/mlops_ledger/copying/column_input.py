"""Reads columns as NumPy, pandas, Polars, Arrow and plain Python give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np

from ..checks import values
from ..errors import InvalidValue
from .binary import EPOCH_MICROSECONDS, microseconds
from .blocks import Array

SCALARS: Final = (str, datetime, bool, int, float, UUID)


def names_of(columns: Any) -> list[Any]:
    """List the columns of a mapping, or of a pandas, Polars or Arrow table."""
    if isinstance(columns, Mapping):
        return list(columns)
    for attribute in ("column_names", "columns"):
        if hasattr(columns, attribute):
            return list(getattr(columns, attribute))
    raise InvalidValue("columns", "must be a mapping or a table of columns")


def table_of(columns: Any) -> tuple[dict[str, Any], int]:
    """Return the columns of a table by their names, and the number of rows."""
    names = [str(name) for name in names_of(columns)]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidValue(f"columns.{twice[0]}", "is there twice")
    found = {str(name): columns[name] for name in names_of(columns)}
    return found, _size_of(found)


def documents(column: Any) -> Any:
    """Turn a table, or a mapping of columns, into one mapping a row; leave other columns."""
    if isinstance(column, Mapping):
        names = list(column)
        rows = zip(*(objects(column[name]) for name in names), strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]
    if hasattr(column, "columns") or hasattr(column, "column_names"):
        return documents({str(name): column[name] for name in names_of(column)})
    return column


def _size_of(columns: Mapping[str, Any]) -> int:
    """Return the number of rows."""
    sizes = {}
    for name, column in columns.items():
        if isinstance(column, Mapping):
            column = next(iter(column.values()), ())
        if column is not None and not isinstance(column, SCALARS):
            sizes[name] = len(column)
    if len(set(sizes.values())) != 1:
        raise InvalidValue("columns", f"must hold columns of one length, not {sizes}")
    return next(iter(sizes.values()))


def objects(column: Any) -> list[Any]:
    """Turn a column into Python values, nulls into None."""
    if hasattr(column, "isna"):  # pandas, where a text that is missing is NaN
        pairs = zip(np.asarray(column, object), np.asarray(column.isna()), strict=True)
        return [None if gone else item for item, gone in pairs]
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)


def floats(name: str, column: Any) -> tuple[Array, Array]:
    """Return numbers, NaN where they are missing, and where that is."""
    missing = None
    if hasattr(column, "is_null"):
        missing = np.asarray(column.is_null())
    elif hasattr(column, "isna"):
        missing = np.asarray(column.isna())
    kind: Any = getattr(column, "dtype", None)
    if hasattr(kind, "na_value") and kind.kind in "fiu":  # pandas' own types
        column = column.to_numpy(np.float64, na_value=np.nan)
    elif hasattr(column, "to_numpy"):
        column = column.to_numpy()
    array = np.asarray(column)
    if array.dtype.kind not in "fiu":
        raise InvalidValue(f"columns.{name}", f"must be numbers, not {array.dtype}")
    array = array.astype(np.float64, copy=False)
    return array, np.isnan(array) if missing is None else missing | np.isnan(array)


def timestamps(name: str, column: Any) -> Array:
    """Return the timestamps of a column in microseconds since 2000."""
    if isinstance(column, datetime):
        column = [column]
    kinds = (getattr(column, "dtype", None), getattr(column, "type", None))
    zone = any(getattr(kind, name, None) for kind in kinds for name in ("tz", "time_zone"))
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        array = column
    elif zone:
        # pandas would give objects.
        array = np.asarray(column, "M8[us]") if hasattr(column, "isna") else column.to_numpy()
    else:
        found = [values.timestamp(f"columns.{name}", item) for item in objects(column)]
        return np.array(list(map(microseconds, found)), np.int64)
    if np.isnat(array).any():
        raise InvalidValue(f"columns.{name}", "must not be missing")
    return array.astype("M8[us]").astype(np.int64) - EPOCH_MICROSECONDS
