"""Distributions: what a feature held in each bin of its baseline, then and in a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2, sqrt
from typing import Final

from markupsafe import Markup

from ...rows import BaselineFeature
from ...rows.baselines import OWN_BINS
from . import charts
from .source import Counted
from .text import number, percent, visible

MISSING: Final = -1
_CATEGORIES: Final = 15
_HEIGHT: Final = 190
_LABELS: Final = 4


@dataclass(frozen=True, slots=True)
class Category:
    """A category with its shares, 0 to 1, which are None without any value."""

    name: str
    then: float | None
    now: float | None


def reference(feature: BaselineFeature) -> dict[int, int]:
    """Return the values of a baseline by bin."""
    counts = {MISSING: feature.num_missing, **dict(enumerate(feature.counts))}
    return {place: count for place, count in counts.items() if count}


def add_up(rows: Iterable[Counted]) -> dict[int, int]:
    """Return the values of several hours or days by bin."""
    total: Counter[int] = Counter()
    for row in rows:
        total.update(dict(zip(row.bins, row.counts, strict=True)))
    return dict(total)


def mean(rows: Iterable[Counted], feature: BaselineFeature) -> float | None:
    """Return the mean of the numbers, or lengths of texts, of some hours or days."""
    total, count = 0.0, 0
    for row in rows:
        for place, held, value in zip(row.bins, row.counts, row.sums or (), strict=False):
            if 0 <= place < _nan(feature) and value is not None:
                total, count = total + value, count + held
    return total / count if count else None


def jensen_shannon(then: Mapping[int, int], now: Mapping[int, int]) -> float | None:
    """Return the Jensen-Shannon distance with logarithms to base 2, as `ledger_drift` has it."""
    all_then, all_now = sum(then.values()), sum(now.values())
    if not all_then or not all_now:
        return None
    divergence = 0.0
    for place in then.keys() | now.keys():
        p, q = now.get(place, 0) / all_now, then.get(place, 0) / all_then
        middle = (p + q) / 2
        divergence += sum(x * log2(x / middle) for x in (p, q) if x > 0) / 2
    return sqrt(max(divergence, 0.0))


def share(counts: Mapping[int, int], places: Iterable[int]) -> float | None:
    """Return the share of values that some bins hold, None without any value."""
    total = sum(counts.values())
    return sum(counts.get(place, 0) for place in places) / total if total else None


def outside(feature: BaselineFeature) -> tuple[int, ...]:
    """Return the bins of what the baseline does not have; none where it cannot be told."""
    if feature.kind != "categorical":
        return (0, len(feature.edges or ()))
    return (0,) if feature.num_categories == len(feature.categories or ()) else ()


def categories(
    feature: BaselineFeature, then: Mapping[int, int], now: Mapping[int, int]
) -> list[Category]:
    """Return the categories with their shares, the most frequent first, the rest as one."""
    names = feature.categories or []
    own = range(1, min(len(names), OWN_BINS) + 1)
    by_share = sorted(
        own, key=lambda place: -max(share(then, [place]) or 0, share(now, [place]) or 0)
    )
    shown, rest = by_share[:_CATEGORIES], [*by_share[_CATEGORIES:], OWN_BINS + 1]
    rows = [(visible(names[place - 1]) or "(empty)", [place]) for place in shown]
    rows += [("all others", rest), ("not in the baseline", [0]), ("missing", [MISSING])]
    found = [Category(name, share(then, places), share(now, places)) for name, places in rows]
    return [each for each in found if each.then or each.now]


def columns(
    feature: BaselineFeature, then: Mapping[int, int], now: Mapping[int, int]
) -> Markup | None:
    """Draw the shares of numbers, or lengths of texts, bin by bin; None without any."""
    edges = feature.edges or []
    held = [place for place in range(len(edges) + 1) if then.get(place) or now.get(place)]
    if not held:
        return None
    # The ends only where something lies beyond the baseline.
    places = range(max(held[0], 0), held[-1] + 1)
    highest = max(share(counts, [place]) or 0 for counts in (then, now) for place in places)
    width = 100 / len(places)
    parts = []
    for index, place in enumerate(places):
        title = (
            f"{_range(edges, place)}: baseline {percent(share(then, [place]))},"
            f" window {percent(share(now, [place]))}"
        )
        parts.append(Markup("<g><title>{}</title>").format(title))
        for kind, counts, left, wide in (("then", then, 0.06, 0.88), ("now", now, 0.24, 0.52)):
            tall = round((_HEIGHT - 24) * (share(counts, [place]) or 0) / highest, 1)
            parts.append(
                Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>').format(
                    kind,
                    round((index + left) * width, 3),
                    round(_HEIGHT - 20 - tall, 1),
                    round(wide * width, 3),
                    tall,
                )
            )
        parts.append(Markup("</g>"))
    parts += _labels(edges, places, width)
    label = f"Distribution of {feature.feature} in its baseline and in the window"
    return charts.drawing(parts, _HEIGHT, label)


def _labels(edges: Sequence[float | None], places: range, width: float) -> Iterable[Markup]:
    # Where a bin begins; the first one below the baseline begins nowhere.
    inner = [index for index, place in enumerate(places) if place > 0]
    for index in inner[:: max(1, -(-len(inner) // _LABELS))]:
        at = round(index * width, 3)
        anchor = "start" if at < 4 else "end" if at > 96 else "middle"
        text = number(edges[places[index] - 1])
        yield Markup('<text class="tick" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
            at, _HEIGHT - 4, anchor, text
        )


def _range(edges: Sequence[float | None], place: int) -> str:
    if place == 0:
        return f"below {number(edges[0])}"
    if place == len(edges):
        return f"from {number(edges[-1])} on"
    return f"{number(edges[place - 1])} to {number(edges[place])}"


def _nan(feature: BaselineFeature) -> int:
    return len(feature.edges or ()) + 1
