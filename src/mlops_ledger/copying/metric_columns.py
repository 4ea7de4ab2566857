"""The metrics of one write, given by the column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any
from uuid import UUID

import numpy as np

from ..checks.metrics import OUT_OF_TIME, Column
from ..checks.predictions import latest_timestamp
from ..errors import InvalidValue
from .binary import HEADER, NULL, TRAILER, microseconds
from .blocks import Array, Field, blocks
from .column_fields import encoded, require_size
from .column_input import is_single, objects, reading, size_of, table, timestamps
from .encoders import encoder
from .metrics import InProduction, NamedVersion, Production, Write


class MetricColumns:
    """The columns of one write."""

    def __init__(self, columns: Sequence[Column], given: Any, idempotency_key: object) -> None:
        self._columns = columns
        found = table("columns", given)
        self._given = {name: column for name, column in found.items() if column is not None}
        self._size = size_of(self._given)
        self._write = Write(idempotency_key)
        known = {column.name for column in columns}
        if "model_version_id" in known:
            known.add("model_version")
        if unknown := [name for name in self._given if name not in known]:
            raise InvalidValue(f"columns.{unknown[0]}", "is not a field of a metric")
        for column in columns:
            if column.is_required and column.name not in self._given:
                raise InvalidValue(f"columns.{column.name}", "is required")
        self._micros = self._timestamps()
        self.micros: list[int] = self._micros.tolist()

    def named(self) -> set[NamedVersion]:
        """Return the versions named by their number; raises InvalidValue naming the column."""
        return {each for each in self._named if each is not None}

    def identify(self, ids: Mapping[NamedVersion, UUID]) -> None:
        """Put the ids of versions in the place of their numbers."""
        named = self._named
        if self._given.pop("model_version", None) is not None:
            known = self._objects("model_version_id")
            self._given["model_version_id"] = [
                id if each is None else ids[each] for each, id in zip(named, known, strict=True)
            ]

    def models(self) -> set[str]:
        """Return the models of which a row names no version."""
        pairs = zip(self._objects("model_name"), self._objects("model_version_id"), strict=True)
        return {name for name, id in pairs if id is None and isinstance(name, str)}

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
        return self._versions(field, production) if column.name == "model_version_id" else field

    def _versions(self, field: Field, production: Sequence[InProduction]) -> Field:
        """Let a row that names no version have the one that was in production."""
        if field is NULL:
            field = [NULL] * self._size
        if not isinstance(field, list):
            return field
        find = Production(production).version
        rows = zip(field, self._objects("model_name"), self.micros, strict=True)
        return [find(name, at) if id is NULL else id for id, name, at in rows]

    @cached_property
    def _named(self) -> list[NamedVersion | None]:
        if "model_version" not in self._given:
            return []
        named = [self._objects(name) for name in NamedVersion._fields]
        try:
            try:
                # Many rows name few versions: each is checked once.
                return list(map(cache(NamedVersion.of), *named))
            except TypeError:
                # Of what has no hash; it is refused by its name.
                return list(map(NamedVersion.of, *named))
        except InvalidValue as error:
            raise InvalidValue(f"columns.{error.field}", error.problem) from None

    def _objects(self, name: str) -> list[Any]:
        given = self._given.get(name)
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
            micros = timestamps("timestamp", given, microseconds(self._write.at))
        if self._size and ((micros < 0) | (micros > microseconds(latest_timestamp()))).any():
            raise InvalidValue("columns.timestamp", OUT_OF_TIME)
        if len(micros) > 1 or not is_single(given):
            require_size("timestamp", micros, self._size)
        return np.broadcast_to(micros, (self._size,))
