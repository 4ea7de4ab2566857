"""The page of one feature: its distribution against its baseline, and its drift over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeAlias

from ...database import Database
from ...errors import BelowMinimum, NotFound
from ...repositories import BaselinesRepository, DriftReportsRepository, ModelVersionRepository
from ...rows import BaselineFeature, FeatureDrift, FeatureTrend, ModelVersion, TimelineEntry
from . import charts, histograms
from .charts import Span
from .histograms import MISSING, jensen_shannon, outside, share
from .query import Page, Query
from .source import Counted, Folded, Source
from .text import link, number
from .tracks import Track, axis, line_track

Measure: TypeAlias = Callable[[Sequence[Counted], Mapping[int, int]], float | None]

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7 * _DAY
# Up to here hours are drawn, from here on days.
_SHORT: Final = 3 * _DAY
_AROUND: Final = 90 * _DAY
_LONGEST: Final = 366 * _DAY
_COLUMNS: Final = 120
_WINDOWS: Final = (("1 day", 1), ("7 days", 7), ("30 days", 30), ("90 days", 90))


def newest_window(folded: Folded) -> Span:
    """Return the last week of the data of a version."""
    return Span(folded.until - _WEEK, folded.until)


def page(db: Database, query: Query) -> Page:
    """Show a feature of a version. Raises NotFound for one that its baseline does not have."""
    named: dict[str, Any] = {
        "model_name": query.required("model"),
        "model_version": query.required("version"),
    }
    version = ModelVersionRepository(db).get(**named)
    if version is None:
        raise NotFound("there is no such version")
    feature, baseline_id = _find(db, named, query)
    source = Source(db)
    folded = source.folded(version.id)
    shown: dict[str, Any] = {
        "version": version,
        "feature": feature,
        "drift": None,
        "window": None,
        "size": None,
        "hidden": None,
        "tracks": [],
        "windows": [],
    }
    if folded is not None:
        window = _window(query, folded)
        around = _around(window, folded)
        of: dict[str, Any] = {
            "model_version_id": version.id,
            "baseline_id": baseline_id,
            "series": feature.series,
        }
        shown |= {
            "window": window,
            "axis": axis(around),
            "brush": charts.brush(around, window, lambda part: _address(query, part)),
            "windows": list(_windows(query, folded)),
        }
        try:
            shown |= _compared(source, of, feature, window)
            shown["tracks"] = _over_time(db, version, of, feature, around)
        except BelowMinimum as error:
            # Of other days it may be seen.
            shown["hidden"] = str(error)
    return Page(
        "feature.html",
        f"{feature.feature} of {version.model_name} {version.model_version}",
        {**shown, "query": query.given},
        (
            "baselines.list_features",
            "ui.folded",
            "ui.drift",
            "ui.counted",
            "drift_reports.feature_trend",
        ),
    )


def _compared(
    source: Source, of: dict[str, Any], feature: BaselineFeature, window: Span
) -> dict[str, Any]:
    """Return what a window is beside the baseline."""
    # Whole days are seen by more readers than their hours.
    is_days = (
        _floor(window.since, _DAY) == window.since and _floor(window.until, _DAY) == window.until
    )
    grain = "day" if is_days else "hour"
    rows = source.counted(**of, grain=grain, since=window.since, until=window.until)
    then, now = histograms.reference(feature), histograms.add_up(rows)
    is_categorical = feature.kind == "categorical"
    return {
        "drift": _drift(source, of, feature, window),
        "size": sum(now.values()),
        "mean": histograms.mean(rows, feature),
        "columns": None if is_categorical else histograms.columns(feature, then, now),
        "categories": histograms.categories(feature, then, now) if is_categorical else [],
    }


def _over_time(
    db: Database,
    version: ModelVersion,
    of: dict[str, Any],
    feature: BaselineFeature,
    around: Span,
) -> list[Track]:
    """Return the tracks of a feature and of its drift."""
    history = Source(db).counted(**of, grain=_grain(around), since=around.since, until=around.until)
    trend = DriftReportsRepository(db).feature_trend(
        model_name=version.model_name,
        feature=feature.feature,
        days=(around.until - around.since) / _DAY,
        until=around.until,
    )
    timeline = ModelVersionRepository(db).timeline(model_name=version.model_name, limit=200)
    return list(_tracks(around, feature, history, trend, timeline))


def _find(db: Database, named: dict[str, Any], query: Query) -> tuple[BaselineFeature, Any]:
    name, column = query.required("feature"), query.text("column")
    baselines = BaselinesRepository(db)
    baseline = baselines.latest(**named)
    if baseline is None:
        raise NotFound("that version has no baseline")
    for each in baselines.list_features(id=baseline.id):
        if each.feature == name and column in (None, each.column_name):
            return each, baseline.id
    raise NotFound("the baseline of that version has no such feature")


def _window(query: Query, folded: Folded) -> Span:
    """Return the window that is asked for in full hours, a longer one in full days."""
    asked = query.span(newest_window(folded))
    unit = _HOUR if asked.until - asked.since <= _SHORT else _DAY
    since = _floor(max(asked.since, asked.until - _LONGEST), unit)
    until = _floor(asked.until + unit - timedelta(microseconds=1), unit)
    return Span(since, until)


def _around(window: Span, folded: Folded) -> Span:
    """Return what is drawn along the time: the window and what came before."""
    until = window.until
    since = min(window.since, max(until - _AROUND, folded.since))
    if until - since <= _SHORT:
        return Span(_floor(since, _HOUR), until)
    return Span(_floor(since, _DAY), _floor(until + _DAY - timedelta(microseconds=1), _DAY))


def _grain(span: Span) -> str:
    return "hour" if span.until - span.since <= _SHORT else "day"


def _floor(at: datetime, unit: timedelta) -> datetime:
    start = datetime(1900, 1, 1, tzinfo=UTC)
    return start + (at - start) // unit * unit


def _drift(
    source: Source, of: dict[str, Any], feature: BaselineFeature, window: Span
) -> FeatureDrift | None:
    measured = source.drift(
        model_version_id=of["model_version_id"],
        baseline_id=of["baseline_id"],
        since=window.since,
        until=window.until,
    )
    for each in measured:
        if (each.feature, each.column_name) == (feature.feature, feature.column_name):
            return each
    return None


def _tracks(
    span: Span,
    feature: BaselineFeature,
    history: Sequence[Counted],
    trend: Sequence[FeatureTrend],
    timeline: Sequence[TimelineEntry],
) -> Iterator[Track]:
    then = histograms.reference(feature)
    buckets = [
        (start, end, rows, histograms.add_up(rows)) for start, end, rows in _buckets(span, history)
    ]
    counts = [(start, end, float(sum(now.values()))) for start, end, _, now in buckets]
    if counts:
        drawn = charts.columns(span, counts, label="Values")
        yield Track("values", number(counts[-1][2]), "", drawn)
    measures: tuple[tuple[str, Measure, list[tuple[float, str]], float | None], ...] = (
        ("Jensen-Shannon distance", lambda _, now: jensen_shannon(then, now), [], 0.0),
        ("mean", lambda rows, _: histograms.mean(rows, feature), _line_at(feature.mean), None),
        (
            "missing",
            lambda _, now: share(now, [MISSING]),
            _line_at(share(then, [MISSING])),
            0.0,
        ),
        ("not in the baseline", lambda _, now: share(now, outside(feature)), [], 0.0),
    )
    for name, measure, thresholds, floor in measures:
        points = [
            (start, value)
            for start, _, rows, now in buckets
            if (value := measure(rows, now)) is not None
        ]
        if any(value for _, value in points):
            found = line_track(span, name, points, timeline, thresholds, floor)
            yield replace(found, note=f"{found.note}, newest of {number(counts[-1][2])} values")
    # One line for each way that reports have measured by.
    for way, those in groupby(sorted(trend, key=_way), key=_way):
        reported = [each for each in those if _value(each) is not None]
        if reported:
            yield _reported(span, way, reported, timeline)


def _reported(
    span: Span, way: str, trend: Sequence[FeatureTrend], timeline: Sequence[TimelineEntry]
) -> Track:
    points = [
        (each.timestamp, value)
        for each in sorted(trend, key=lambda each: each.timestamp)
        if (value := _value(each)) is not None
    ]
    threshold = trend[-1].threshold
    thresholds = [] if threshold is None else [(threshold, "warning")]
    drifted = sum(each.drifted for each in trend)
    found = line_track(span, f"reported {way}".strip(), points, timeline, thresholds, 0.0)
    return replace(found, note=f"drifted in {drifted} of {len(trend)} reports")


def _way(each: FeatureTrend) -> str:
    """Name what can be compared over time."""
    words = [each.method or "", "" if each.p_value is None else "p-value"]
    words += [f"over {each.lookback_hours:g} h"]
    if each.reference not in (None, "baseline"):
        words.append(
            f"against the {each.reference} window"
            if each.reference == "previous"
            else "against a window"
        )
    return " ".join(word for word in words if word)


def _value(each: FeatureTrend) -> float | None:
    """Return what is held against the threshold: a test is judged by its p-value."""
    if each.p_value is not None:
        return each.p_value
    return each.statistic if each.score is None else each.score


def _line_at(value: float | None) -> list[tuple[float, str]]:
    return [] if value is None else [(value, "baseline")]


def _buckets(
    span: Span, history: Sequence[Counted]
) -> Iterator[tuple[datetime, datetime, list[Counted]]]:
    """Put hours or days together, as many as can be told apart."""
    unit = _HOUR if _grain(span) == "hour" else _DAY
    step = unit * -(-(span.until - span.since) // (unit * _COLUMNS))
    for place, rows in groupby(history, key=lambda row: (row.starts_at - span.since) // step):
        start = span.since + place * step
        yield start, min(start + step, span.until), list(rows)


def _address(query: Query, window: Span) -> str:
    given = {name: query.text(name) for name in ("model", "version", "feature", "column")}
    return link("/feature", **given, **window.parameters())


def _windows(query: Query, folded: Folded) -> Iterator[tuple[str, str]]:
    for text, days in _WINDOWS:
        yield text, _address(query, Span(folded.until - days * _DAY, folded.until))
