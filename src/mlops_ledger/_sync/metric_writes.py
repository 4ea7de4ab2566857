# Generated from src/mlops_ledger/_async/metric_writes.py by tools/unasync.py: edit that file, then run `make sync`.
"""What the repositories of metrics share: many values in one COPY, each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from ..checks.metrics import Column
from ..copying.metrics import InProduction, MetricBatch, MetricRows
from ..errors import Conflict, DuplicateId, LedgerError
from ..rows import Written
from .repository import Repository


class MetricWrites(Repository):
    """Base of the repositories of metrics."""

    _columns: ClassVar[Sequence[Column]]

    def insert_many(
        self, *, rows: Iterable[Mapping[str, Any]], idempotency_key: UUID | None = None
    ) -> Written:
        """Store many values in one transaction by COPY.

        A row is a mapping of the arguments of `insert`; `timestamp`, by default, is that of the
        write. Repeating a call with the same `idempotency_key`, made by `new_id()`, and rows
        stores nothing twice. Raises Conflict when an id names another value, NotFound for an
        unknown model or version, InvalidValue for a refused value; then nothing is stored.
        """
        return self._store(MetricRows(self._columns, rows, idempotency_key))

    def insert_columns(self, *, columns: Any, idempotency_key: UUID | None = None) -> Written:
        """Store many values, given by the column; needs NumPy.

        `columns` is a mapping or a pandas, Polars or Arrow table whose columns are named as the
        fields of a row; a single value counts for all rows. NumPy's datetime64 counts as UTC.
        Everything is checked before the first byte is sent. Otherwise as `insert_many`.
        """
        try:
            from ..copying.metric_columns import MetricColumns
        except ModuleNotFoundError as error:
            if error.name != "numpy":
                raise
            raise LedgerError("insert_columns needs NumPy: pip install numpy") from None
        return self._store(MetricColumns(self._columns, columns, idempotency_key))

    def _store(self, batch: MetricBatch) -> Written:
        """Store a batch in one transaction; what is there already is not stored again."""
        for staged in (False, True):
            try:
                with self._bulk(len(batch.micros)) as tx:
                    within = type(self)(tx)
                    stored = within._write(batch, staged)
                    return Written(stored=stored, duplicates=len(batch.micros) - stored)
            except DuplicateId:
                # Rare, so that the first try goes without the detour.
                if staged:
                    raise
        raise AssertionError

    def _in_production(self, batch: MetricBatch) -> Sequence[InProduction]:
        """Return the versions of rows that name none."""
        return ()

    def _write(self, batch: MetricBatch, staged: bool) -> int:
        data = batch.encode(self._in_production(batch))
        if not staged:
            self._copy("insert_many__copy", data)
            return len(batch.micros)
        self._run("insert_many__stage")
        self._copy("insert_many__copy_to_stage", data)
        stored: int = self._value("insert_many__store_staged", {})
        contradicted = self._value("insert_many__contradicted", {})
        if contradicted is not None:
            raise Conflict(f"id: {contradicted} already names another value")
        self._run("insert_many__drop_stage")
        return stored
