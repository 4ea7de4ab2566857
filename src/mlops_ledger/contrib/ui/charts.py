"""Charts as SVG, made here: they widen with the page and need no script.

Places along the time are percentages, heights are pixels, so text keeps its size on every screen.
Colours are classes of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup

from ...visible import visible
from .text import number

# What `preserveAspectRatio="none"` widens to the width of the page.
_WIDE: Final = 1000
_MONTHS: Final = (1, 2, 3, 6, 12)
_STEPS: Final = tuple(timedelta(hours=hours) for hours in (1, 3, 6, 12, 24, 48, 168, 336))
_TICKS: Final = 7
# What can be chosen below a chart: wide enough for a finger on the narrowest screen.
_PARTS: Final = tuple(timedelta(hours=hours) for hours in (1, 3, 6, 12, 24, 168, 336, 672))
_MOST_PARTS: Final = 14
# Whole steps are counted from here.
_MONDAY: Final = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """The time that the charts of a page share."""

    since: datetime
    until: datetime

    def place(self, at: datetime) -> float:
        """Return where a time is, in percent of the width, within the chart."""
        share = (at - self.since) / (self.until - self.since)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def ticks(self) -> list[tuple[datetime, str]]:
        """Return the times to write below a chart, at most seven, with what to write."""
        length = self.until - self.since
        step = next((each for each in _STEPS if length / each <= _TICKS), None)
        if step is None:
            return self._months(length)
        first = _MONDAY + math.ceil((self.since - _MONDAY) / step) * step
        times = [at for n in range(_TICKS + 1) if (at := first + n * step) <= self.until]
        style = "%H:%M" if step < timedelta(days=1) else "%-d %b"
        return [(at, f"{at:{style}}") for at in times]

    def parts(self) -> list[Span]:
        """Return the span in at most 14 parts: days, weeks, months."""
        length = self.until - self.since
        step = next((each for each in _PARTS if length / each <= _MOST_PARTS - 1), None)
        step = step or timedelta(days=math.ceil(length / timedelta(days=1) / (_MOST_PARTS - 1)))
        first = _MONDAY + (self.since - _MONDAY) // step * step
        starts = [first + n * step for n in range(_MOST_PARTS + 1)]
        return [Span(at, at + step) for at in starts if at < self.until]

    def parameters(self) -> dict[str, str]:
        """Return the window as parameters of an address."""
        return {"since": _written(self.since), "until": _written(self.until)}

    def _months(self, length: timedelta) -> list[tuple[datetime, str]]:
        months = length / timedelta(days=30.44)
        every = next((n for n in _MONTHS if months / n <= _TICKS), 12 * math.ceil(months / 84))
        at = datetime(self.since.year, 1, 1, tzinfo=UTC)
        found: list[tuple[datetime, str]] = []
        while at <= self.until:
            if at >= self.since:
                style = "%Y" if at.month == 1 else "%b"
                found.append((at, f"{at:{style}}"))
            month = at.year * 12 + at.month - 1 + every
            at = at.replace(year=month // 12, month=month % 12 + 1)
        return found


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of time to be looked at: its shape, what it says and where it leads."""

    at: datetime
    shape: str
    title: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A length of time: what it says, its class, what is written in it and where it leads."""

    since: datetime
    until: datetime
    title: str
    kind: str
    text: str = ""
    href: str | None = None


def line(
    span: Span,
    points: Sequence[tuple[datetime, float]],
    *,
    label: str,
    thresholds: Sequence[tuple[float, str]] = (),
    marks: Iterable[datetime] = (),
    height: int = 72,
    floor: float | None = None,
) -> Markup:
    """Draw a series as a line, with its thresholds, and lines down at some times."""
    values = [value for _, value in points] + [value for value, _ in thresholds]
    low, high = _range(values, floor)

    def y(value: float) -> float:
        return round(height - 6 - (height - 12) * (value - low) / (high - low), 1)

    parts = [*_grid(span, marks, height)]
    for value, kind in thresholds:
        parts.append(
            Markup(
                '<line class="threshold {}" x1="0" x2="100%" y1="{}" y2="{}">'
                "<title>{}</title></line>"
            ).format(kind, y(value), y(value), f"{kind} at {number(value)}")
        )
    path = " ".join(f"{_WIDE * span.place(at) / 100:g},{y(value)}" for at, value in points)
    parts.append(
        Markup(
            '<svg viewBox="0 0 {w} {h}" width="100%" height="{h}" preserveAspectRatio="none">'
            '<polyline class="line" points="{path}"/></svg>'
        ).format(w=_WIDE, h=height, path=path)
    )
    # A point for each value, to be pointed at, unless they would merge.
    if len(points) <= 120:
        for at, value in points:
            title = f"{at:%Y-%m-%d %H:%M}  {number(value)}"
            parts.append(
                Markup(
                    '<circle class="dot" cx="{}%" cy="{}" r="2.5"><title>{}</title></circle>'
                ).format(span.place(at), y(value), title)
            )
    return drawing(parts, height, label)


def columns(
    span: Span,
    counts: Sequence[tuple[datetime, datetime, float]],
    *,
    label: str,
    marks: Iterable[datetime] = (),
    height: int = 72,
) -> Markup:
    """Draw counts of lengths of time as columns."""
    highest = max([count for *_, count in counts], default=0) or 1
    parts = [*_grid(span, marks, height)]
    for since, until, count in counts:
        left, right = span.place(since), span.place(until)
        tall = round((height - 6) * count / highest, 1)
        parts.append(
            Markup(
                '<rect class="column" x="{}%" y="{}" width="{}%" height="{}">'
                "<title>{}</title></rect>"
            ).format(
                left,
                height - tall,
                round(0.85 * (right - left), 3),
                tall,
                f"{since:%Y-%m-%d %H:%M}  {number(count)}",
            )
        )
    return drawing(parts, height, label)


def bars(span: Span, rows: Sequence[Sequence[Bar]], *, label: str, thick: int = 22) -> Markup:
    """Draw lengths of time as bars, row below row."""
    height = max(len(rows), 1) * (thick + 2)
    parts = [*_grid(span, (), height)]
    for row, those in enumerate(rows):
        for bar in those:
            left, right = span.place(bar.since), span.place(bar.until)
            drawn = Markup(
                '<svg x="{left}%" y="{y}" width="{width}%" height="{thick}">'
                '<title>{title}</title><rect class="bar {kind}" width="100%" height="100%" rx="3"/>'
            ).format(
                left=left,
                y=row * (thick + 2),
                width=max(round(right - left, 3), 0.4),
                thick=thick,
                title=bar.title,
                kind=bar.kind,
            )
            if bar.text and right - left > 3:
                drawn += Markup('<text class="in-bar" x="6" y="{}">{}</text>').format(
                    thick - 7, bar.text
                )
            parts.append(_linked(drawn + Markup("</svg>"), bar.href, bar.title))
    return drawing(parts, height, label, links=True)


def points(span: Span, marks: Sequence[Mark], *, label: str, height: int = 24) -> Markup:
    """Draw points of time as shapes."""
    parts = [*_grid(span, (), height)]
    for mark in marks:
        drawn = Markup(
            '<svg x="{}%" y="2" width="20" height="20" overflow="visible"><title>{}</title>'
            '<path class="mark {}" d="{}"/></svg>'
        ).format(span.place(mark.at), mark.title, mark.shape, _SHAPES[mark.shape])
        parts.append(_linked(drawn, mark.href, mark.title))
    return drawing(parts, height, label, links=True)


def axis(span: Span) -> Markup:
    """Write the times that a column of charts shares; of which year they are is for a caption."""
    parts = []
    for index, (at, text) in enumerate(span.ticks()):
        place = span.place(at)
        anchor = "start" if place < 4 else "end" if place > 96 else "middle"
        # On a narrow screen every other one is left out.
        kind = "tick other" if index % 2 else "tick"
        parts.append(
            Markup('<text class="{}" x="{}%" y="13" text-anchor="{}">{}</text>').format(
                kind, place, anchor, text
            )
        )
    text = f"Time from {span.since:%Y-%m-%d} to {span.until:%Y-%m-%d}"
    return drawing(parts, 18, text)


def brush(span: Span, chosen: Span, href: Callable[[Span], str]) -> Markup:
    """Draw the parts of a span as links to each, and which window is chosen."""
    parts = []
    for part in span.parts():
        left, right = span.place(part.since), span.place(part.until)
        title = f"Look at {day(part.since)} to {day(part.until)}"
        drawn = Markup(
            '<rect class="part" x="{}%" y="2" width="{}%" height="22" rx="3">'
            "<title>{}</title></rect>"
        ).format(left, round(max(right - left - 0.3, 0.1), 3), title)
        parts.append(_linked(drawn, href(part), title))
    left, right = span.place(chosen.since), span.place(chosen.until)
    parts.append(
        Markup('<rect class="chosen" x="{}%" y="0" width="{}%" height="26" rx="3"/>').format(
            left, round(max(right - left, 0.3), 3)
        )
    )
    return drawing(parts, 26, "Choose a part of the time", links=True)


def rows_without_overlap(all_bars: Iterable[Bar], at_most: int) -> tuple[list[list[Bar]], int]:
    """Put bars into rows in which none hides another; return them and how many were left out."""
    rows: list[list[Bar]] = []
    left_out = 0
    for bar in sorted(all_bars, key=lambda each: each.since):
        row = next((row for row in rows if row[-1].until <= bar.since), None)
        if row is not None:
            row.append(bar)
        elif len(rows) < at_most:
            rows.append([bar])
        else:
            left_out += 1
    return rows, left_out


# Around the middle of the upper edge, ten pixels down.
_SHAPES: Final = {
    "promote": "M0 3 L6 15 L-6 15 Z",
    "reject": "M-5 5 L5 15 M5 5 L-5 15",
    "pending": "M0 4 L6 10 L0 16 L-6 10 Z",
}


def _range(values: Sequence[float], floor: float | None) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if floor is not None:
        low = min(low, floor)
    if low == high:
        margin = abs(low) * 0.1 or 0.5
        return low - margin, high + margin
    return low, high


def _written(at: datetime) -> str:
    at = at.astimezone(UTC)
    return (
        f"{at:%Y-%m-%d}"
        if at == at.replace(hour=0, minute=0, second=0, microsecond=0)
        else f"{at:%Y-%m-%dT%H:%M}"
    )


def day(at: datetime) -> str:
    """Write a time that windows begin or end with."""
    return _written(at).replace("T", " ")


def _grid(span: Span, marks: Iterable[datetime], height: int) -> Iterator[Markup]:
    for kind, times in (("grid", [at for at, _ in span.ticks()]), ("change", list(marks))):
        for at in times:
            yield Markup('<line class="{}" x1="{x}%" x2="{x}%" y1="0" y2="{y}"/>').format(
                kind, x=span.place(at), y=height
            )


def _linked(drawn: Markup, href: str | None, title: str) -> Markup:
    if href is None:
        return drawn
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(href, title, drawn)


def drawing(parts: Iterable[Markup], height: int, label: str, *, links: bool = False) -> Markup:
    """Put the parts of a chart together."""
    # What can be followed must not hide inside of an image.
    role = "group" if links else "img"
    drawn = Markup(
        '<svg class="chart" width="100%" height="{}" role="{}" aria-label="{}">{}</svg>'
    ).format(height, role, label, Markup("").join(parts))
    return Markup(visible(drawn, keep="\n"))
