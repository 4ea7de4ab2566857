"""Encodes columns of predictions for binary COPY, without a Python loop over the numbers.

A tuple of the COPY stream is a C structure as long as its fields have fixed lengths. So the rows
of a block are grouped by the lengths of their texts and by what is missing, and each group is
one structured NumPy array.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import prediction_fields as fields
from . import values
from .copying import (
    COLUMNS,
    DAY,
    ENCODERS,
    EPOCH_MILLISECONDS,
    FLOAT8,
    HEADER,
    TRAILER,
    Key,
    Tally,
    instant,
    moment_of,
    stretches,
)
from .errors import InvalidValue
from .prediction_fields import KnownVersion

_BLOCK: Final = 4096
_SCALARS: Final = (str, datetime, bool, int, float)

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the COPY stream.

    `items` are values of one length each as void or bytes; row n has the item `codes[n]`, or
    NULL where that is -1. Without codes row n has item n, and all are of one length.
    """

    items: list[Array]
    codes: Array | None = None
    kinds: Array | None = None

    def part(self, rows: Array, kind: int) -> Array | None:
        """Return the values of rows that are all of one kind; None for NULL."""
        if kind < 0:
            return None
        items = self.items[kind]
        return items[rows if self.codes is None else self.codes[rows]]


class ColumnBatch:
    """The columns of one write."""

    def __init__(self, columns: Any, model_name: str, model_version: str) -> None:
        self._columns = {str(name): columns[name] for name in _names(columns)}
        self._size = _size(self._columns)
        self.keys: list[Key] = [(model_name, model_version)]
        self._micros = self._moments()

    def __len__(self) -> int:
        return self._size

    def tallies(self, versions: Mapping[Key, KnownVersion]) -> list[Tally]:
        """Count the rows."""
        first, last = int(self._micros.min()), int(self._micros.max())
        version = versions[self.keys[0]]
        return [Tally(version, self._size, instant(first), instant(last))]

    def days(self) -> list[tuple[datetime, datetime]]:
        """Return the stretches of days on which there are predictions."""
        return stretches(np.unique(self._micros // DAY).tolist())

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Check every value, then yield the COPY data; raises InvalidValue naming the column."""
        found = self._fields(versions[self.keys[0]])
        return self._stream([found.get(name) for name in COLUMNS])

    def _stream(self, columns: Sequence[Field | None]) -> Iterator[bytes]:
        yield HEADER
        for start in range(0, self._size, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, self._size))
            for kinds, group in _groups(columns, rows):
                yield _encode(columns, kinds, group)
        yield TRAILER

    def _fields(self, version: KnownVersion) -> dict[str, Field]:
        found = {
            "id": self._ids(),
            "predicted_at": Field([self._micros.astype(">i8")]),
            "model_version_id": _constant(version.id.bytes, self._size),
            "status": _objects("status", "success", self._size),
        }
        for name, column in self._columns.items():
            if name == "features":
                found["feature_values"] = _features(version.feature_names, column, self._size)
            elif name in fields.RANGES:
                found[name] = _numbers(name, column, self._size)
            elif name in ENCODERS:
                found[name] = _objects(name, column, self._size)
            elif name not in ("id", "predicted_at"):
                raise InvalidValue(f"columns.{name}", "is not a field of a prediction")
        return found

    def _moments(self) -> Array:
        """Return the times of the predictions in microseconds since 2000."""
        given = self._columns.get("predicted_at")
        if given is None and "id" in self._columns:
            raise InvalidValue("columns.predicted_at", "is needed with ids")
        micros = _instants(datetime.now(UTC) if given is None else given)
        latest = moment_of(fields.latest_moment())
        if self._size and ((micros < 0) | (micros > latest)).any():
            raise InvalidValue("columns.predicted_at", "must lie between the year 2000 and now")
        return np.broadcast_to(micros, (self._size,))

    def _ids(self) -> Field:
        milliseconds = self._micros // 1000 + EPOCH_MILLISECONDS
        if "id" not in self._columns:
            return Field([_new_ids(milliseconds)])
        given = [values.uuid("columns.id", item).bytes for item in _list(self._columns["id"])]
        ids = np.array(given, "V16")
        times = ids.view(np.uint8).reshape(-1, 16)[:, :6].astype(np.int64)
        if (times @ (256 ** np.arange(5, -1, -1)) != milliseconds).any():
            raise InvalidValue("columns.id", fields.CONTRADICTS)
        return Field([ids])


def _names(columns: Any) -> list[Any]:
    """List the columns of a mapping, or of a pandas, Polars or Arrow table."""
    if isinstance(columns, Mapping):
        return list(columns)
    for attribute in ("column_names", "columns"):
        if hasattr(columns, attribute):
            return list(getattr(columns, attribute))
    raise InvalidValue("columns", "must be a mapping or a table of columns")


def _size(columns: Mapping[str, Any]) -> int:
    sizes = {}
    for name, column in columns.items():
        if name == "features" and not hasattr(column, "shape"):
            column = columns[name][_names(column)[0]] if not isinstance(column, list) else column
        if column is not None and not isinstance(column, _SCALARS):
            sizes[name] = len(column)
    if len(set(sizes.values())) != 1:
        raise InvalidValue("columns", f"must hold columns of one length, not {sizes}")
    return next(iter(sizes.values()))


def _list(column: Any) -> list[Any]:
    """Turn a column into Python values, nulls into None."""
    if hasattr(column, "isna"):  # pandas, where a text that is missing is NaN
        column = column.astype(object).where(column.notna(), None)
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)


def _instants(column: Any) -> Array:
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
        found = [values.instant("columns.predicted_at", item) for item in _list(column)]
        return np.array(list(map(moment_of, found)), np.int64)
    if np.isnat(array).any():
        raise InvalidValue("columns.predicted_at", "must not be missing")
    return array.astype("M8[us]").astype(np.int64) - EPOCH_MILLISECONDS * 1000


def _new_ids(milliseconds: Array) -> Array:
    size = len(milliseconds)
    ids = np.frombuffer(bytearray(os.urandom(16 * size)), np.uint8).reshape(size, 16)
    ids[:, :6] = milliseconds.astype(">i8").view(np.uint8).reshape(size, 8)[:, 2:]
    ids[:, 6] = ids[:, 6] & 0x0F | 0x70
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80
    return ids.view("V16")[:, 0]


def _constant(item: bytes, size: int) -> Field:
    return Field([np.array([item], f"V{len(item)}")], np.zeros(size, np.intp))


def _floats(name: str, column: Any) -> tuple[Array, Array | None]:
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
    return array.astype(np.float64, copy=False), missing


def _numbers(name: str, column: Any, size: int) -> Field:
    if (
        isinstance(column, (list, tuple, *_SCALARS))
        or str(getattr(column, "dtype", "")) == "object"
    ):
        return _objects(name, column, size)
    array, missing = _floats(name, column)
    low, high = fields.RANGES[name]
    wrong = ~((array >= low) & (array <= high))
    if missing is not None:
        wrong &= ~missing
    if wrong.any():
        _encoded(name, float(array[wrong.argmax()]))
    items = [array.astype(">f8")]
    if missing is None or not missing.any():
        return Field(items)
    return Field(items, np.arange(size), np.where(missing, -1, 0))


def _features(names: list[str] | None, column: Any, size: int) -> Field:
    """Return the arrays of a matrix, or of a table of a column for each feature."""
    if hasattr(column, "shape") and not hasattr(column, "columns"):
        matrix = np.asarray(column, np.float64)
        if matrix.ndim != 2 or (names is not None and matrix.shape[1] != len(names)):
            expected = "a matrix" if names is None else f"a matrix of {len(names)} columns"
            raise InvalidValue("columns.features", f"must be {expected}, not {matrix.shape}")
    else:
        given = _names(column)
        if names is None or set(given) != set(names):
            fields.feature_list(names or [], dict.fromkeys(given, 0.0))
        matrix = np.column_stack(
            [_floats(f"features.{name}", column[name])[0] for name in names or []]
        )
    width = matrix.shape[1]
    head = [("ndim", ">i4"), ("nulls", ">i4"), ("oid", ">i4"), ("size", ">i4"), ("from", ">i4")]
    item = np.dtype([("length", ">i4"), ("value", ">f8")])
    arrays = np.zeros(size, np.dtype([*head, ("items", item, (width,))]))
    arrays["ndim"], arrays["oid"], arrays["size"], arrays["from"] = 1, FLOAT8, width, 1
    arrays["items"]["length"] = 8
    arrays["items"]["value"] = matrix
    return Field([arrays])


def _objects(name: str, column: Any, size: int) -> Field:
    """Encode each distinct value once, as for a single row."""
    given = [column] * size if isinstance(column, _SCALARS) else _list(column)
    try:
        distinct = list(dict.fromkeys(given))
    except TypeError:  # mappings
        distinct = given
    if len(distinct) == size:
        numbers = np.arange(size)
    else:
        place = {item: index for index, item in enumerate(distinct)}
        numbers = np.fromiter(map(place.__getitem__, given), np.intp, size)
    encoded = [None if item is None else _encoded(name, item) for item in distinct]
    lengths = np.array([-1 if data is None else len(data) for data in encoded])
    items: list[Array] = []
    codes, kinds = np.zeros(len(encoded), np.intp), np.full(len(encoded), -1)
    for length in np.unique(lengths[lengths >= 0]):
        chosen = np.flatnonzero(lengths == length)
        kinds[chosen], codes[chosen] = len(items), np.arange(len(chosen))
        items.append(np.array([encoded[index] for index in chosen], f"V{length}"))
    return Field(items, codes[numbers], kinds[numbers])


def _encoded(name: str, item: Any) -> bytes:
    try:
        return ENCODERS[name](item)[4:]
    except InvalidValue as error:
        raise InvalidValue(f"columns.{error.field}", error.problem) from None


def _groups(
    columns: Sequence[Field | None], rows: Array
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Split rows into groups whose fields are of the same lengths."""
    varying = [
        field.kinds[rows] for field in columns if field is not None and field.kinds is not None
    ]
    if not varying:
        yield _kinds(columns, rows[0]), rows
        return
    _, group = np.unique(np.stack(varying, axis=1), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    for part in np.split(order, np.cumsum(np.bincount(group.ravel()))[:-1]):
        yield _kinds(columns, rows[part[0]]), rows[part]


def _kinds(columns: Sequence[Field | None], row: int) -> tuple[int, ...]:
    return tuple(
        -1 if field is None else 0 if field.kinds is None else int(field.kinds[row])
        for field in columns
    )


def _encode(columns: Sequence[Field | None], kinds: Sequence[int], rows: Array) -> bytes:
    parts = [
        None if field is None else field.part(rows, kind)
        for field, kind in zip(columns, kinds, strict=True)
    ]
    layout: list[Any] = [("count", ">i2")]
    for index, part in enumerate(parts):
        layout.append((f"n{index}", ">i4"))
        if part is not None and part.dtype.itemsize:
            layout.append((f"v{index}", part.dtype))
    block = np.zeros(len(rows), np.dtype(layout))
    block["count"] = len(columns)
    for index, part in enumerate(parts):
        block[f"n{index}"] = -1 if part is None else part.dtype.itemsize
        if part is not None and part.dtype.itemsize:
            block[f"v{index}"] = part
    return block.tobytes()
