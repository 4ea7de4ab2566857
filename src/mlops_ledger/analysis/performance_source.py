"""Where the performance of a window is answered from: its rows, or its summaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from ..checks.values import integer, number, text
from ..errors import InvalidValue
from ..rows.ground_truth import PerformanceState

GRID_THRESHOLD: Final = "must be a full percent above 0 and below 1"
SOURCES: Final = ("auto", "rows", "summaries")
# So many rows are read in some tenths of a second, and give exact numbers.
_FEW: Final = 10_000
_LONGEST: Final = 255
_UNSLICED: Final = (
    "not all of the window is counted by it: hours wait for a fold, or were deleted before"
)
_DELETED: Final = "rows of the window were deleted"


def is_grid_threshold(threshold: object) -> bool:
    """Say whether the summaries can tell who is above a threshold."""
    found = number("threshold", threshold)
    return 0 < found < 1 and round(found, 2) == found


def require_options(threshold: object, top_k: object, top_share: object) -> None:
    """Refuse what no row can answer."""
    if not 0 <= number("threshold", threshold) <= 1:
        raise InvalidValue("threshold", "must be between 0 and 1")
    _require_share(top_share)
    if integer(32)("top_k", top_k) < 1:
        raise InvalidValue("top_k", "must be at least 1")


def _require_share(top_share: object) -> None:
    if not 0 < number("top_share", top_share) <= 1:
        raise InvalidValue("top_share", "must be above 0 and at most 1")


def require_grid(threshold: object, top_share: object) -> None:
    """Refuse what no summary can answer."""
    if not is_grid_threshold(threshold):
        raise InvalidValue("threshold", GRID_THRESHOLD)
    _require_share(top_share)


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


def complete_slice(state: PerformanceState, asked: dict[str, Any]) -> None:
    """Name what a slice is by; raises InvalidValue where nothing tells."""
    if asked["slice"] is None:
        if asked["slice_key"] is not None:
            raise InvalidValue("slice", "is needed with slice_key")
        return
    # Values are known by their first characters.
    asked["slice"] = text("slice", asked["slice"])[:_LONGEST]
    if asked["slice_key"] is None:
        asked["slice_key"] = _declared(state)


def require_sliced(state: PerformanceState) -> None:
    """Raise InvalidValue where summaries do not know all of a slice."""
    _declared(state)
    if not state.is_sliced:
        raise InvalidValue("slice_key", _UNSLICED)


def _declared(state: PerformanceState) -> str:
    if state.slice_key is None:
        raise InvalidValue("slice_key", "the model has none: give one here, or declare one")
    return state.slice_key


def _suffice(state: PerformanceState, asked: Mapping[str, Any], is_folded: bool) -> bool:
    """Say whether summaries spare many rows and know all that is asked."""
    return (
        state.labeled_samples > _FEW
        and not (is_folded and state.is_pending)
        and not state.is_multiclass
        and state.is_own_label
        and (asked["slice"] is None or _knows_slice(state, asked))
        and is_grid_threshold(asked["threshold"])
    )


def _was_known(state: PerformanceState, asked: Mapping[str, Any]) -> bool:
    """Say whether all labels that summaries count were known at `as_of`."""
    last, as_of = state.last_labeled_at, asked["as_of"]
    return as_of is None or last is None or last <= as_of


def _knows_slice(state: PerformanceState, asked: Mapping[str, Any]) -> bool:
    return state.is_own_slice and bool(state.is_sliced) and asked["slice_key"] == state.slice_key


def _require_answerable(
    state: PerformanceState, asked: Mapping[str, Any], is_deleted: bool
) -> None:
    """Raise InvalidValue for what summaries alone cannot answer."""
    why = f": {_DELETED}" if is_deleted else " of summaries"
    if not is_grid_threshold(asked["threshold"]):
        raise InvalidValue("threshold", GRID_THRESHOLD + why)
    if is_deleted and not _was_known(state, asked):
        raise InvalidValue("as_of", f"must not be before the last label{why}")
    if asked["slice"] is not None:
        if asked["slice_key"] != state.slice_key:
            raise InvalidValue("slice_key", f"must be that of the model{why}")
        if not state.is_own_slice:
            raise InvalidValue("slice", f"must be one of the 50 values that are kept{why}")
    hour = timedelta(hours=1)
    for field in ("since", "until"):
        start = asked[field].replace(minute=0, second=0, microsecond=0)
        if start != asked[field] and is_deleted and state.first_hour <= start <= state.last_hour:
            raise InvalidValue(field, f"must be a full hour of UTC{why}, such as {start + hour}")
