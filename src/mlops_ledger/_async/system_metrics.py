"""Metrics of hosts and processes over time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ..checks import metrics as metric_fields
from ..checks.metrics import Row
from ..checks.values import texts
from ..copying.binary import DAY, microseconds, timestamp
from ..errors import MissingPartition
from ..host_metrics import HostMetrics
from ..rows import MetricBucket, SystemMetric, Written
from .metric_writes import AsyncMetricWrites
from .partitions import AsyncPartitioned


class AsyncSystemMetricsRepository(AsyncMetricWrites, AsyncPartitioned):
    """Stores what was measured on hosts and answers how they are doing."""

    _file = "system_metrics"

    def __init__(self, db: Any = None) -> None:
        super().__init__(db)
        self._host: HostMetrics | None = None

    async def insert_many(
        self, *, rows: Iterable[Mapping[str, Any]], idempotency_key: UUID | None = None
    ) -> Written:
        """Store many values in one transaction by COPY, and make the partitions they need.

        A row is a mapping of `host`, `metric_name` and `metric_value`, and of `timestamp` (now by
        default), `unit`, `attributes` (a JSON object) and `id` as wanted. Repeating a call with the
        same `idempotency_key`, made by `new_id()`, and rows stores nothing twice. Raises Conflict
        when an id names another value, InvalidValue for a refused value; then nothing is stored.
        """
        return await self._store(metric_fields.checked(metric_fields.SYSTEM, rows, idempotency_key))

    async def collect(self, *, disks: Sequence[str] = ("/",)) -> Written:
        """Measure this host and this process, and store it.

        Processor, memory, load, the given disks, network, the process and, where there are any,
        NVIDIA graphics processors. Percentages of processor time are since the call before. Needs
        psutil: raises LedgerError without it.
        """
        if self._host is None or self._host.disks != texts("disks", disks):
            self._host = HostMetrics(disks)
        rows = await asyncio.to_thread(HostMetrics.read, self._host)
        return await self.insert_many(rows=rows)

    async def latest(self, *, host: str) -> list[SystemMetric]:
        """Return the newest value of each metric and attributes, as the host was heard of last."""
        return await self._rows("latest", SystemMetric, locals())

    async def timeseries(
        self,
        *,
        metric_name: str,
        host: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        bucket: str | timedelta = "hour",
    ) -> list[MetricBucket]:
        """Return a metric with since <= timestamp < until by bucket, oldest first.

        The window ends now and is a day long by default. `attributes` are those that a value must
        have. `bucket` is "minute", "hour", "day", "week" (from Monday) or "month", in UTC, or a
        timedelta: then buckets begin at `since`. Buckets without a value are left out; the window
        may have at most 1000 buckets.
        """
        since, until = metric_fields.window(since, until, 1)
        unit, step = metric_fields.buckets(bucket, since, until)
        return await self._rows("timeseries", MetricBucket, locals())

    async def _store(self, rows: Sequence[Row]) -> Written:
        try:
            return await super()._store(rows)
        except MissingPartition:
            at = list(metric_fields.SYSTEM.types).index("timestamp")
            days = {microseconds(row[at]) // DAY for row in rows}
            await self._value("make_partitions", {"times": [timestamp(day * DAY) for day in days]})
            return await super()._store(rows)
