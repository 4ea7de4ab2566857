"""Two versions on the same window: how far apart a metric is, and how sure that is.

Each value gets an interval of its own: shares that of Wilson (1927), `roc_auc` the one from the
standard error of DeLong, DeLong and Clarke-Pearson (1988), mean losses the one from theirs. The
interval of the difference is made from both (MOVER, Zou and Donner 2008; of two shares it is
method 10 of Newcombe 1998). It takes the versions' predictions for independent of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from ..checks.values import number
from ..errors import InvalidValue
from ..rows.ground_truth import Performance, VersionComparison

# Whether more is better.
METRICS: Final = {
    **dict.fromkeys(("accuracy", "precision", "recall", "specificity", "f1_score"), True),
    **dict.fromkeys(("balanced_accuracy", "roc_auc"), True),
    **dict.fromkeys(("log_loss", "brier_score", "mae"), False),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, and what it is a mean over."""

    value: float
    lower: float
    upper: float
    n: int


def checked(metric: object, confidence: object) -> float:
    """Accept a metric and a confidence; raises InvalidValue."""
    if not isinstance(metric, str) or metric not in METRICS:
        raise InvalidValue("metric", f"must be one of {', '.join(METRICS)}")
    found = number("confidence", confidence)
    if not 0 < found < 1:
        raise InvalidValue("confidence", "must be between 0 and 1")
    return found


def compare(
    one: Performance, other: Performance, metric: str, confidence: float
) -> VersionComparison:
    """Compare a metric of two versions in the same window, after `checked`."""
    # It takes a while to import.
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    first, second = _estimate(one, metric, z), _estimate(other, metric, z)
    reason = None
    difference = lower = upper = None
    for each, found in ((one, first), (other, second)):
        if found is None:
            why = each.reasons.get(metric) or "too few labelled predictions for an interval"
            reason = reason or f"version {each.model_version}: {why}"
    if first is not None and second is not None:
        difference = first.value - second.value
        lower = difference - math.hypot(first.value - first.lower, second.upper - second.value)
        upper = difference + math.hypot(first.upper - first.value, second.value - second.lower)
    return VersionComparison(
        model_name=one.model_name,
        model_version=str(one.model_version),
        against=str(other.model_version),
        since=one.since,
        until=one.until,
        metric=metric,
        higher_is_better=METRICS[metric],
        value=getattr(one, metric),
        against_value=getattr(other, metric),
        n=0 if first is None else first.n,
        against_n=0 if second is None else second.n,
        difference=difference,
        lower=lower,
        upper=upper,
        confidence=confidence,
        reason=reason,
        pending_since=min(filter(None, (one.pending_since, other.pending_since)), default=None),
    )


def wilson(hits: float, n: float, z: float) -> tuple[float, float]:
    """Return the interval of Wilson (1927) of a share of n."""
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At both ends the limit is the share itself, which rounding would miss.
    return (0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half)


def _estimate(found: Performance, metric: str, z: float) -> Estimate | None:
    value = getattr(found, metric)
    if value is None:
        return None
    if metric in ("roc_auc", "log_loss", "brier_score", "mae"):
        if metric not in found.standard_errors:
            return None
        half = z * found.standard_errors[metric]
        if metric == "roc_auc":
            # Of bins the value itself may be off by so much.
            half += found.roc_auc_error or 0
        return Estimate(value, value - half, value + half, found.labeled_samples)
    if found.classes is None:
        return None
    if metric == "balanced_accuracy":
        return _mean_recall(found.classes, value, z)
    hits, n = _share(found, found.classes, metric)
    lower, upper = wilson(hits, n, z)
    if metric == "f1_score":
        # 2 q / (1 + q) of the share q of hits among all that is predicted or true.
        lower, upper = (2 * q / (1 + q) for q in (lower, upper))
    return Estimate(value, lower, upper, n)


def _share(found: Performance, classes: list[dict[str, Any]], metric: str) -> tuple[int, int]:
    """Return the hits and the number that a share is of."""
    hits = {row["class"]: round(row["support"] * (row["recall"] or 0)) for row in classes}
    support = {row["class"]: round(row["support"]) for row in classes}
    if metric == "accuracy":
        return sum(hits.values()), sum(support.values())
    positive = str(found.positive_label)
    predicted = {row["class"]: round(row["predicted"]) for row in classes}.get(positive, 0)
    true, right = support.get(positive, 0), hits.get(positive, 0)
    if metric == "precision":
        return right, predicted
    if metric == "recall":
        return right, true
    if metric == "specificity":
        others = sum(support.values()) - true
        return others - (predicted - right), others
    return right, true + predicted - right


def _mean_recall(classes: list[dict[str, Any]], value: float, z: float) -> Estimate:
    """Return the mean of the recalls of the classes that have labels, by MOVER."""
    below = above = 0.0
    known = [row for row in classes if row["support"]]
    for row in known:
        lower, upper = wilson(row["support"] * row["recall"], row["support"], z)
        below = math.hypot(below, row["recall"] - lower)
        above = math.hypot(above, upper - row["recall"])
    n = round(sum(row["support"] for row in known))
    return Estimate(value, value - below / len(known), value + above / len(known), n)
