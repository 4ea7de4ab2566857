"""Reads columns as NumPy, pandas, Polars, Arrow and plain Python give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np

from ..checks import values
from ..errors import InvalidValue
from .binary import EPOCH_MICROSECONDS, microseconds
from .blocks import Array

SCALARS: Final = (str, datetime, bool, int, float)


def names_of(columns: Any) -> list[Any]:
    """List the columns of a mapping, or of a pandas, Polars or Arrow table."""
    if isinstance(columns, Mapping):
        return list(columns)
    for attribute in ("column_names", "columns"):
        if hasattr(columns, attribute):
            return list(getattr(columns, attribute))
    raise InvalidValue("columns", "must be a mapping or a table of columns")


def size_of(columns: Mapping[str, Any]) -> int:
    """Return the number of rows."""
    sizes = {}
    for name, column in columns.items():
        if name == "features" and not hasattr(column, "shape"):
            column = columns[name][names_of(column)[0]] if not isinstance(column, list) else column
        if column is not None and not isinstance(column, SCALARS):
            sizes[name] = len(column)
    if len(set(sizes.values())) != 1:
        raise InvalidValue("columns", f"must hold columns of one length, not {sizes}")
    return next(iter(sizes.values()))


def objects(column: Any) -> list[Any]:
    """Turn a column into Python values, nulls into None."""
    if hasattr(column, "isna"):  # pandas, where a text that is missing is NaN
        column = column.astype(object).where(column.notna(), None)
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)


def floats(name: str, column: Any) -> tuple[Array, Array | None]:
    """Return numbers, and where they are missing, if anywhere."""
    missing = None
    if hasattr(column, "is_null"):
        missing = np.asarray(column.is_null())
    elif hasattr(column, "isna"):
        missing = column.isna().to_numpy()
    if hasattr(column, "to_numpy"):
        column = column.to_numpy()
    array = np.asarray(column)
    if array.dtype.kind not in "fiu":
        raise InvalidValue(f"columns.{name}", f"must be numbers, not {array.dtype}")
    if missing is not None and not missing.any():
        missing = None
    return array.astype(np.float64, copy=False), missing


def timestamps(column: Any) -> Array:
    """Return timestamps in microseconds since 2000."""
    if isinstance(column, datetime):
        column = [column]
    kinds = (getattr(column, "dtype", None), getattr(column, "type", None))
    zone = any(getattr(kind, name, None) for kind in kinds for name in ("tz", "time_zone"))
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        array = column
    elif zone:
        # pandas would give objects; the others know no dtype here and give UTC anyway.
        pandas = hasattr(column, "to_list") and hasattr(column, "dt") and hasattr(column, "index")
        array = column.to_numpy("datetime64[us]") if pandas else column.to_numpy()
    else:
        found = [values.timestamp("columns.predicted_at", item) for item in objects(column)]
        return np.array(list(map(microseconds, found)), np.int64)
    if np.isnat(array).any():
        raise InvalidValue("columns.predicted_at", "must not be missing")
    return array.astype("M8[us]").astype(np.int64) - EPOCH_MICROSECONDS
