"""Drift as the database computes it from summaries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from ..checks.drift import OUTPUTS, Judge
from ..checks.plain import plain
from ..checks.values import timestamp
from ..checks.windows import full_hour, full_hours
from ..errors import Conflict, InvalidValue, NotFound
from ..rows import Baseline, DriftReport, FeatureDrift
from .baselines import AsyncBaselinesRepository
from .model_versions import AsyncModelVersionRepository
from .repository import AsyncRepository

Reference: TypeAlias = str | tuple[datetime, datetime]


class AsyncDriftMeasures(AsyncRepository):
    """What DriftReportsRepository computes."""

    _file = "drift_reports"

    async def measure(
        self,
        *,
        model_name: str,
        model_version: str,
        since: datetime,
        until: datetime,
        reference: Reference = "baseline",
    ) -> list[FeatureDrift]:
        """Compare what a version saw from one full hour to another with a reference.

        That is its newest baseline, the "previous" window of the same length, or another window,
        (since, until); all are counted in the bins of the baseline. Features that have no value on
        one side are left out. What was written in the window is folded before, as far as the caller
        may. Raises NotFound for an unknown version and for one without a baseline.
        """
        since, until = full_hours(since, until)
        reference_since, reference_until = reference_window(reference, since, until)
        baseline = await self._baseline(model_name, model_version)
        model_version_id, baseline_id = baseline.model_version_id, baseline.id
        folded_since, folded_until = since, until
        if reference_since is not None and reference_until is not None:
            folded_since, folded_until = min(since, reference_since), max(until, reference_until)
        await self._value("measure__fold", locals())
        return await self._rows("measure__drift", FeatureDrift, locals())

    async def _baseline(self, model_name: str, model_version: str) -> Baseline:
        found = await AsyncBaselinesRepository(self._db).latest(
            model_name=model_name, model_version=model_version
        )
        if found is None:
            versions = AsyncModelVersionRepository(self._db)
            if await versions.get(model_name=model_name, model_version=model_version) is None:
                raise NotFound(f"model {model_name} has no version {model_version}")
            raise NotFound(
                f"version {model_version} of model {model_name} has no baseline: register one"
            )
        return found


def reference_window(
    reference: Reference, since: datetime, until: datetime
) -> tuple[datetime, datetime] | tuple[None, None]:
    ends = plain(reference)
    if isinstance(ends, str) and ends == "baseline":
        return None, None
    if isinstance(ends, str) and ends == "previous":
        return since - (until - since), since
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise InvalidValue("reference", "must be baseline, previous or two times")
    start, end = (timestamp("reference", each) for each in ends)
    start, end = full_hour("reference", start), full_hour("reference", end)
    if end <= start:
        raise InvalidValue("reference", "must end after it begins")
    return start, end


def report_columns(
    measured: list[FeatureDrift], judge: Judge, drift_share: float
) -> dict[str, Any]:
    """Return the columns of a report that say what was found."""
    results = [judge.result(each) for each in measured]
    features = [each for each in results if each["column_name"] not in OUTPUTS]
    drifted = [each["feature"] for each in features if each["drifted"]]
    share = len(drifted) / len(features) if features else None
    return {
        "method": judge.method,
        "threshold": drift_share,
        "features": features,
        "drifted_features": drifted,
        "drift_detected": share is not None and share >= drift_share,
        "drift_score": share,
        "reference_size": max((each.reference_size for each in measured), default=0),
        "current_size": max((each.current_size for each in measured), default=0),
        "metadata": {"outputs": [each for each in results if each["column_name"] in OUTPUTS]},
    }


def require_same(report: DriftReport, judge: Judge, drift_share: float) -> None:
    """Refuse a window that was judged by others; raises Conflict saying what differs."""
    asked = [("drift_share", report.threshold, drift_share)]
    for each in (*report.features, *report.metadata["outputs"]):
        name = f"thresholds.{each['feature']}"
        asked.append(
            (name, each["threshold"], judge.scale(each["feature"], each["kind"]).threshold)
        )
    for name, recorded, wanted in asked:
        if recorded != wanted:
            raise Conflict(
                f"{name}: is {recorded:g} in the report that the window has by {report.method}, "
                f"not {wanted:g}; a report does not change"
            )
