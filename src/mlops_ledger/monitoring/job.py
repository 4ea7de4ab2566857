"""What `mlops-ledger monitor run` does for each model; the database does the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from .._sync.database import Connections
from .._sync.drift_reports import DriftReportsRepository
from .._sync.ground_truth import GroundTruthRepository
from .._sync.monitoring_metrics import MonitoringMetricsRepository
from .._sync.monitors import MonitorsRepository
from .._sync.performance_metrics import PerformanceMetricsRepository
from .._sync.repository import Repository
from ..checks.windows import full_hour, look_back, nothing_live
from ..errors import Conflict, LedgerError, NotFound
from ..ids import id_for
from ..rows import MonitoringRun, MonitorResult, Performance

# The metrics that are recorded, as far as the labels of the window give them.
MONITORED: Final = (
    *("accuracy", "precision", "recall", "f1_score", "roc_auc", "log_loss", "brier_score"),
    *("calibration_error", "mae", "rmse", "r2", "interval_coverage"),
)
_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveVersion:
    """A version in production, and whether there is something to compare its data with."""

    model_name: str
    model_version: str
    model_version_id: UUID
    has_baseline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """What the job found about one model; without a baseline nothing about drift.

    `severity` is the worst that its monitors found: warning, critical or None. `error` says why the
    model could not be monitored; then only its name is there, and what was found before.
    """

    model_name: str
    model_version: str | None = None
    until: datetime
    lookback_hours: float
    num_predictions: int | None = None
    labeled_samples: int | None = None
    drift_detected: bool | None = None
    drifted_features: list[str] | None = None
    num_features: int | None = None
    performance: Mapping[str, float] | None = None
    monitors: list[MonitorResult] | None = None
    severity: str | None = None
    monitoring_run_id: UUID | None = None
    drift_report_id: UUID | None = None
    error: str | None = None


class Job(Repository):
    """The job for the versions in production at the end of a window."""

    _file = "monitoring"

    def live(self, at: datetime | None, model_name: str | None) -> list[LiveVersion]:
        """Return the versions in production, now or then; raises NotFound for a model without."""
        found = self._rows("in_production", LiveVersion, locals())
        if model_name is not None and not found:
            raise NotFound(nothing_live(model_name, at))
        return found

    def monitor(
        self, version: LiveVersion, result: ModelResult, drift: Mapping[str, Any]
    ) -> ModelResult:
        """Measure one model and judge its monitors."""
        window: dict[str, Any] = {"until": result.until, "lookback_hours": result.lookback_hours}
        names: dict[str, Any] = {
            "model_name": version.model_name,
            "model_version": version.model_version,
        }
        positive: dict[str, Any] = {key: drift[key] for key in ("positive_label", "threshold")}
        since = look_back(result.until, result.lookback_hours, "lookback_hours")
        # First, because it matches the labels that waited.
        performance = GroundTruthRepository(self._db).performance(
            **names, since=since, until=result.until, as_of=result.until, **positive
        )
        if version.has_baseline:
            report = DriftReportsRepository(self._db).run(**names, **window, **drift)
            run_id = report.monitoring_run_id
            result = replace(
                result,
                drift_detected=report.drift_detected,
                drifted_features=report.drifted_features,
                num_features=report.n_features,
                drift_report_id=report.id,
            )
        else:
            run_id = MonitoringMetricsRepository(self._db).record_window(
                **names, **window, **positive
            )
        metrics = self._record(version, result, performance)
        run = self._run_of(run_id)
        monitors = MonitorsRepository(self._db).run(model_name=version.model_name, at=result.until)
        return replace(
            result,
            num_predictions=run.num_predictions,
            labeled_samples=run.labeled_samples,
            performance=metrics,
            monitors=monitors,
            severity=_worst(monitors),
            monitoring_run_id=run.id,
        )

    def _run_of(self, run_id: UUID | None) -> MonitoringRun:
        run = None if run_id is None else MonitoringMetricsRepository(self._db).get(id=run_id)
        if run is None:
            raise LedgerError("the drift report of the window names no monitoring run")
        return run

    def _record(
        self, version: LiveVersion, result: ModelResult, performance: Performance
    ) -> dict[str, float]:
        """Store the metrics of the window, unless an earlier run of it has."""
        found = {name: getattr(performance, name) for name in MONITORED}
        metrics = {name: value for name, value in found.items() if value is not None}
        key = f"{version.model_version_id} {result.lookback_hours}"
        rows = [
            {
                "id": id_for(f"{key} {name}", result.until),
                "model_name": version.model_name,
                "model_version_id": version.model_version_id,
                "metric_name": name,
                "metric_value": value,
                "timestamp": result.until,
                "metadata": {"lookback_hours": result.lookback_hours},
            }
            for name, value in metrics.items()
        ]
        if rows:
            # What was recorded of the window first stays, as its run and report do.
            with suppress(Conflict):
                PerformanceMetricsRepository(self._db).insert_many(rows=rows)
        return metrics


def run_monitoring(
    db: Connections,
    *,
    model_name: str | None = None,
    until: datetime | None = None,
    lookback_hours: float = 24,
    method: str = "jensen_shannon",
    thresholds: float | Mapping[str, float] | None = None,
    drift_share: float = 0.5,
    positive_label: str | None = None,
    threshold: float = 0.5,
    report: Callable[[int, int, ModelResult | None], None] = lambda done, total, result: None,
) -> list[ModelResult]:
    """Monitor a model, or all in production, over the full hours that end at `until`.

    The last full hour by default, and the versions that are in production now. For each: what was
    written is folded, waiting labels are matched, performance is measured, drift from the baseline
    is reported, a monitoring run recorded and the monitors are evaluated. A window is recorded
    once, so the job can run again, and twice at once.
    `method` and `thresholds` to `threshold` are as in DriftReportsRepository.run. A model that
    cannot be monitored has an `error` and does not stop the others. `report` is told how many are
    done, of how many, and the result. Raises NotFound for a model without a version in production.
    """
    at, until = until, full_hour("until", until)
    full_hour("lookback_hours", look_back(until, lookback_hours, "lookback_hours"))
    drift: dict[str, Any] = {
        "method": method,
        "thresholds": thresholds,
        "drift_share": drift_share,
        "positive_label": positive_label,
        "threshold": threshold,
    }
    job = Job(db)
    live = job.live(at, model_name)
    results: list[ModelResult] = []
    report(0, len(live), None)
    for version in live:
        result = ModelResult(
            model_name=version.model_name,
            model_version=version.model_version,
            until=until,
            lookback_hours=lookback_hours,
        )
        results.append(_monitored(job, version, result, drift))
        report(len(results), len(live), results[-1])
    return results


def _monitored(
    job: Job, version: LiveVersion, result: ModelResult, drift: Mapping[str, Any]
) -> ModelResult:
    for attempt in range(_TRIES):
        try:
            return job.monitor(version, result, drift)
        except Conflict as error:
            # Somebody else has recorded the same window meanwhile: then it is read.
            if attempt + 1 == _TRIES:
                return replace(result, error=str(error))
        except LedgerError as error:
            return replace(result, error=str(error))
    raise AssertionError


def _worst(monitors: list[MonitorResult]) -> str | None:
    found = {each.severity for each in monitors}
    return next((severity for severity in ("critical", "warning") if severity in found), None)
