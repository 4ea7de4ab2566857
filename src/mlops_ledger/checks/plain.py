"""Values of NumPy, pandas, Polars and Arrow as Python's own, without importing any of these."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any, Final

_OWN: Final = frozenset({str, int, float, bool, list, tuple, dict, type(None)})
_LIBRARIES: Final = frozenset({"numpy", "pandas", "polars", "pyarrow"})
_WAYS: Final = ("as_py", "to_pylist", "to_list", "tolist")


def plain(value: Any) -> object:
    """Unwrap enumerations, scalars and one-column containers of the libraries; leave all else."""
    if type(value) in _OWN:
        return value
    if isinstance(value, Enum):
        return value.value
    # NumPy's times in nanoseconds would become integers; tables are no single values.
    if is_foreign(value) and not is_numpy_time(value) and not hasattr(value, "column_names"):
        for way in _WAYS:
            if hasattr(value, way):
                try:
                    return getattr(value, way)()
                except (ValueError, TypeError, OverflowError, NotImplementedError):
                    return value
    return value


def is_missing(value: object) -> bool:
    """Return whether a value stands for one that is not there: None, NaN, NaT or pandas' NA."""
    value = plain(value)
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, float):
        return value != value
    return is_numpy_time(value) and getattr(value, "ndim", 0) == 0 and bool(value != value)


def is_foreign(value: object) -> bool:
    """Return whether a value is of NumPy, pandas, Polars or Arrow."""
    return type(value).__module__.partition(".")[0] in _LIBRARIES


def is_numpy_time(value: Any) -> bool:
    """Return whether a value is a time or a length of time of NumPy, or an array of them."""
    return type(value).__module__ == "numpy" and getattr(value.dtype, "kind", "") in ("m", "M")


def kind(value: object) -> str:
    """Return the name of a value's type, or which type it is itself, for messages."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
