"""Odd values as programs meet them: of pandas, Polars, Arrow and NumPy, and plain mistakes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from fix_odd_values import CYCLE, NAN, NOON, SOME_ID, Colour, Vague, nested


class Mean:
    """An object that answers every question with an error, as arrays do with some."""

    def __eq__(self, _: object) -> bool:
        raise ValueError

    def __hash__(self) -> int:
        raise TypeError

    def __len__(self) -> int:
        raise TypeError

    def __bool__(self) -> bool:
        raise ValueError


class OddTime(datetime):
    """A datetime as pendulum has it: of a subclass whose arithmetic gives naive ones."""

    def __sub__(self, other: Any) -> Any:
        found = datetime.__sub__(self, other)
        return found.replace(tzinfo=None) if isinstance(found, datetime) else found


_FRAME: Final = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, NAN]})
# Of two rows, so that they pass for columns as well.
TABLES: Final[list[Any]] = [
    _FRAME,
    pd.concat([_FRAME, _FRAME], axis=1),
    pd.DataFrame(),
    pd.DataFrame({1: [1.0, 2.0], (2, 3): ["a", None]}),
    pl.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}),
    pa.table({"a": [1.0, 2.0], "b": ["x", None]}),
]
ODD_COLUMNS: Final[list[Any]] = [
    pd.Series(["a", None], dtype="category"),
    pd.Series([1, None], dtype="Int64"),
    pd.Series([True, None], dtype="boolean"),
    pd.Series([1.5, None], dtype="double[pyarrow]"),
    pd.Series(["a", None], dtype="string"),
    pd.Series([{"a": 1}, None]),
    pd.Series([1, "a"]),
    pd.Series([pd.NaT, pd.NaT]),
    pd.Index(["a", "b"]),
    pd.RangeIndex(2),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]),
    pd.date_range("2026-01-01", periods=2, tz="UTC"),
    pd.date_range("2026-01-01", periods=2, tz="Asia/Kolkata"),
    pd.date_range("2026-01-01", periods=2),
    pd.period_range("2026-01-01", periods=2),
    pd.to_timedelta([1, 2], unit="s"),
    pd.interval_range(0, 2),
    pd.array([1, None], dtype="Int64"),
    pd.array([True, None], dtype="boolean"),
    pd.array(["a", None], dtype="string"),
    pd.Categorical(["a", "b"]),
    pd.Categorical([1, None]),
    pd.arrays.SparseArray([0.0, 1.0]),
    pl.Series([1.0, None]),
    pl.Series(["a", "b"], dtype=pl.Categorical),
    pl.Series([[1.0], [2.0, 3.0]]),
    pl.Series([{"a": 1}, {"a": 2}]),
    pl.Series([NOON, NOON]),
    pl.Series([NOON.replace(tzinfo=None)] * 2),
    pa.array([1, None]),
    pa.array([True, None]),
    pa.array(["a", "b"]).dictionary_encode(),
    pa.array([NOON, None]),
    pa.array([[1.0], None]),
    pa.chunked_array([[1.0], [2.0]]),
    pa.array([Decimal("1.5"), None]),
    pa.array([b"a", b"b"]),
    np.zeros((2, 2)),
    np.zeros((2, 2, 2)),
    np.zeros((2, 3)),
    np.array(["a", "b"]),
    np.array([b"a", b"b"]),
    np.array([True, False]),
    np.array([1j, 2j]),
    np.array([None, 1.0]),
    np.array([NAN, np.inf]),
    np.array(["2026-01-01", "NaT"], "M8[ns]"),
    np.array([1, 2], "m8[s]"),
    np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    np.array([(1, 2.0), (3, 4.0)], [("a", int), ("b", float)]),
    [Mean(), Mean()],
    [1.0, "a"],
    [10**400, 1],
    [[1.0, 2.0], [3.0]],
    [{"a": 1.0}, {"b": 2.0}],
    [NOON, NOON.replace(tzinfo=None)],
    [NOON, pd.NaT],
    [None, None],
    ["\ud800", "a"],
    [SOME_ID, str(SOME_ID)],
    {"a": [1.0, 2.0]},
    {"a": [1.0, 2.0], "b": [1.0]},
    {"a": [1.0, 2.0], "b": 5},
    {"a": 1.0, "b": 2.0},
    range(2),
    *TABLES,
]
ODD: Final[list[Any]] = [
    None,
    pd.NaT,
    pd.NA,
    pd.Timestamp("2026-01-01"),
    pd.Timestamp("2026-01-01", tz="Asia/Kolkata"),
    pd.Timedelta(1, "s"),
    pd.Period("2026-01"),
    _FRAME,
    TABLES[1],
    TABLES[2],
    TABLES[4],
    TABLES[5],
    pd.Series([1.0, 2.0]),
    pd.Series(["a", "b"], dtype="category"),
    pd.Index(["a", "b"]),
    pd.date_range("2026-01-01", periods=2, tz="UTC"),
    pd.Categorical(["a", "b"]),
    pd.array([1, None], dtype="Int64"),
    pl.Series([1.0, None]),
    pa.array([1, None]),
    pa.scalar(1.5),
    pa.scalar(None),
    np.zeros((2, 2)),
    np.array([1.0]),
    np.array(1.0),
    np.array([]),
    np.float32("nan"),
    np.datetime64("2026-01-01T00:00", "ns"),
    np.datetime64("NaT"),
    np.bool_(True),
    np.ma.masked,
    np.void(b"ab"),
    True,
    0,
    -1,
    10**400,
    NAN,
    -0.0,
    1e308,
    5e-324,
    1j,
    Decimal("sNaN"),
    "",
    "\x00",
    "\ud800",
    "é" * 300,
    str(SOME_ID),
    b"a",
    Colour.RED,
    NOON,
    datetime(2026, 1, 1),
    datetime.max,
    datetime.min.replace(tzinfo=NOON.tzinfo),
    NOON.replace(tzinfo=Vague()),
    OddTime(2026, 1, 1, tzinfo=NOON.tzinfo),
    NOON.date(),
    timedelta.max,
    timedelta(0),
    SOME_ID,
    [],
    [1.0, "a"],
    [[]],
    [None],
    [{}],
    {},
    {1: 2},
    {"a": {1, 2}},
    {"\ud800": 1},
    {"a": NAN, "b": None},
    nested(66),
    CYCLE,
    set(),
    range(3),
    object(),
    Mean(),
    Mean,
    print,
    iter([1]),
    ...,
]
