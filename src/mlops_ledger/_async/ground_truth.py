"""Labels, whenever they come, and how right the models were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ..checks import values
from ..checks.rows import rows_of
from ..checks.values import integer, number
from ..copying import labels
from ..errors import InvalidValue, MissingPartition, NotFound
from ..rows import GroundTruth, Labeled, Performance
from .database import AsyncTransaction
from .repository import AsyncRepository


class AsyncGroundTruthRepository(AsyncRepository):
    """Stores what turned out to be true and compares it with what was predicted."""

    _file = "ground_truth"

    async def insert(
        self,
        *,
        prediction_id: UUID | None = None,
        request_id: str | None = None,
        actual_label: str | None = None,
        actual_value: float | None = None,
        labeled_at: datetime | None = None,
        source: str | None = None,
        model_name: str | None = None,
        model_version: str | None = None,
    ) -> Labeled:
        """Label a prediction, or the predictions that a request has so far.

        The truth is a class, `actual_label`, a number, `actual_value` (of a class: 1 or 0), or
        both. A label may come before its prediction: then it waits. The label with the newest
        `labeled_at`, now by default, counts; repeating a call with the same `labeled_at` stores
        nothing twice. `model_name`, and `model_version`, say whose predictions it is about: needed
        when the request asked several models. Raises Conflict when another label of that time says
        something else, InvalidValue for an ambiguous label, NotFound for an unknown model.
        """
        labels.require_target_and_truth(
            prediction_id is not None,
            request_id is not None,
            actual_label is not None or actual_value is not None,
        )
        row = dict(locals())
        if prediction_id is not None:
            row["predicted_from"] = labels.predicted_from(prediction_id)
            # In a transaction a failure would be the end of it, so the long way is taken.
            at_once = model_name is None and not isinstance(self._db, AsyncTransaction)
            if at_once and await self._insert_one(row):
                return Labeled(stored=1, waiting=0, duplicates=0)
        return await self._one("insert", Labeled, row)

    async def insert_many(self, *, rows: Iterable[Mapping[str, Any]]) -> Labeled:
        """Label many predictions in one transaction by COPY.

        A row is a mapping of the arguments of `insert`. Raises InvalidValue naming the row and
        its field; then nothing is stored.
        """
        checked = rows_of("rows", rows)
        async with self._db.transaction() as tx:
            within = AsyncGroundTruthRepository(tx)
            now = await within._value("insert_many__stage", {})
            await within._copy("insert_many__copy", labels.encode(checked, now))
            return await within._one("insert_many", Labeled, {})

    async def match(self, *, since: datetime | None = None, until: datetime | None = None) -> int:
        """Store the labels that waited for predictions of a window and return how many.

        Writes of many predictions match theirs, and `performance` its window.
        """
        matched: int = await self._value("match", locals())
        return matched

    async def list_labels(self, *, prediction_id: UUID) -> list[GroundTruth]:
        """Return all labels of a prediction, newest first: the first of them counts."""
        predicted_from = labels.predicted_from(prediction_id)
        return await self._rows("list_labels", GroundTruth, locals())

    async def performance(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        since: datetime,
        until: datetime | None = None,
        positive_label: str | None = None,
        threshold: float = 0.5,
        as_of: datetime | None = None,
        top_k: int = 2,
    ) -> Performance:
        """Compare the predictions with since <= predicted_at < until with their latest labels.

        `positive_label` is the class that precision, recall and the probability are about, by
        default that of the version, or the number 1. Of two classes a prediction with neither
        label nor class counts as positive from a probability of `threshold` on. Of more classes
        what is computed from probabilities needs `class_probabilities`; `top_k_accuracy` is the
        share of labels among the `top_k` likeliest classes. `as_of` leaves out labels of a later
        time. Definitions are in docs/reference/metrics.md. Raises NotFound for an unknown model or
        version.
        """
        since = values.timestamp("since", since)
        until = datetime.now(UTC) if until is None else values.timestamp("until", until)
        if until <= since:
            raise InvalidValue("until", "must be after since")
        if not 0 <= number("threshold", threshold) <= 1:
            raise InvalidValue("threshold", "must be between 0 and 1")
        if integer(32)("top_k", top_k) < 1:
            raise InvalidValue("top_k", "must be at least 1")
        await self.match(since=since, until=until)
        found = await self._row("performance", Performance, locals())
        if found is None:
            version = "" if model_version is None else f" with a version {model_version}"
            raise NotFound(f"there is no model {model_name}{version}")
        return found

    async def _insert_one(self, row: Mapping[str, object]) -> bool:
        """Store a label whose prediction and partition are there; return whether they were."""
        try:
            return await self._value("insert__at_once", row) is not None
        except MissingPartition:
            return False
