"""What monitoring jobs found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ..checks.values import bucket_count, look_back, page_size
from ..rows import DriftTrend, MonitoringRun
from .repository import AsyncRepository


class AsyncMonitoringMetricsRepository(AsyncRepository):
    """Records monitoring runs and answers how a model is doing."""

    _file = "monitoring_metrics"

    async def insert(
        self,
        *,
        model_name: str,
        timestamp: datetime,
        lookback_hours: float,
        num_predictions: int,
        model_version_id: UUID | None = None,
        positive_rate: float | None = None,
        probability_mean: float | None = None,
        probability_std: float | None = None,
        entropy: float | None = None,
        dataset_drift_detected: bool | None = None,
        feature_drift_ratio: float | None = None,
        num_drifted_features: int | None = None,
        num_features: int | None = None,
        drifted_features: Sequence[str] | None = None,
        drift_summary_ref: str | None = None,
        drift_report_ref: str | None = None,
        coverage_pct: float | None = None,
        labeled_samples: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Record the run over the window of `lookback_hours` that ends at `timestamp`.

        Rates, ratios and probabilities are 0 to 1, `coverage_pct` is 0 to 100, `entropy` is in
        bits. Without `model_version_id` the run is about the version then in production; without
        `feature_drift_ratio` it is num_drifted_features / num_features.

        A model has one run per timestamp and lookback: recording it again with the same content
        returns the same id, other content raises Conflict. Raises NotFound for an unknown model
        or version.
        """
        return await self._insert_once(
            "insert",
            locals(),
            "this model already has a run with that timestamp and lookback_hours, "
            "or the id names one, and its content is different",
        )

    async def get(self, *, id: UUID) -> MonitoringRun | None:
        """Return one run, or None."""
        return await self._row("get", MonitoringRun, locals())

    async def latest(self, *, model_name: str | None = None) -> MonitoringRun | None:
        """Return the newest run of a model, or of all of them; None when there is none."""
        runs = await self.list_runs(model_name=model_name, limit=1)
        return runs[0] if runs else None

    async def list_runs(
        self,
        *,
        model_name: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[MonitoringRun]:
        """Return the runs with since <= timestamp < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return await self._rows("list_runs", MonitoringRun, locals())

    async def drift_trend(
        self,
        *,
        model_name: str,
        days: float = 7,
        bucket: timedelta = timedelta(days=1),
        until: datetime | None = None,
    ) -> list[DriftTrend]:
        """Return the drift of a model over the last days by bucket, oldest first.

        Buckets without a run are left out; the window may have at most 1000 buckets.
        """
        until = datetime.now(UTC) if until is None else until
        since = look_back(until, days)
        bucket_count(bucket, days)
        return await self._rows("drift_trend", DriftTrend, locals())
