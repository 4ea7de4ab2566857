"""Imports Arrow tables by the column, at nearly the speed of `insert_columns`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import compute

from ...._sync.database import Database
from ...._sync.predictions import PredictionsRepository
from ....checks.prediction_fields import ALONE
from ....checks.predictions import KnownVersion
from ....copying.columns import ColumnBatch
from ....errors import InvalidValue, LedgerError
from ..formats import python_rows
from .column_ids import ColumnIds
from .known import FIELDS, KEYS, Versions, unknown
from .lines import Line
from .run import Run

Key = tuple[str, str]


class ColumnImport:
    """Stores the predictions of tables; those that are refused are found without the server."""

    SIZE: Final = 65_536

    def __init__(self, db: Database, versions: Versions, run: Run) -> None:
        self._predictions = PredictionsRepository(db)
        self._versions = versions
        self._run = run
        self._ids = ColumnIds()

    def go(self, tables: Iterator[Any], total: int, at: datetime | None) -> None:
        """Store all tables."""
        first = 1
        for table in tables:
            numbers = np.arange(first, first + table.num_rows)
            first += table.num_rows
            for key, part, places in self._by_version(table):
                self._store(key, self._named(part, at), numbers[places])
            self._run.report(first - 1, total)

    def _by_version(self, table: Any) -> Iterator[tuple[Key, Any, Any]]:
        """Split a table by the model and version of its rows."""
        given = [name for name in KEYS if name in table.column_names]
        whole = table.drop_columns(given)
        if not given:
            yield self._versions.key({}), whole, slice(None)
            return
        for row in table.select(given).group_by(given).aggregate([]).to_pylist():
            is_its = np.ones(table.num_rows, bool)
            for name in given:
                value = pa.scalar(row[name], table[name].type)
                equal = (
                    compute.is_null(table[name])
                    if row[name] is None
                    else compute.fill_null(compute.equal(table[name], value), False)
                )
                is_its &= equal.to_numpy()
            key = self._versions.key({n: v for n, v in row.items() if v is not None})
            yield key, whole.filter(pa.array(is_its)), is_its

    def _named(self, table: Any, at: datetime | None) -> Any:
        """Give the columns the names of fields, and times to those that have none."""
        names = [n for n in table.column_names if n not in self._versions.ignore]
        table = table.select(names)
        if "feature_values" in names:
            table = table.rename_columns([n.replace("feature_values", "features") for n in names])
        if "predicted_at" not in names:
            if at is None:
                raise LedgerError("there is no column predicted_at; give one time with --at")
            times = pa.array([at] * table.num_rows, pa.timestamp("us", "UTC"))
            table = table.append_column("predicted_at", times)
        kind = table["predicted_at"].type
        if not pa.types.is_timestamp(kind) or kind.tz is None:
            raise LedgerError(f"predicted_at: must be times with a zone, not {kind}")
        return table

    def _store(self, key: Key, table: Any, numbers: Any) -> None:
        version = self._versions.get(*key)
        if "id" not in table.column_names:
            times = table["predicted_at"].cast(pa.timestamp("us"), safe=False)
            micros = times.cast(pa.int64()).fill_null(0).to_numpy()
            ids = self._ids.make(key, table, micros)
        else:
            ids = None

        def columns(places: Any) -> dict[str, Any]:
            found = _columns(key, version, table.take(pa.array(places)))
            return found if ids is None else {**found, "id": ids[places]}

        def check(places: Any) -> None:
            ColumnBatch(columns(places), *key).encode({key: version})

        bad = dict(_refused(check, _suspects(table)))
        self._refuse(table, numbers, bad)
        kept = np.setdiff1d(np.arange(table.num_rows), list(bad))
        try:
            self._insert(key, kept, columns)
        except InvalidValue:
            bad = dict(_refused(check, kept))
            if not bad:
                raise
            self._refuse(table, numbers, bad)
            self._insert(key, np.setdiff1d(kept, list(bad)), columns)

    def _refuse(self, table: Any, numbers: Any, bad: dict[int, str]) -> None:
        for place, reason in sorted(bad.items()):
            [(row, problem)] = python_rows(table.slice(place, 1))
            self._run.refuse(Line(int(numbers[place]), {}, None, row), problem or reason)

    def _insert(self, key: Key, places: Any, columns: Callable[[Any], dict[str, Any]]) -> None:
        if len(places):
            self._run.done.add(
                self._predictions.insert_columns(
                    model_name=key[0], model_version=key[1], columns=columns(places)
                )
            )


def _suspects(table: Any) -> Any:
    """Return the rows whose numbers are out of range or whose time is missing."""
    found = table["predicted_at"].is_null().to_numpy()
    for name in table.column_names:
        is_number = pa.types.is_floating(table[name].type) or pa.types.is_integer(table[name].type)
        if is_number and name in ALONE and ALONE[name].sql_type == "double precision":
            given = table[name].is_valid().to_numpy()
            values = table[name].to_numpy().astype(np.float64)
            inside = (values >= ALONE[name].low) & (values <= ALONE[name].high)
            found = found | (given & ~inside)
    return np.flatnonzero(found)


def _refused(check: Callable[[Any], None], places: Any) -> Iterator[tuple[int, str]]:
    """Find the rows that do not pass a check, by checking ever smaller parts."""
    if not len(places):
        return
    try:
        check(places)
    except InvalidValue as error:
        if len(places) == 1:
            yield int(places[0]), str(error).replace("columns.", "", 1)
            return
        parts = 64 if len(places) > 2048 else 2
        for part in np.array_split(places, parts):
            yield from _refused(check, part)


def _columns(key: Key, version: KnownVersion, table: Any) -> dict[str, Any]:
    """Return the columns of a table as `insert_columns` takes them."""
    names = version.feature_names or []
    features = [name for name in table.column_names if name not in FIELDS]
    for name in features:
        if name not in names:
            raise LedgerError(f"column {name}: {unknown(key)}")
    # A field without a value says nothing, whatever the type of its column.
    found = {
        name: _column(name, table[name])
        for name in table.column_names
        if name in FIELDS and (name == "predicted_at" or table[name].null_count < table.num_rows)
    }
    if features:
        absent = [name for name in names if name not in features]
        if absent:
            raise LedgerError(f"there is no column for the feature {absent[0]}")
        found["features"] = table.select(names)
    return found


def _column(name: str, column: Any) -> Any:
    if name in ("inputs", "metadata") and pa.types.is_string(column.type):
        return [None if text is None else orjson.loads(text) for text in column.to_pylist()]
    if name == "features":
        return _matrix(column.combine_chunks())
    return column


def _matrix(column: Any) -> Any:
    if column.null_count or not len(column):
        raise InvalidValue("features", "must not be missing")
    widths = np.diff(column.offsets.to_numpy())
    if (widths != widths[0]).any():
        raise InvalidValue("features", "must be lists of one length")
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), widths[0])
