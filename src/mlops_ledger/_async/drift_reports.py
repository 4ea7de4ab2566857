"""Drift reports: how the data of a window differ from a reference, append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ..checks.drift import Judge
from ..checks.values import number, page_size
from ..checks.windows import full_hour, look_back, nothing_live
from ..errors import InvalidValue, NotFound
from ..rows import Baseline, DriftReport, FeatureTrend
from .baselines import AsyncBaselinesRepository
from .drift_measures import (
    AsyncDriftMeasures,
    Reference,
    reference_window,
    report_columns,
    require_same,
)
from .monitoring_metrics import AsyncMonitoringMetricsRepository
from .pages import iterate
from .summaries import AsyncSummariesRepository


class AsyncDriftReportsRepository(AsyncDriftMeasures):
    """Measures drift, records drift reports and answers which features drift."""

    async def insert(
        self,
        *,
        model_name: str,
        timestamp: datetime,
        drift_detected: bool,
        lookback_hours: float | None = None,
        window_start: datetime | None = None,
        window_end: datetime | None = None,
        model_version: str | None = None,
        model_version_id: UUID | None = None,
        drift_score: float | None = None,
        method: str | None = None,
        threshold: float | None = None,
        features: Sequence[Mapping[str, Any]] | None = None,
        drifted_features: Sequence[str] | None = None,
        n_drifted_features: int | None = None,
        n_features: int | None = None,
        reference_size: int | None = None,
        current_size: int | None = None,
        reference_start: datetime | None = None,
        reference_end: datetime | None = None,
        report_ref: str | None = None,
        summary_ref: str | None = None,
        monitoring_run_id: UUID | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Record a comparison, made at `timestamp`, of a window of data with a reference.

        The window is `lookback_hours` long, or begins at `window_start`; it ends at `window_end`,
        or at `timestamp`. `features` holds a {"feature", "drifted", "method", "statistic",
        "p_value", "score", "threshold"} for every feature compared, the first two of which are
        needed; then the names and the counts need not be given, and must not contradict it.
        Sizes are in rows. The version is given by its number or by its id; without either the
        report is about the version of the monitoring run, or the one in production at `timestamp`.

        A version has one report per timestamp, lookback, method and reference: recording it again
        with the same content returns the same id, other content raises Conflict. Raises NotFound
        for an unknown model, version or run, InvalidValue for a value that is refused.
        """
        return await self._insert_once(
            "insert",
            locals(),
            "this version already has a report with that timestamp, lookback_hours, method and "
            "reference, or the id names one, and its content is different",
        )

    async def run(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        until: datetime | None = None,
        lookback_hours: float = 24,
        method: str = "jensen_shannon",
        thresholds: float | Mapping[str, float] | None = None,
        drift_share: float = 0.5,
        reference: Reference = "baseline",
        positive_label: str | None = None,
        threshold: float = 0.5,
    ) -> DriftReport:
        """Measure drift in the full hours that end at `until` and record report and monitoring run.

        The window ends with the last full hour by default; the version is the one in production
        at `until`, or now. `method` is psi, jensen_shannon, hellinger, total_variation, kl,
        wasserstein (of categories jensen_shannon), ks (of categories chi2) or chi2; `thresholds` is
        one for all features, or some by name. The window has drifted when at least `drift_share`
        of the features have. Every statistic of every feature is kept in the report; those of
        scores and labels, which do not count, in its metadata as `outputs`. `positive_label` and
        `threshold` say which predictions are positive in a new monitoring run. A window has one
        report by a method against a reference, the baseline or a window: if it is there already, it
        is returned. Raises Conflict when it was made with other thresholds or another
        `drift_share`, NotFound for a version without a baseline and for a reference window that has
        nothing to compare with.
        """
        judge = Judge(method, thresholds)
        if not 0 < number("drift_share", drift_share) <= 1:
            raise InvalidValue("drift_share", "must be above 0 and at most 1")
        at, until = until, full_hour("until", until)
        since = full_hour("lookback_hours", look_back(until, lookback_hours, "lookback_hours"))
        reference_since, reference_until = reference_window(reference, since, until)
        await AsyncSummariesRepository(self._db).fold(
            model_name=model_name, since=min(since, reference_since or since), until=until
        )
        async with self._db.transaction() as tx:
            within = type(self)(tx)
            if model_version is None:
                model_version = await within._value("run__version", locals())
            if model_version is None:
                raise NotFound(f"{nothing_live(model_name, at)}: name one")
            baseline = await within._baseline(model_name, model_version)
            model_version_id = baseline.model_version_id
            known = await AsyncBaselinesRepository(tx).list_features(id=baseline.id)
            judge.require_known([each.feature for each in known])
            earlier = await within._value("run__earlier", locals())
            made = earlier or await within._compare(baseline, judge, locals())
            report = await within._one("get", DriftReport, {"id": made})
            if earlier is not None:
                require_same(report, judge, drift_share)
            return report

    async def _compare(self, baseline: Baseline, judge: Judge, asked: Mapping[str, Any]) -> UUID:
        """Record report and monitoring run of a window that has none; return the report's id."""
        window = {name: asked[name] for name in ("model_name", "model_version", "until")}
        measured = await self.measure(**window, since=asked["since"], reference=asked["reference"])
        if asked["reference_since"] is not None and not measured:
            raise NotFound(
                "no feature has a value in the window and in its reference, from "
                f"{asked['reference_since']:%Y-%m-%d %H:%MZ} on: choose another reference"
            )
        report = report_columns(measured, judge, asked["drift_share"])
        run_id = await AsyncMonitoringMetricsRepository(self._db).record_window(
            **window,
            **{name: asked[name] for name in ("lookback_hours", "positive_label", "threshold")},
            drift={
                "dataset_drift_detected": report["drift_detected"],
                "drifted_features": report["drifted_features"],
                "num_drifted_features": len(report["drifted_features"]),
                "num_features": len(report["features"]),
            },
        )
        is_named = isinstance(asked["reference"], str)
        report["metadata"] |= {
            "baseline_id": str(baseline.id),
            "reference": asked["reference"] if is_named else "window",
        }
        return await self.insert(
            model_name=baseline.model_name,
            timestamp=asked["until"],
            model_version_id=baseline.model_version_id,
            lookback_hours=asked["lookback_hours"],
            window_start=asked["since"],
            window_end=asked["until"],
            reference_start=asked["reference_since"] or baseline.window_start,
            reference_end=asked["reference_until"] or baseline.window_end,
            monitoring_run_id=run_id,
            **report,
        )

    async def get(self, *, id: UUID) -> DriftReport | None:
        """Return one report, or None."""
        return await self._row("get", DriftReport, locals())

    async def latest(self, *, model_name: str | None = None) -> DriftReport | None:
        """Return the latest report of a model, or of all models; None when there is none."""
        reports = await self.list_reports(model_name=model_name, limit=1)
        return reports[0] if reports else None

    async def history(
        self,
        *,
        model_name: str,
        days: float = 30,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[DriftReport]:
        """Return the reports of the last days, newest first; at most `limit` (1 to 1000)."""
        until = datetime.now(UTC) if until is None else until
        return await self.list_reports(
            model_name=model_name, since=look_back(until, days), until=until, limit=limit
        )

    async def list_reports(
        self,
        *,
        model_name: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[DriftReport]:
        """Return the reports with since <= timestamp < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        return await self._rows("list_reports", DriftReport, locals())

    iter_reports = iterate(list_reports)

    async def feature_trend(
        self,
        *,
        model_name: str,
        feature: str,
        days: float = 30,
        until: datetime | None = None,
    ) -> list[FeatureTrend]:
        """Return what the reports of the last days say of a feature, oldest first.

        Reports without the feature are left out; of more than 1000 the newest are returned.
        """
        until = datetime.now(UTC) if until is None else until
        since = look_back(until, days)
        return await self._rows("feature_trend", FeatureTrend, locals())
