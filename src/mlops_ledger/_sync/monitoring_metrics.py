# Generated from src/mlops_ledger/_async/monitoring_metrics.py by tools/unasync.py: edit that file, then run `make sync`.
"""What monitoring jobs found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ..checks.values import page_size
from ..checks.windows import bucket_count, full_hour, look_back
from ..errors import NotFound
from ..rows import DriftTrend, MonitoringRun, WindowMetrics
from .pages import iterate
from .repository import Repository
from .summaries import SummariesRepository


class MonitoringMetricsRepository(Repository):
    """Records monitoring runs and answers how a model is doing."""

    _file = "monitoring_metrics"

    def insert(
        self,
        *,
        model_name: str,
        timestamp: datetime,
        lookback_hours: float,
        num_predictions: int,
        model_version: str | None = None,
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
        bits. The version is given by its number or by its id; without either it is the one then in
        production. Without `feature_drift_ratio` it is num_drifted_features / num_features.

        A model has one run per timestamp and lookback: recording it again with the same content
        returns the same id, other content raises Conflict. Raises NotFound for an unknown model
        or version.
        """
        return self._insert_once(
            "insert",
            locals(),
            "this model already has a run with that timestamp and lookback_hours, "
            "or the id names one, and its content is different",
        )

    def record_window(
        self,
        *,
        model_name: str,
        model_version: str,
        until: datetime | None = None,
        lookback_hours: float = 24,
        positive_label: str | None = None,
        threshold: float = 0.5,
        drift: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Compute the run of the full hours that end at `until` from summaries and record it.

        The window ends with the last full hour by default. A prediction is positive when its label
        is `positive_label`, or without one when its probability reaches `threshold`, a full
        percent. Labels count that were known by `until`. `drift` holds what else the run says. What
        was written in the window is folded before. A window that has a run
        already gets no other: the id of that one is returned. Raises NotFound for an unknown
        version.
        """
        until = full_hour("until", until)
        since = full_hour("lookback_hours", look_back(until, lookback_hours, "lookback_hours"))
        earlier: UUID | None = self._value("record_window__earlier", locals())
        if earlier is not None:
            return earlier
        model_version_id = self._value("record_window__version", locals())
        if model_version_id is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        SummariesRepository(self._db).fold(
            model_name=model_name, model_version=model_version, since=since, until=until
        )
        measured = self._one("record_window__measure", WindowMetrics, locals())
        return self.insert(
            model_name=model_name,
            model_version_id=model_version_id,
            timestamp=until,
            lookback_hours=lookback_hours,
            **{**asdict(measured), **(drift or {})},
        )

    def get(self, *, id: UUID) -> MonitoringRun | None:
        """Return one run, or None."""
        return self._row("get", MonitoringRun, locals())

    def latest(self, *, model_name: str | None = None) -> MonitoringRun | None:
        """Return the latest run of a model, or of all models; None when there is none."""
        runs = self.list_runs(model_name=model_name, limit=1)
        return runs[0] if runs else None

    def list_runs(
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
        return self._rows("list_runs", MonitoringRun, locals())

    iter_runs = iterate(list_runs)

    def drift_trend(
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
        return self._rows("drift_trend", DriftTrend, locals())
