"""The page of one model: everything that happened to it, on one axis of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ...database import Database
from ...repositories import (
    AlertsRepository,
    DriftReportsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    RetrainingDecisionsRepository,
)
from ...rows import PerformanceMetric
from . import charts
from .charts import Span
from .query import Page, Query
from .source import Activity, Source, Volume
from .text import link
from .tracks import alerted, axis, decided, monitored, production, scored, volumes

_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=366)
# The scores that are drawn, the first that a model has; a name says which way is better.
_SCORES: Final = (
    ("roc_auc", "roc_auc_ovr", "accuracy", "r2"),
    ("brier_score", "log_loss", "rmse", "mae"),
    ("f1_score", "f1_macro", "average_precision", "balanced_accuracy"),
)
_COLUMNS: Final = 120
_LIMIT: Final = 1000
_SHOWN: Final = 10
_STATEMENTS: Final = (
    "model_versions.timeline",
    "retraining_decisions.list_decisions",
    "monitoring_metrics.list_runs",
    "performance_metrics.latest",
    "performance_metrics.list_metrics",
    "drift_reports.list_reports",
    "monitors.list_monitors",
    "alerts.list_alerts",
    "alerts.list_active",
    "ui.volume",
)


def page(db: Database, query: Query) -> Page:
    """Show a model within a window, by default its last year. Raises NotFound for none."""
    name = query.required("name")
    activity = Source(db).activity(name)
    span = query.span(default_span(activity.since, activity.until))
    within: dict[str, Any] = {"model_name": name, "since": span.since, "until": span.until}
    timeline = ModelVersionRepository(db).timeline(model_name=name, limit=200)
    decisions = RetrainingDecisionsRepository(db).list_decisions(**within, limit=200)
    runs = MonitoringMetricsRepository(db).list_runs(**within, limit=_LIMIT)
    alerts = AlertsRepository(db).list_alerts(model_name=name, until=span.until, limit=200)
    monitors = MonitorsRepository(db).list_monitors(model_name=name, limit=100)
    latest = [
        row for row in PerformanceMetricsRepository(db).latest(model_name=name) if not row.slice
    ]
    versions = {
        each.id: each.model_version
        for each in ModelVersionRepository(db).list_versions(model_name=name, limit=_LIMIT)
    }
    alerts = [each for each in alerts if each.resolved_at is None or each.resolved_at > span.since]
    tracks = [
        production(span, timeline),
        decided(span, decisions, versions),
        *scored(span, _scores(db, within, latest), timeline, monitors),
        *monitored(span, runs, timeline, monitors),
        *volumes(span, *_volume(db, name, span), runs, timeline),
        alerted(span, alerts),
    ]
    return Page(
        "model.html",
        name,
        {
            "name": name,
            "span": span,
            "activity": activity,
            "windows": list(_windows(name, activity.until)),
            "live": [each for each in timeline if each.is_live],
            "tracks": [track for track in tracks if track is not None],
            "axis": axis(span),
            "brush": charts.brush(
                _life(activity, span),
                span,
                lambda part: link("/model", name=name, **part.parameters()),
            ),
            "timeline": timeline[:_SHOWN],
            "decisions": decisions[:_SHOWN],
            "versions": versions,
            "monitors": monitors,
            "alerts": alerts[:_SHOWN],
            "open_alerts": AlertsRepository(db).list_active(
                model_name=name, include_acknowledged=True, include_snoozed=True, limit=_LIMIT
            ),
            "runs": runs[:_SHOWN],
            "latest": sorted(
                latest, key=lambda each: (each.stage != "production", each.metric_name)
            ),
            "reports": DriftReportsRepository(db).list_reports(**within, limit=1),
        },
        _STATEMENTS,
    )


def _life(activity: Activity, span: Span) -> Span:
    """Return the time that windows are chosen from: the last years of a model, and the window."""
    last = max(default_span(activity.until, activity.until).until, span.until)
    return Span(min(max(activity.since, last - 5 * _LONGEST), span.since), last)


def default_span(since: datetime, until: datetime) -> Span:
    """Return the default window of a model: what there is of its last year."""
    now = datetime.now(UTC)
    # A model that is still heard of is shown until now.
    end = now if now - until < 7 * _DAY else until + timedelta(hours=1)
    return Span(min(max(since, end - _LONGEST), end - _DAY), end)


def _windows(name: str, until: datetime) -> Iterator[tuple[str, str]]:
    end = default_span(until, until).until
    for text, days in (("7 days", 7), ("30 days", 30), ("90 days", 90), ("1 year", 365)):
        yield text, link("/model", name=name, since=f"{end - days * _DAY:%Y-%m-%d}")


def _volume(db: Database, name: str, span: Span) -> tuple[list[Volume], int]:
    """Return the predictions by bucket of days, and how many days a bucket has."""
    days = max(1, -(-(span.until - span.since) // (_COLUMNS * _DAY)))
    midnight = span.since.replace(hour=0, minute=0, second=0, microsecond=0)
    found = Source(db).volume(model_name=name, since=midnight, until=span.until, bucket=days * _DAY)
    return found, days


def _scores(
    db: Database, within: dict[str, Any], latest: Sequence[PerformanceMetric]
) -> Iterator[list[PerformanceMetric]]:
    """Yield the values of each score that is drawn, oldest first."""
    have = {each.metric_name for each in latest if each.stage == "production"}
    for names in _SCORES:
        if metric_name := next((each for each in names if each in have), None):
            rows = PerformanceMetricsRepository(db).list_metrics(
                **within, metric_name=metric_name, stage="production", slice="", limit=_LIMIT
            )
            yield rows[::-1]
