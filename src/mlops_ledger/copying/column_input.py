"""Reads columns as NumPy, pandas, Polars, Arrow and plain Python give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from ..checks import values
from ..checks.plain import is_missing, kind, plain
from ..checks.rows import require_order
from ..errors import InvalidValue, LedgerError
from .binary import EPOCH_MICROSECONDS, microseconds
from .blocks import Array


@contextmanager
def reading(field: str) -> Iterator[None]:
    """Refuse what the library of a column, whichever that is, fails to give."""
    try:
        yield
    except (LedgerError, MemoryError):
        raise
    except Exception as error:
        raise InvalidValue(field, f"cannot be read: {kind(error)}") from None


def is_table(column: Any) -> bool:
    """Return whether this is a mapping of columns, or a pandas, Polars or Arrow table."""
    return isinstance(column, Mapping) or any(
        hasattr(column, name) for name in ("columns", "column_names")
    )


def is_single(column: Any) -> bool:
    """Return whether this is one value for all rows, not a column."""
    if isinstance(column, str | bytes) or getattr(column, "ndim", 1) == 0:
        return True
    return not hasattr(type(column), "__len__") or hasattr(column, "as_py")


def table(field: str, columns: Any, name_of: Callable[[Any], Any] = str) -> dict[Any, Any]:
    """Return the columns of a table by their names; raises InvalidValue for a name given twice."""
    require_order(field, columns)
    if not is_table(columns):
        raise InvalidValue(field, f"must be a mapping or a table of columns, not {kind(columns)}")
    with reading(field):
        names: dict[Any, Any] = {}
        for name in columns if isinstance(columns, Mapping) else _names(columns):
            if name_of(name) in names:
                raise InvalidValue(f"{field}.{name}", "is there twice")
            names[name_of(name)] = name
        return {known: columns[name] for known, name in names.items()}


def _names(columns: Any) -> list[Any]:
    return list(getattr(columns, "column_names", None) or columns.columns)


def documents(field: str, column: Any, size: int) -> Any:
    """Turn a table into one mapping a row; leave other columns."""
    if not is_table(column):
        return column
    found = table(field, column)
    if not found:
        return [{}] * size
    cells = [[each] * size if is_single(each) else objects(each) for each in found.values()]
    return [dict(zip(found, row, strict=True)) for row in zip(*cells, strict=True)]


def size_of(columns: Mapping[str, Any]) -> int:
    """Return the number of rows."""
    sizes = {}
    for name, column in columns.items():
        inner = column.items() if isinstance(column, Mapping) else [("", column)]
        for key, each in inner:
            place = f"{name}.{key}".rstrip(".")
            require_order(f"columns.{place}", each)
            if not is_single(each):
                with reading(f"columns.{name}"):
                    sizes[place] = len(each)
    if not sizes:
        raise InvalidValue("columns", "must hold at least one column of values")
    if len(set(sizes.values())) > 1:
        raise InvalidValue("columns", f"must hold columns of one length, not {sizes}")
    return next(iter(sizes.values()))


def objects(column: Any) -> list[Any]:
    """Turn a column into Python values, nulls into None."""
    if hasattr(column, "isna"):  # pandas, where a text that is missing is NaN
        pairs = zip(np.asarray(column, object), np.asarray(column.isna()), strict=True)
        return [None if gone else item for item, gone in pairs]
    found = plain(column)
    return list(cast("list[Any]", column if found is column else found))


def numbers(column: Any) -> tuple[Array, Array] | None:
    """Return a column of numbers, NaN where they are missing, and where that is.

    None when its type is not one of numbers, or some could be rounded: then its values have to be
    looked at one by one.
    """
    missing, given = None, column
    if hasattr(column, "isna"):
        if getattr(column.dtype, "kind", "") not in ("f", "i", "u"):
            return None
        missing = np.asarray(column.isna())
        if hasattr(column.dtype, "na_value"):  # pandas' own types
            column = column.to_numpy(np.float64, na_value=np.nan)
    elif hasattr(column, "to_pylist"):  # Arrow
        missing = np.asarray(column.is_null())
        column = column.to_numpy(zero_copy_only=False)
    elif hasattr(column, "to_numpy"):
        column = column.to_numpy()
    elif not isinstance(column, np.ndarray) or isinstance(column, np.ma.MaskedArray):
        return None
    array = np.asarray(column)
    if array.dtype.kind not in "fiu" or array.ndim != 1:
        return None
    array = array.astype(np.float64, copy=False)
    kind = str(getattr(given, "type", None) or getattr(given, "dtype", ""))
    if "int" in kind.lower() and (np.abs(array) >= values.EXACT).any():
        return None
    return array, np.isnan(array) if missing is None else missing | np.isnan(array)


def timestamps(name: str, column: Any, default: int | Array) -> Array:
    """Return the timestamps of a column in microseconds since 2000, one given for the missing."""
    if is_single(column):
        column = [column]
    kinds = (getattr(column, "dtype", None), getattr(column, "type", None))
    zone = any(getattr(kind, name, None) for kind in kinds for name in ("tz", "time_zone"))
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        array = column
    elif zone and hasattr(column, "isna"):
        # pandas would give objects.
        array = np.asarray(column, "M8[us]")
    elif zone and hasattr(column, "to_pylist"):
        array = column.to_numpy(zero_copy_only=False)
    elif zone:
        array = column.to_numpy()
    else:
        items = [None if is_missing(item) else item for item in objects(column)]
        missing = np.array([item is None for item in items], bool)
        found = [
            0 if item is None else microseconds(values.timestamp(f"columns.{name}", item))
            for item in items
        ]
        return np.where(missing, default, np.array(found, np.int64))
    given = array.astype("M8[us]").astype(np.int64) - EPOCH_MICROSECONDS
    return np.where(np.isnat(array), default, given)
