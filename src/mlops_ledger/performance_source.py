"""Where the performance of a window is answered from: its rows, or its summaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from .checks.values import number
from .errors import InvalidValue
from .rows.ground_truth import PerformanceState

GRID_THRESHOLD: Final = "must be a full percent above 0 and below 1"
SOURCES: Final = ("auto", "rows", "summaries")
# So many rows are read in some tenths of a second, and give exact numbers.
_FEW: Final = 10_000
_DELETED: Final = "rows of the window were deleted"


def is_grid_threshold(threshold: object) -> bool:
    """Say whether the summaries can tell who is above a threshold."""
    found = number("threshold", threshold)
    return 0 < found < 1 and round(found, 2) == found


def preferred_source(
    state: PerformanceState, asked: Mapping[str, Any], *, is_folded: bool = False
) -> str:
    """Return rows or summaries; `is_folded` says that what could be folded was.

    Raises InvalidValue for what neither can answer, and for an unknown source.
    """
    source = asked["source"]
    if not isinstance(source, str) or source not in SOURCES:
        raise InvalidValue("source", "must be auto, rows or summaries")
    is_deleted = state.first_hour is not None
    if source == "rows" and is_deleted:
        raise InvalidValue("source", f"{_DELETED}: only summaries know them")
    if source == "rows" or (source == "auto" and not is_deleted):
        suffice = source == "auto" and _suffice(state, asked, is_folded)
        return "summaries" if suffice else "rows"
    _require_answerable(state, asked, is_deleted)
    return "summaries"


def _suffice(state: PerformanceState, asked: Mapping[str, Any], is_folded: bool) -> bool:
    """Say whether summaries spare many rows and know all that is asked."""
    return (
        state.labeled_samples > _FEW
        and not (is_folded and state.is_pending)
        and not state.is_multiclass
        and asked["as_of"] is None
        and asked["positive_label"] is None
        and is_grid_threshold(asked["threshold"])
    )


def _require_answerable(
    state: PerformanceState, asked: Mapping[str, Any], is_deleted: bool
) -> None:
    """Raise InvalidValue for what summaries alone cannot answer."""
    why = f": {_DELETED}" if is_deleted else " of summaries"
    if not is_grid_threshold(asked["threshold"]):
        raise InvalidValue("threshold", GRID_THRESHOLD + why)
    if asked["as_of"] is not None:
        raise InvalidValue("as_of", "must be None" + why)
    hour = timedelta(hours=1)
    for field in ("since", "until"):
        start = asked[field].replace(minute=0, second=0, microsecond=0)
        if start != asked[field] and is_deleted and state.first_hour <= start <= state.last_hour:
            raise InvalidValue(field, f"must be a full hour of UTC{why}, such as {start + hour}")
