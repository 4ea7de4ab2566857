"""Predictions: written once, one by one or by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import scalar_row

from ..checks import predictions as prediction_fields
from ..checks.predictions import KnownVersion
from ..checks.rows import listed
from ..checks.values import text
from ..copying.batch import Batch, Key, RowBatch, VersionCount
from ..errors import Conflict, DuplicateId, InvalidValue, LedgerError, MissingPartition, NotFound
from ..ids import new_id
from ..rows import Written
from .partitions import AsyncPartitioned
from .prediction_reads import AsyncPredictionReads
from .transaction import AsyncTransaction


class AsyncPredictionsRepository(AsyncPredictionReads, AsyncPartitioned):
    """Stores predictions and answers what was predicted."""

    def __init__(self, db: Any = None) -> None:
        super().__init__(db)
        self._versions: dict[Key, KnownVersion] = {}

    async def insert(
        self,
        *,
        model_name: str,
        model_version: str,
        features: Mapping[str, float | None] | Sequence[float | None] | None = None,
        inputs: Any = None,
        prediction: float | None = None,
        predicted_label: str | None = None,
        probability: float | None = None,
        class_probabilities: Mapping[str, float | None] | Sequence[float | None] | None = None,
        confidence_lower: float | None = None,
        confidence_upper: float | None = None,
        latency_ms: float | None = None,
        status: str = "success",
        error_message: str | None = None,
        request_id: str | None = None,
        batch_id: str | None = None,
        cache_hit: bool | None = None,
        user_agent: str | None = None,
        client_ip: str | None = None,
        metadata: Any = None,
        predicted_at: datetime | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Store one prediction and return its id.

        `features` are numbers, by name or in the order of the version's feature_names; NaN and
        infinity are kept. Text and categories belong in `inputs`, and so do all features of a
        version that names none. Elsewhere NaN, NaT and NA are missing. `probability` is that of
        the positive class or, of more than two classes, of the predicted one;
        `class_probabilities` are those of all classes, by name or in the order of the version's
        class_names. `predicted_at` is now by default; an `id` of one's own comes
        from `new_id(predicted_at)` or `id_for(key, predicted_at)`. Repeating a call with the same
        `id` stores nothing twice. Raises NotFound for an unknown version, InvalidValue for a value
        that is refused.
        """
        row = dict(locals())
        del row["self"]
        version = await self._version(model_name, model_version)
        values = prediction_fields.checked(version, row)
        for attempt in range(2):
            try:
                return await self._insert_one(values)
            except MissingPartition:
                if attempt:
                    raise
                await self._value("make_partitions", {"times": [values["predicted_at"]]})
        raise AssertionError

    async def insert_many(
        self,
        *,
        rows: Iterable[Mapping[str, Any]],
        model_name: str | None = None,
        model_version: str | None = None,
        idempotency_key: UUID | None = None,
    ) -> Written:
        """Store many predictions in one transaction by COPY.

        A row is a mapping of the arguments of `insert`; model and version may be given once for
        all. Repeating a call with the same `idempotency_key` and rows stores nothing twice, and a
        row whose id is there already is not stored again. Raises NotFound for an unknown version,
        InvalidValue naming the row and its field; then nothing is stored.
        """
        return await self._store(RowBatch(rows, model_name, model_version), idempotency_key)

    async def refusals(self, *, rows: Iterable[Mapping[str, Any]]) -> dict[int, InvalidValue]:
        """Return what `insert_many` would refuse in rows, by the place of the row; store nothing.

        What only the server refuses is not among it. Raises NotFound for an unknown version.
        """
        found = {}
        for place, row in enumerate(listed("rows", rows)):
            try:
                batch = RowBatch([row], None, None)
                for _ in batch.encode({key: await self._version(*key) for key in batch.keys}):
                    pass
            except InvalidValue as error:
                field = error.field.removeprefix("rows[0]").removeprefix(".") or "row"
                found[place] = InvalidValue(field, error.problem)
        return found

    async def insert_columns(
        self,
        *,
        model_name: str,
        model_version: str,
        columns: Any,
        idempotency_key: UUID | None = None,
    ) -> Written:
        """Store many predictions of one version, given by the column; needs NumPy.

        `columns` is a mapping or a pandas, Polars or Arrow table whose columns are named as the
        arguments of `insert`; a single value counts for all rows. `features` is a matrix, or such
        a table with a column for each feature. NumPy's datetime64 counts as UTC. Everything is
        checked before the first byte is sent. Otherwise as `insert_many`.
        """
        try:
            from ..copying.columns import ColumnBatch
        except ModuleNotFoundError as error:
            if error.name != "numpy":
                raise
            raise LedgerError("insert_columns needs NumPy: pip install numpy") from None
        return await self._store(ColumnBatch(columns, model_name, model_version), idempotency_key)

    async def erase(self, *, request_id: str) -> int:
        """Delete the predictions of a request and their labels; return how many predictions."""
        async with self._db.transaction() as tx:
            within = AsyncPredictionsRepository(tx)
            await within._erase("erase__labels", "ground_truth", request_id)
            await within._erase("erase__waiting", "ground_truth_waiting", request_id)
            return await within._erase("erase", "predictions", request_id)

    async def partition_by(self, *, period: str) -> None:
        """Set how long partitions made from now on are: day, week or month; others stay.

        Days suit about 10,000 predictions a day and more, months less than 1,000.
        """
        await self._fetch("partition_by", scalar_row, locals())

    async def _erase(self, name: str, table_name: str, request_id: str) -> int:
        num_rows = len(await self._fetch(name, scalar_row, {"request_id": request_id}))
        if num_rows:
            await self._value("erase__record", locals())
        return num_rows

    async def _store(self, batch: Batch, idempotency_key: UUID | None) -> Written:
        if not len(batch):
            return Written(stored=0, duplicates=0)
        versions = {key: await self._version(*key) for key in batch.keys}
        idempotency_key = new_id() if idempotency_key is None else idempotency_key
        staged = False
        for attempt in range(3):
            try:
                data = batch.encode(versions)
                async with self._bulk(len(batch)) as tx:
                    within = AsyncPredictionsRepository(tx)
                    return await within._write(
                        idempotency_key, batch.counts(versions), data, staged
                    )
            except MissingPartition:
                if attempt == 2:
                    raise
                await self._value("make_partitions", {"times": batch.days()})
            except DuplicateId:
                if attempt == 2 or staged:
                    raise
                staged = True
        raise AssertionError

    async def _version(self, model_name: Any, model_version: Any) -> KnownVersion:
        key = model_name, model_version
        if all(isinstance(each, str) for each in key) and key in self._versions:
            return self._versions[key]
        for field, value in zip(("model_name", "model_version"), key, strict=True):
            if value is None:
                raise InvalidValue(field, "is required")
            text(field, value)
        found = await self._row("version", KnownVersion, locals())
        if found is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        self._versions[key] = found
        return self._versions[key]

    async def _insert_one(self, values: Mapping[str, object]) -> UUID:
        conflict = "id: already names a prediction of another version"
        if not isinstance(self._db, AsyncTransaction):
            return await self._insert_once("insert", values, conflict)
        # A failure must leave the caller's transaction usable, to make the partition and go on.
        async with self._db.transaction() as tx:
            return await AsyncPredictionsRepository(tx)._insert_once("insert", values, conflict)

    async def _write(
        self,
        idempotency_key: UUID,
        counts: Sequence[VersionCount],
        data: Iterator[bytes],
        staged: bool,
    ) -> Written:
        total = sum(count.count for count in counts)
        if not await self._begin_write(idempotency_key, counts):
            return Written(stored=0, duplicates=total)
        if not staged:
            await self._copy("copy", data)
            return Written(stored=total, duplicates=0)
        await self._run("stage")
        await self._copy("copy_to_stage", data)
        stored = await self._value("store_staged", {})
        await self._run("drop_stage")
        return Written(stored=stored, duplicates=total - stored)

    async def _begin_write(self, idempotency_key: UUID, counts: Sequence[VersionCount]) -> bool:
        """Record the write; return whether it is new. Raises Conflict when it was another."""
        version_ids = [count.version.id for count in counts]
        begun = set()
        for count in counts:
            values = {
                "idempotency_key": idempotency_key,
                "model_version_id": count.version.id,
                "version_ids": version_ids,
                "num_predictions": count.count,
                "first_predicted_at": count.first,
                "last_predicted_at": count.last,
            }
            new = await self._value("begin_write", values) is not None
            if not new and await self._value("begin_write__repeated", values) is None:
                raise Conflict("idempotency_key: already names a write of other predictions")
            begun.add(new)
        if len(begun) > 1:
            raise Conflict("idempotency_key: already names a write of other predictions")
        return begun.pop()
