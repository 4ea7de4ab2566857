"""The charts of a model that share one axis of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

from ...rows import (
    Alert,
    Monitor,
    MonitoringRun,
    PerformanceMetric,
    RetrainingDecision,
    TimelineEntry,
)
from . import charts
from .charts import Bar, Mark, Span
from .source import Volume
from .text import duration, link, number, timestamp

_DAY: Final = timedelta(days=1)
_ALERT_ROWS: Final = 5


@dataclass(frozen=True, slots=True)
class Track:
    """A chart among those that share the axis: what it shows, its newest value, the drawing."""

    name: str
    newest: str
    note: str
    drawing: Markup


def axis(span: Span) -> Track:
    """Return the times below the other charts, and between which days they lie."""
    length = f"{charts.day(span.since)[:10]} to {charts.day(span.until)[:10]}"
    return Track("", "", length, charts.axis(span))


def _changes(timeline: Iterable[TimelineEntry]) -> list[datetime]:
    return [each.deployed_at for each in timeline if each.slot == "production"]


def production(span: Span, timeline: Sequence[TimelineEntry]) -> Track:
    slots = sorted({each.slot for each in timeline}, key=lambda slot: (slot != "production", slot))
    rows = [
        [_deployment(span, each) for each in reversed(timeline) if each.slot == slot]
        for slot in slots[:4]
    ]
    inside = [
        [bar for bar in row if bar.until > span.since and bar.since < span.until] for row in rows
    ]
    live = next((each.model_version for each in timeline if each.is_live), "nothing")
    note = "" if len(slots) < 2 else "slots, top to bottom: " + ", ".join(slots[:4])
    return Track(
        "In production", live, note, charts.bars(span, inside, label="What was in production")
    )


def _deployment(span: Span, entry: TimelineEntry) -> Bar:
    end = entry.retired_at or span.until
    said = (
        f"{entry.model_version} in {entry.slot} from {timestamp(entry.deployed_at)}"
        f" for {duration(entry.live_for)}"
    )
    return Bar(
        entry.deployed_at,
        max(end, entry.deployed_at),
        said,
        "rollback" if entry.is_rollback else "live" if entry.is_live else "retired",
        entry.model_version,
        link("/version", model=entry.model_name, version=entry.model_version),
    )


def decided(
    span: Span, decisions: Sequence[RetrainingDecision], versions: dict[Any, str]
) -> Track | None:
    if not decisions:
        return None
    marks = [
        Mark(
            each.timestamp,
            each.action,
            f"{each.action} {versions.get(each.candidate_version_id, '')}"
            f" at {timestamp(each.timestamp)}",
            link("/decision", id=each.id),
        )
        for each in reversed(decisions)
    ]
    promoted = sum(each.action == "promote" for each in decisions)
    note = "▲\u00a0promote ✕\u00a0reject ◆\u00a0pending"
    return Track(
        "Decisions",
        f"{promoted} of {len(decisions)} promoted",
        note,
        charts.points(span, marks, label="Decisions"),
    )


def _thresholds(monitors: Iterable[Monitor], metric_name: str) -> list[tuple[float, str]]:
    return [
        (threshold, kind)
        for each in monitors
        if each.metric_name == metric_name and each.enabled and not each.slice
        for threshold, kind in (
            (each.warning_threshold, "warning"),
            (each.critical_threshold, "critical"),
        )
        if threshold is not None
    ]


def scored(
    span: Span,
    scores: Iterable[list[PerformanceMetric]],
    timeline: Sequence[TimelineEntry],
    monitors: Sequence[Monitor],
) -> Iterator[Track]:
    for rows in scores:
        if rows:
            metric = rows[-1].metric_name
            yield line_track(
                span,
                metric,
                [(each.timestamp, each.metric_value) for each in rows],
                timeline,
                _thresholds(monitors, metric),
            )


def monitored(
    span: Span,
    runs: Sequence[MonitoringRun],
    timeline: Sequence[TimelineEntry],
    monitors: Sequence[Monitor],
) -> Iterator[Track]:
    for name, floor in (
        ("feature_drift_ratio", 0.0),
        ("coverage_pct", None),
        ("positive_rate", None),
    ):
        points = [
            (run.timestamp, value)
            for run in reversed(runs)
            if (value := getattr(run, name)) is not None
        ]
        if points:
            yield line_track(span, name, points, timeline, _thresholds(monitors, name), floor)


def volumes(
    span: Span,
    volume: Sequence[Volume],
    days: int,
    runs: Sequence[MonitoringRun],
    timeline: Sequence[TimelineEntry],
) -> Iterator[Track]:
    if not volume:
        yield from _windows(span, runs, timeline)
        return
    counts = [
        (each.bucket, each.bucket + days * _DAY, float(each.num_predictions)) for each in volume
    ]
    total = sum(each.num_predictions for each in volume)
    errors = sum(each.num_errors or 0 for each in volume)
    note = f"per {'day' if days == 1 else f'{days} days'}" + (
        f", {number(errors)} errors" if errors else ""
    )
    drawing = charts.columns(span, counts, label="Predictions", marks=_changes(timeline))
    yield Track("Predictions", f"{number(total)} in all", note, drawing)
    latencies = [
        (each.bucket, each.latency_mean) for each in volume if each.latency_mean is not None
    ]
    if latencies:
        yield line_track(span, "latency, mean in ms", latencies, timeline, (), 0.0)


def _windows(
    span: Span, runs: Sequence[MonitoringRun], timeline: Sequence[TimelineEntry]
) -> Iterator[Track]:
    """Count by the windows of the monitoring runs, as long as nothing has been folded."""
    hours = [run.lookback_hours for run in runs]
    if not hours:
        return
    # Windows of one length usually do not overlap; those of several do.
    usual = max(set(hours), key=hours.count)
    counts = [
        (run.timestamp - timedelta(hours=usual), run.timestamp, float(run.num_predictions))
        for run in reversed(runs)
        if run.lookback_hours == usual
    ]
    note = f"per monitoring run of {number(usual)} h"
    drawing = charts.columns(span, counts, label="Predictions", marks=_changes(timeline))
    yield Track("Predictions", number(counts[-1][2]), note, drawing)


def line_track(
    span: Span,
    name: str,
    points: Sequence[tuple[datetime, float]],
    timeline: Sequence[TimelineEntry],
    thresholds: Sequence[tuple[float, str]],
    floor: float | None = None,
) -> Track:
    values = [value for _, value in points]
    # Who cannot point at the dashed lines reads here what they are.
    drawn = "".join(f", {kind} at {number(value)}" for value, kind in thresholds)
    return Track(
        name,
        number(values[-1]),
        f"{number(min(values))} to {number(max(values))}{drawn}",
        charts.line(
            span, points, label=name, thresholds=thresholds, marks=_changes(timeline), floor=floor
        ),
    )


def alerted(span: Span, alerts: Sequence[Alert]) -> Track | None:
    if not alerts:
        return None
    shown = [
        Bar(
            max(each.first_seen, span.since),
            min(each.resolved_at or span.until, span.until),
            f"{each.severity}: {each.title},"
            f" {timestamp(each.first_seen)} to {timestamp(each.resolved_at)}",
            each.severity,
            href=link("/alert", id=each.id),
        )
        for each in alerts
    ]
    rows, left_out = charts.rows_without_overlap(shown, _ALERT_ROWS)
    waiting = sum(each.status != "resolved" for each in alerts)
    # How many are open at all says the head of the page: the window may end before they began.
    note = f"{waiting} of them open" + (f", {left_out} not drawn" if left_out else "")
    return Track(
        "Alerts",
        f"{len(alerts)} in the window",
        note,
        charts.bars(span, rows, label="Alerts", thick=10),
    )
