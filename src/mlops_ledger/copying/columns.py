"""Encodes columns of predictions for binary COPY, without a Python loop over the numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from ..checks import predictions as fields
from ..checks import values
from ..checks.classes import class_name
from ..checks.plain import is_missing
from ..checks.prediction_fields import ALONE, COLUMNS
from ..checks.predictions import KnownVersion
from ..errors import InvalidValue
from ..errors.checks import INVALID
from ..ids import first_number, microseconds_of, ordered_uuid7
from .batch import Key, VersionCount
from .binary import DAY, EPOCH_MICROSECONDS, HEADER, NULL, SIXTEEN, TRAILER, microseconds, timestamp
from .blocks import Array, Field, blocks
from .column_fields import checked, encoded, require_size
from .column_input import is_single, is_table, numbers, objects, reading, size_of, table, timestamps
from .encoders import Encoder
from .rows import (
    DEFAULTS,
    EMPTY_ARRAY,
    ENCODERS,
    feature_encoder,
    shares_encoder,
)

_COLUMN_OF: Final = {"features": "feature_values"}


class ColumnBatch:
    """The columns of one write."""

    def __init__(self, columns: Any, model_name: str, model_version: str) -> None:
        self._columns = table("columns", columns)
        self._size = size_of(self._columns)
        self.keys: list[Key] = [(model_name, model_version)]
        self._given_ids = _ids_in(self._columns["id"]) if "id" in self._columns else None
        self._micros = self._timestamps()

    def __len__(self) -> int:
        return self._size

    def counts(self, versions: Mapping[Key, KnownVersion]) -> list[VersionCount]:
        """Count the rows."""
        first, last = int(self._micros.min()), int(self._micros.max())
        version = versions[self.keys[0]]
        return [VersionCount(version, self._size, timestamp(first), timestamp(last))]

    def days(self) -> list[datetime]:
        """Return the days on which there are predictions."""
        return [timestamp(day * DAY) for day in np.unique(self._micros // DAY).tolist()]

    def encode(self, versions: Mapping[Key, KnownVersion]) -> Iterator[bytes]:
        """Check every value, then yield the COPY data; raises InvalidValue naming the column."""
        found = self._fields(versions[self.keys[0]])
        return self._stream([found.get(name, NULL) for name in COLUMNS])

    def _stream(self, columns: list[Field]) -> Iterator[bytes]:
        yield HEADER
        yield from blocks(columns, self._size)
        yield TRAILER

    def _fields(self, version: KnownVersion) -> dict[str, Field]:
        found: dict[str, Field] = {
            "id": self._ids(),
            "predicted_at": self._micros,
            "model_version_id": SIXTEEN + version.id.bytes,
            **DEFAULTS,
        }
        for name, column in self._columns.items():
            with reading(f"columns.{name}"):
                if name == "features":
                    found["feature_values"] = _features(version.feature_names, column, self._size)
                elif name == "class_probabilities":
                    found[name] = _class_probabilities(version.class_names, column, self._size)
                elif name in ENCODERS:
                    found[name] = encoded(ALONE[name], ENCODERS[name], column, self._size)
                elif name not in ("id", "predicted_at"):
                    raise InvalidValue(f"columns.{name}", "is not a field of a prediction")
            require_size(name, found.get(_COLUMN_OF.get(name, name)), self._size)
        return found

    def _timestamps(self) -> Array:
        """Return the times of the predictions in microseconds since 2000."""
        given = self._columns.get("predicted_at")
        default: int | Array = microseconds(datetime.now(UTC))
        if self._given_ids is not None:
            require_size("id", self._given_ids, self._size)
            default = (
                microseconds_of(_halves(self._given_ids)).astype(np.int64) - EPOCH_MICROSECONDS
            )
        with reading("columns.predicted_at"):
            micros = timestamps("predicted_at", given, default)
        latest = microseconds(fields.latest_timestamp())
        if self._size and ((micros < 0) | (micros > latest)).any():
            raise InvalidValue("columns.predicted_at", fields.OUT_OF_TIME)
        if len(micros) > 1 or not is_single(given):
            require_size("predicted_at", micros, self._size)
        return np.broadcast_to(micros, (self._size,))

    def _ids(self) -> Array:
        microseconds = self._micros + EPOCH_MICROSECONDS
        ids = self._given_ids
        if ids is None:
            return _new_ids(microseconds)
        if (_halves(ids) >> 16 != microseconds // 1000).any():
            raise InvalidValue("columns.id", fields.CONTRADICTS)
        return ids


def _ids_in(column: Any) -> Array:
    """Return a column of ids as items of 16 bytes."""
    if isinstance(column, np.ndarray) and column.dtype == "V16":
        return column
    with reading("columns.id"):
        return np.array([values.uuid("columns.id", item).bytes for item in objects(column)], "V16")


def _halves(ids: Array) -> Array:
    """Return the first 64 bits of each id."""
    halves: Array = ids.view(">u8").reshape(-1, 2)[:, 0]
    return halves


def _new_ids(microseconds: Array) -> Array:
    size = len(microseconds)
    first = first_number()
    numbers = np.arange(first, first + size, dtype=np.uint64)
    random = np.frombuffer(os.urandom(8 * size), np.uint64)
    ids = np.empty((size, 2), ">u8")
    ids[:, 0], ids[:, 1] = ordered_uuid7(microseconds.astype(np.uint64), numbers, random)
    return ids.view("V16")[:, 0]


def _features(names: list[str] | None, column: Any, size: int) -> Field:
    """Return the matrix of a matrix, of a table of a column for each feature, or of rows."""
    if is_table(column):
        given = table("columns.features", column)
        if names is None or set(given) != set(names):
            checked(feature_encoder(names), dict.fromkeys(given, 0.0))
        matrix = np.column_stack(
            [_numbers(f"features.{name}", given[name], size) for name in names or []]
        )
    elif _is_matrix(column):
        matrix = np.asarray(column, np.float64)
        if names is not None and matrix.shape[1] != len(names):
            raise InvalidValue(
                "columns.features", f"must be a matrix of {len(names)} columns, not {matrix.shape}"
            )
    else:
        return _each(feature_encoder(names), column)
    return matrix if matrix.shape[1] else EMPTY_ARRAY


def _numbers(name: str, column: Any, size: int) -> Array:
    """Return the numbers of a column of a table, NaN where they are missing."""
    field = f"columns.{name}"
    with reading(field):
        if is_single(column):
            column = [column] * size
        found = numbers(column)
        if found is not None:
            return found[0]
        items = [values.feature(field, None if is_missing(x) else x) for x in objects(column)]
        return np.array(items, np.float64)


def _is_matrix(column: Any) -> bool:
    return (
        isinstance(column, np.ndarray)
        and not isinstance(column, np.ma.MaskedArray)
        and column.ndim == 2
        and column.dtype.kind in "fiub"
    )


def _each(encode: Encoder, column: Any) -> list[bytes]:
    """Encode a column of one list or mapping a row."""
    return [NULL if is_missing(item) else checked(encode, item) for item in objects(column)]


def _class_probabilities(names: list[str] | None, column: Any, size: int) -> Field:
    """Return the matrix of a matrix, of a table of a column for each class, or of rows of them."""
    field = "columns.class_probabilities"
    if names is None:
        raise InvalidValue(field, "needs a version that is registered with class_names")
    if is_table(column):
        given = table(field, column, lambda name: class_name(field, name))
        if set(given) != set(names):
            raise InvalidValue(field, "must have exactly the classes of the version as columns")
        column = np.column_stack(
            [_numbers(f"class_probabilities.{name}", given[name], size) for name in names]
        )
    if not _is_matrix(column):
        return _each(shares_encoder(names), column)
    matrix = np.asarray(column, np.float64)
    if matrix.shape[1] != len(names):
        raise InvalidValue(field, f"must be a matrix of {len(names)} columns, not {matrix.shape}")
    if not ((matrix >= 0) & (matrix <= 1)).all():
        raise InvalidValue(field, INVALID["predictions_class_probabilities_check"][1])
    return matrix + 0.0  # makes a negative zero positive
