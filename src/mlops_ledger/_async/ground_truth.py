"""Labels, whenever they come, and how right the models were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ..analysis.comparison import checked, compare
from ..analysis.performance_source import (
    complete_slice,
    preferred_source,
    require_grid,
    require_options,
    require_sliced,
)
from ..checks import values
from ..checks.rows import rows_of
from ..checks.values import boolean
from ..checks.windows import full_buckets, full_hours, require_order
from ..copying import labels
from ..errors import InvalidValue, MissingPartition, NotFound
from ..ids import new_id
from ..rows import GroundTruth, Labeled, Performance, PerformanceBucket, VersionComparison
from ..rows.ground_truth import MEASURED, PerformanceState
from .performance_metrics import AsyncPerformanceMetricsRepository
from .repository import AsyncRepository
from .summaries import AsyncSummariesRepository
from .transaction import AsyncTransaction


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
        row = labels.present(locals())
        labels.require_target_and_truth(
            row["prediction_id"] is not None,
            row["request_id"] is not None,
            row["actual_label"] is not None or row["actual_value"] is not None,
        )
        if row["prediction_id"] is not None:
            row["predicted_from"] = labels.predicted_from(prediction_id)
            # In a transaction a failure would be the end of it, so the long way is taken.
            at_once = row["model_name"] is None and not isinstance(self._db, AsyncTransaction)
            if at_once and await self._insert_one(row):
                return Labeled(stored=1, waiting=0, duplicates=0)
        return await self._one("insert", Labeled, row)

    async def insert_many(self, *, rows: Iterable[Mapping[str, Any]]) -> Labeled:
        """Label many predictions in one transaction by COPY.

        A row is a mapping of the arguments of `insert`. Raises InvalidValue naming the row and
        its field; then nothing is stored.
        """
        checked = rows_of("rows", rows)
        async with self._bulk(len(checked)) as tx:
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
        slice: str | None = None,
        slice_key: str | None = None,
        positive_label: str | None = None,
        threshold: float = 0.5,
        as_of: datetime | None = None,
        top_k: int = 2,
        top_share: float = 0.1,
        source: str = "auto",
        record: bool = False,
    ) -> Performance:
        """Compare the predictions with since <= predicted_at < until with their latest labels.

        `positive_label` is the class that precision, recall and the probability are about, by
        default that of the version, or the number 1. Of two classes a prediction with neither
        label nor class counts as positive from a probability of `threshold` on. Of more classes
        what is computed from probabilities needs `class_probabilities`; `top_k_accuracy` is the
        share of labels among the `top_k` likeliest classes, `lift` that of the positives among the
        predictions of the highest probability, `top_share` of all. `as_of` leaves out labels of a
        later time. `slice` leaves only predictions that have this value for the feature or input
        `slice_key`, by default that of the model; by another one only rows can tell.

        `source` is rows, summaries or auto: summaries of a window with more than 10,000 labels,
        where they suffice, and of one whose rows retention has deleted, else rows. Of summaries
        three numbers have a bound of their error, the `threshold` is a full percent, and there is
        no delay and nothing of `class_probabilities`. Hours with a label after `as_of`, and those
        at the ends of the window that are not full, are read from rows. The `source` of the answer
        says which it was.

        With `record` the numbers are stored in performance_metrics, at `until`, unless they are
        there; `model_version` is needed then. Definitions are in docs/reference/metrics.md. Raises
        NotFound for an unknown model or version, InvalidValue where rows are needed that retention
        has deleted.
        """
        since = values.timestamp("since", since)
        until = datetime.now(UTC) if until is None else values.timestamp("until", until)
        require_order(since, until)
        if as_of is not None:
            as_of = values.timestamp("as_of", as_of)
        require_options(threshold, top_k, top_share)
        if boolean("record", record) and model_version is None:
            raise InvalidValue("model_version", "is needed to record performance")
        asked = dict(locals())
        del asked["self"]
        await self.match(since=since, until=until)
        found = await self._measured(asked)
        if found is None:
            raise NotFound(_missing(model_name, model_version))
        if record:
            await self._record(found, {"threshold": threshold, "top_k": top_k})
        return found

    async def compare(
        self,
        *,
        model_name: str,
        model_version: str,
        against: str,
        since: datetime,
        until: datetime | None = None,
        metric: str = "roc_auc",
        confidence: float = 0.95,
        slice: str | None = None,
        slice_key: str | None = None,
        positive_label: str | None = None,
        threshold: float = 0.5,
        source: str = "auto",
    ) -> VersionComparison:
        """Compare a metric of two versions of a model in the same window, with an interval.

        `metric` is accuracy, balanced_accuracy, precision, recall, specificity, f1_score, roc_auc,
        log_loss, brier_score or mae. With the probability `confidence` the interval holds the
        difference, the first version less `against`; it is too wide rather than too narrow where
        both answered the same requests. Other arguments are those of `performance`. The methods are
        in docs/reference/metrics.md. Raises NotFound for an unknown model or version.
        """
        confidence = checked(metric, confidence)
        for field, version in (("model_version", model_version), ("against", against)):
            if version is None:
                raise InvalidValue(field, "is needed to compare two versions")
        until = datetime.now(UTC) if until is None else until
        one, other = [
            await self.performance(
                model_name=model_name,
                model_version=version,
                since=since,
                until=until,
                slice=slice,
                slice_key=slice_key,
                positive_label=positive_label,
                threshold=threshold,
                source=source,
            )
            for version in (model_version, against)
        ]
        return compare(one, other, metric, confidence)

    async def performance_series(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        since: datetime,
        until: datetime | None = None,
        bucket: timedelta = timedelta(days=1),
        positive_label: str | None = None,
        threshold: float = 0.5,
        top_share: float = 0.1,
    ) -> list[PerformanceBucket]:
        """Return how right a model was by bucket of time, oldest first, from its summaries.

        Costs the same whatever the volume, and knows labels that retention has deleted. `since`,
        `until`, by default the present hour, and `bucket` are full hours; at most 1000 buckets.
        Without `model_version` all versions together. `threshold`, a full percent, decides where a
        prediction names no class. Metrics are those of `performance`; both areas and the lift are
        computed from bins and come with a bound of their error. What was written in the window is
        folded before, as far as the caller may and it is little: see
        `SummariesRepository.list_pending`. Raises NotFound for an unknown model or version.
        """
        since, until = full_buckets(since, until, bucket)
        require_grid(threshold, top_share)
        await self.match(since=since, until=until)
        await AsyncSummariesRepository(self._db).fold_in_passing(
            model_name=model_name, model_version=model_version, since=since, until=until
        )
        found = await self._rows("performance_series", PerformanceBucket, locals())
        if not found:
            raise NotFound(_missing(model_name, model_version))
        return found

    async def performance_by_slice(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        since: datetime,
        until: datetime | None = None,
        positive_label: str | None = None,
        threshold: float = 0.5,
        top_share: float = 0.1,
    ) -> list[Performance]:
        """Return how right a model was about each slice by its `slice_key`, the largest first.

        Answered from summaries, as `performance` of each slice would be; `since` and `until`, by
        default the present hour, are full hours. At most 50 values of a version have a slice of
        their own. Raises NotFound for an unknown model or version, InvalidValue for a model without
        a `slice_key`, and for a window of which not all is counted by it.
        """
        since, until = full_hours(since, until)
        require_grid(threshold, top_share)
        one: dict[str, Any] = {
            "model_name": model_name,
            "model_version": model_version,
            "since": since,
            "until": until,
        }
        await self.match(since=since, until=until)
        await AsyncSummariesRepository(self._db).fold_in_passing(**one)
        sliced = {**one, "slice": "", "positive_label": positive_label}
        state = await self._one("performance__state", PerformanceState, sliced)
        if not state.is_known:
            raise NotFound(_missing(model_name, model_version))
        require_sliced(state)
        return await self._rows("performance_by_slice", Performance, locals())

    async def _measured(self, asked: dict[str, Any]) -> Performance | None:
        """Return the performance of a window from where it is answered; None for no such version.

        Raises InvalidValue if it cannot be answered.
        """
        if await self._is_summed(asked):
            return await self._row("performance__summed", Performance, asked)
        if asked["slice"] is None:
            return await self._row("performance", Performance, asked)
        return await self._row("performance__of_slice", Performance, asked)

    async def _is_summed(self, asked: dict[str, Any]) -> bool:
        """Say whether a window is answered from summaries, and complete what is asked.

        Raises InvalidValue if it cannot be answered.
        """
        one = {key: asked[key] for key in ("model_name", "model_version", "since", "until")}
        sliced = {**one, "slice": asked["slice"], "positive_label": asked["positive_label"]}
        state = await self._one("performance__state", PerformanceState, sliced)
        complete_slice(state, asked)
        preferred = preferred_source(state, asked)
        if preferred == "summaries" and state.is_pending:
            await AsyncSummariesRepository(self._db).fold_in_passing(**one)
            state = await self._one("performance__state", PerformanceState, sliced)
            preferred = preferred_source(state, asked, is_folded=True)
        if preferred == "summaries" and asked["slice"] is not None:
            require_sliced(state)
        return preferred == "summaries"

    async def _record(self, found: Performance, options: Mapping[str, Any]) -> None:
        """Store the numbers of a window, but for those that it has already."""
        metrics = AsyncPerformanceMetricsRepository(self._db)
        named: dict[str, Any] = {
            "model_name": found.model_name,
            "model_version": found.model_version,
        }
        # As in v_recent_monitoring: nothing for all of the data.
        slice = "" if found.slice is None else f"{found.slice_key}={found.slice}"
        newest: dict[str, float] = {}
        async for each in metrics.iter_metrics(
            **named,
            stage="production",
            slice=slice,
            since=found.until,
            until=found.until + timedelta(microseconds=1),
        ):
            newest.setdefault(each.metric_name, each.metric_value)
        metadata = {
            "since": found.since,
            "num_predictions": found.num_predictions,
            "labeled_samples": found.labeled_samples,
            "positive_label": found.positive_label,
            **options,
        }
        numbers = {name: getattr(found, name) for name in MEASURED}
        await metrics.insert_many(
            rows=[
                {
                    **named,
                    # Newer than those of the same time that it replaces.
                    "id": new_id(),
                    "timestamp": found.until,
                    "metric_name": name,
                    "metric_value": value,
                    "slice": slice,
                    "metadata": metadata,
                }
                for name, value in numbers.items()
                if value is not None and value != newest.get(name)
            ]
        )

    async def _insert_one(self, row: Mapping[str, object]) -> bool:
        """Store a label whose prediction and partition are there; return whether they were."""
        try:
            return await self._value("insert__at_once", row) is not None
        except MissingPartition:
            return False


def _missing(model_name: str, model_version: str | None) -> str:
    version = "" if model_version is None else f" with a version {model_version}"
    return f"there is no model {model_name}{version}"
