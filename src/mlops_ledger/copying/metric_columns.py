"""The metrics of one write, given by the column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..checks.metrics import OUT_OF_TIME, Column
from ..checks.predictions import latest_timestamp
from ..errors import InvalidValue
from .binary import HEADER, NULL, TRAILER, microseconds
from .blocks import Array, Field, blocks
from .column_fields import encoded, require_size
from .column_input import is_single, objects, reading, size_of, table, timestamps
from .encoders import encoder
from .metrics import InProduction, Production, Write


class MetricColumns:
    """The columns of one write."""

    def __init__(self, columns: Sequence[Column], given: Any, idempotency_key: object) -> None:
        self._columns = columns
        found = table("columns", given)
        self._given = {name: column for name, column in found.items() if column is not None}
        self._size = size_of(self._given)
        self._write = Write(idempotency_key)
        known = {column.name for column in columns}
        if unknown := [name for name in self._given if name not in known]:
            raise InvalidValue(f"columns.{unknown[0]}", "is not a field of a metric")
        for column in columns:
            if column.is_required and column.name not in self._given:
                raise InvalidValue(f"columns.{column.name}", "is required")
        self._micros = self._timestamps()
        self.micros: list[int] = self._micros.tolist()

    def models(self) -> set[str]:
        """Return the models, unless a version is given."""
        if self._given.get("model_version_id") is not None or "model_name" not in self._given:
            return set()
        return {name for name in self._objects("model_name") if isinstance(name, str)}

    def encode(self, production: Sequence[InProduction]) -> Iterator[bytes]:
        """Check every value, then yield the COPY data; raises InvalidValue naming the column."""
        return self._stream([self._field(column, production) for column in self._columns])

    def _stream(self, fields: list[Field]) -> Iterator[bytes]:
        yield HEADER
        yield from blocks(fields, self._size)
        yield TRAILER

    def _field(self, column: Column, production: Sequence[InProduction]) -> Field:
        given = self._given.get(column.name)
        if column.name == "timestamp":
            return self._micros
        if column.name == "id" and given is None:
            return self._ids()
        if column.name == "model_version_id" and given is None:
            find = Production(production).version
            names = self._objects("model_name")
            return [find(*pair) for pair in zip(names, self.micros, strict=True)]
        encode = encoder(column.name, column.sql_type)
        default = NULL if column.default is None else encode(column.default)
        field: Field = default
        if given is not None:
            with reading(f"columns.{column.name}"):
                field = encoded(column, encode, given, self._size)
            require_size(column.name, field, self._size)
        if column.is_required and (field is NULL or (isinstance(field, list) and NULL in field)):
            raise InvalidValue(f"columns.{column.name}", "must not be missing")
        if isinstance(field, list):
            field = [default if item is NULL else item for item in field]
        return field

    def _objects(self, name: str) -> list[Any]:
        given = self._given[name]
        return [given] * self._size if is_single(given) else objects(given)

    def _ids(self) -> Array:
        ids = np.empty((self._size, 2), ">u8")
        ids[:, 0] = self._write.first_half
        ids[:, 1] = np.uint64(self._write.second_half) + (
            np.arange(self._size, dtype=np.uint64) << np.uint64(30)
        )
        return ids.view("V16")[:, 0]

    def _timestamps(self) -> Array:
        given = self._given.get("timestamp")
        with reading("columns.timestamp"):
            micros = timestamps("timestamp", self._write.at if given is None else given)
        if self._size and ((micros < 0) | (micros > microseconds(latest_timestamp()))).any():
            raise InvalidValue("columns.timestamp", OUT_OF_TIME)
        if len(micros) > 1 or not is_single(given):
            require_size("timestamp", micros, self._size)
        return np.broadcast_to(micros, (self._size,))
