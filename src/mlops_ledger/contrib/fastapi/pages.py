"""Parameters and shapes that routes share: windows, pages, names."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Path, Query
from pydantic import AwareDatetime

from ...checks import values
from ...checks.windows import require_order
from ...errors import InvalidValue
from ...rows import PredictionStats

_DEFAULT_WINDOW: Final = timedelta(hours=24)
# What PostgreSQL can hold: no zero byte.
_TEXT: Final = r"^[^\x00]+$"
_LONGEST: Final = 500

Row = TypeVar("Row")

ModelName = Annotated[
    str, Query(max_length=_LONGEST, pattern=_TEXT, description="The model.", examples=["churn"])
]
ModelVersion = Annotated[
    str | None, Query(max_length=_LONGEST, pattern=_TEXT, description="One version only.")
]
ModelInPath = Annotated[
    str, Path(max_length=_LONGEST, pattern=_TEXT, description="The model.", examples=["churn"])
]
Filter = Annotated[str | None, Query(max_length=_LONGEST, pattern=_TEXT)]
Slot = Annotated[
    str, Query(max_length=_LONGEST, pattern=_TEXT, description="A place in production.")
]
Timestamp = Annotated[AwareDatetime | None, Query(description="With a time zone.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows of a page.")]
Before = Annotated[UUID | None, Query(description="`next_before` of the page before.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Rows, newest first; `next_before` asks for the next page, null on the last one."""

    items: list[Row]
    next_before: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPage(Generic[Row]):
    """Rows by name; `next_after` asks for the next page, null on the last one."""

    items: list[Row]
    next_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The predictions with since <= predicted_at < until."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(PredictionStats):
    """The predictions of a window in numbers; what there is nothing to compute from is null."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShare:
    """How often a label was predicted; `share` is that of all predictions of the window."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDistribution:
    """The most frequent labels of a window, at most 1000, the most frequent first."""

    since: datetime
    until: datetime
    count: int
    labels: list[LabelShare]


def window(
    since: Annotated[
        AwareDatetime | None, Query(description="24 hours before `until` by default.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Now by default.")] = None,
) -> Window:
    """Return the window that was asked for. Raises InvalidValue when it is empty."""
    end = datetime.now(UTC) if until is None else values.timestamp("until", until)
    try:
        start = end - _DEFAULT_WINDOW if since is None else values.timestamp("since", since)
    except OverflowError:
        raise InvalidValue("until", "is too early") from None
    require_order(start, end)
    return Window(since=start, until=end)


CurrentWindow = Annotated[Window, Depends(window)]


def page(rows: list[Row], limit: int, key: str = "id") -> Page[Row]:
    """Return a page of rows that were asked for with a limit."""
    return Page(items=rows, next_before=getattr(rows[-1], key) if len(rows) == limit else None)


def summary(within: Window, stats: PredictionStats) -> Summary:
    """Return the numbers of a window with the window."""
    return Summary(**asdict(stats), **asdict(within))


def distribution(within: Window, stats: PredictionStats) -> LabelDistribution:
    """Return the labels of a window, the most frequent first."""
    by_count = sorted(stats.label_distribution.items(), key=lambda item: (-item[1], item[0]))
    labels = [
        LabelShare(label=label, count=count, share=count / stats.count) for label, count in by_count
    ]
    fields: dict[str, Any] = asdict(within)
    return LabelDistribution(**fields, count=stats.count, labels=labels)
