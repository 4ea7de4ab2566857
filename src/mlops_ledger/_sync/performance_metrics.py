# Generated from src/mlops_ledger/_async/performance_metrics.py by tools/unasync.py: edit that file, then run `make sync`.
"""Metrics of models over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ..checks import metrics as metric_fields
from ..checks.values import page_size
from ..copying.binary import timestamp
from ..copying.metrics import InProduction, MetricBatch
from ..errors import NotFound
from ..rows import MetricBucket, MetricComparison, PerformanceMetric
from .metric_writes import MetricWrites
from .pages import iterate


class PerformanceMetricsRepository(MetricWrites):
    """Stores any metric of any model and answers how it develops."""

    _file = "performance_metrics"
    _columns = metric_fields.PERFORMANCE

    def insert(
        self,
        *,
        model_name: str,
        metric_name: str,
        metric_value: float,
        timestamp: datetime | None = None,
        model_version: str | None = None,
        model_version_id: UUID | None = None,
        metric_type: str = "performance",
        stage: str = "production",
        step: int | None = None,
        dataset_version: str | None = None,
        slice: str = "",
        metadata: Mapping[str, Any] | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Store one value and return its id.

        `timestamp` is the time that the value is about, now by default. The version is given by
        its number or by its id; without either it is the one then in production. `stage` says
        where it was measured (production, validation, test, …), `slice` on which part of the data,
        `step` at which step of a training. Repeating a call with the same `id` and content stores
        nothing twice. Raises Conflict when the id names another value, NotFound for an unknown
        model or version, InvalidValue for a value that is refused.
        """
        timestamp = datetime.now(UTC) if timestamp is None else timestamp
        return self._insert_once("insert", locals(), "id: already names another value")

    def get(self, *, id: UUID) -> PerformanceMetric | None:
        """Return one value, or None."""
        return self._row("get", PerformanceMetric, locals())

    def list_metrics(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        metric_type: str | None = None,
        metric_name: str | None = None,
        stage: str | None = None,
        slice: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[PerformanceMetric]:
        """Return the values with since <= timestamp < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last. An empty
        `slice` asks for values about all of the data.
        """
        limit = page_size(limit)
        return self._rows("list_metrics", PerformanceMetric, locals())

    iter_metrics = iterate(list_metrics)

    def latest(
        self, *, model_name: str, model_version: str | None = None
    ) -> list[PerformanceMetric]:
        """Return the newest value of each metric, stage and slice, by their names."""
        return self._rows("latest", PerformanceMetric, locals())

    def compare(
        self, *, model_name: str, version_a: str, version_b: str
    ) -> list[MetricComparison]:
        """Return the newest values of two versions side by side, with b less a.

        A metric that one of them lacks is there with None. Raises NotFound for an unknown version.
        """
        missing = self._value("compare__missing", locals())
        if missing is not None:
            raise NotFound(f"model {model_name} has no version {missing}")
        return self._rows("compare", MetricComparison, locals())

    def timeseries(
        self,
        *,
        model_name: str,
        metric_name: str,
        model_version: str | None = None,
        stage: str = "production",
        slice: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        bucket: str | timedelta = "day",
    ) -> list[MetricBucket]:
        """Return a metric with since <= timestamp < until by bucket, oldest first.

        The window ends now and is 30 days long by default. `bucket` is "minute", "hour", "day",
        "week" (from Monday) or "month", in UTC, or a timedelta: then buckets begin at `since`.
        Buckets without a value are left out; the window may have at most 1000 buckets. Without
        `model_version` the values of all versions count.
        """
        since, until = metric_fields.window(since, until, 30)
        unit, step = metric_fields.buckets(bucket, since, until)
        return self._rows("timeseries", MetricBucket, locals())

    def _in_production(self, batch: MetricBatch) -> Sequence[InProduction]:
        named = batch.named()
        batch.identify({each: self._value("version", each._asdict()) for each in named})
        model_names = sorted(batch.models())
        if not model_names:
            return ()
        earliest, latest = timestamp(min(batch.micros)), timestamp(max(batch.micros))
        return self._rows("insert_many__in_production", InProduction, locals())
