"""What metrics may hold, and the buckets they are read in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..errors import InvalidValue
from . import values, windows
from .predictions import EARLIEST, latest_timestamp

OUT_OF_TIME: Final = "must lie between the year 2000 and now"
_DAY: Final = timedelta(days=1)
# Lengths of the units of the calendar, the shortest month for the longest series.
UNITS: Final[Mapping[str, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 28 * _DAY,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of metrics."""

    name: str
    sql_type: str
    _: KW_ONLY
    is_required: bool = False
    default: Any = None
    # Of numbers; how large they may be the database says.
    low: float = -values.LARGEST
    high: float = values.LARGEST
    words: tuple[str, ...] = ()


# In the order of the column lists of the COPY statements.
PERFORMANCE: Final = (
    Column("id", "uuid"),
    Column("timestamp", "timestamptz"),
    Column("model_name", "text", is_required=True),
    Column("model_version_id", "uuid"),
    Column("metric_type", "text", default="performance"),
    Column("metric_name", "text", is_required=True),
    Column("metric_value", "double precision", is_required=True),
    Column("stage", "text", default="production"),
    Column("step", "bigint"),
    Column("dataset_version", "text"),
    Column("slice", "text", default=""),
    Column("metadata", "jsonb", default={}),
)
SYSTEM: Final = (
    Column("id", "uuid"),
    Column("timestamp", "timestamptz"),
    Column("host", "text", is_required=True),
    Column("metric_name", "text", is_required=True),
    Column("metric_value", "double precision", is_required=True),
    Column("unit", "text"),
    Column("attributes", "jsonb", default={}),
)


def measured_at(at: object) -> datetime:
    """Accept the timestamp of a metric."""
    found = values.timestamp("timestamp", at)
    if not EARLIEST <= found <= latest_timestamp():
        raise InvalidValue("timestamp", OUT_OF_TIME)
    return found


def window(since: object, until: object, days: float) -> tuple[datetime, datetime]:
    """Return a window of time: up to now, and so many days long, unless it is given."""
    end = datetime.now(UTC) if until is None else values.timestamp("until", until)
    start = windows.look_back(end, days) if since is None else values.timestamp("since", since)
    windows.require_order(start, end)
    return start, end


def buckets(
    bucket: str | timedelta, since: datetime, until: datetime
) -> tuple[str | None, timedelta | None]:
    """Return the buckets of a window as a unit of the calendar or as a length of time.

    Raises InvalidValue when there are more than 1000 of them.
    """
    if isinstance(bucket, str) and bucket not in UNITS:
        raise InvalidValue("bucket", f"must be one of {', '.join(UNITS)}, or a timedelta")
    unit = bucket if isinstance(bucket, str) else None
    step = UNITS[unit] if unit else bucket
    windows.bucket_count(step, (until - since) / _DAY)
    return unit, None if unit else values.span("bucket", bucket)
