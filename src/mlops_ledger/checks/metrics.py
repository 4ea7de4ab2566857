"""What a write of metrics may hold, and the buckets they are read in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from ..errors import InvalidValue
from ..ids import id_for, new_id, time_of
from . import values, windows
from .predictions import EARLIEST, latest_timestamp
from .rows import rows_of

Row: TypeAlias = tuple[Any, ...]

_DAY: Final = timedelta(days=1)
# Lengths of the units of the calendar, the shortest month for the longest series.
_UNITS: Final[Mapping[str, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 28 * _DAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a table of metrics in the order of its COPY statements."""

    types: Mapping[str, str]
    required: Sequence[str]
    defaults: Mapping[str, Any] = field(default_factory=dict)


PERFORMANCE: Final = Columns(
    types={
        "id": "uuid",
        "timestamp": "timestamptz",
        "model_name": "text",
        "model_version_id": "uuid",
        "metric_type": "text",
        "metric_name": "text",
        "metric_value": "double precision",
        "stage": "text",
        "dataset_version": "text",
        "slice": "text",
        "metadata": "jsonb",
    },
    required=("model_name", "metric_name", "metric_value"),
    defaults={"metric_type": "performance", "stage": "production", "slice": "", "metadata": "{}"},
)
SYSTEM: Final = Columns(
    types={
        "id": "uuid",
        "timestamp": "timestamptz",
        "host": "text",
        "metric_name": "text",
        "metric_value": "double precision",
        "unit": "text",
        "attributes": "jsonb",
    },
    required=("host", "metric_name", "metric_value"),
    defaults={"attributes": "{}"},
)


def checked(
    columns: Columns, rows: Iterable[Mapping[str, Any]], idempotency_key: object
) -> list[Row]:
    """Check the rows of a write and put them into the order of the columns.

    A row without an id gets one of the write and its own place, so that a write which is repeated
    has the same ids; one without a timestamp is of the time of the write. Raises InvalidValue
    naming the row and its field.
    """
    write = new_id() if idempotency_key is None else values.uuid("idempotency_key", idempotency_key)
    if write.version != 7:
        raise InvalidValue("idempotency_key", "is not a UUIDv7: make it with new_id()")
    found = []
    for place, row in enumerate(rows_of("rows", rows)):
        try:
            found.append(_checked(columns, row, write, place))
        except InvalidValue as error:
            where = f"rows[{place}].{error.field}"
            raise InvalidValue(where, error.problem) from None
    return found


def _checked(columns: Columns, row: Mapping[str, Any], write: UUID, place: int) -> Row:
    if unknown := [str(name) for name in row if name not in columns.types]:
        raise InvalidValue(unknown[0], "is not a field of a metric")
    if missing := [name for name in columns.required if row.get(name) is None]:
        raise InvalidValue(missing[0], "is required")
    at = row.get("timestamp")
    at = time_of(write) if at is None else values.timestamp("timestamp", at)
    if not EARLIEST <= at <= latest_timestamp():
        raise InvalidValue("timestamp", "must lie between the year 2000 and now")
    computed: dict[str, object] = {"timestamp": at}
    if row.get("id") is None:
        computed["id"] = id_for(f"{write} {place}", at)
    given = {name: value for name, value in row.items() if value is not None}
    return tuple(
        computed[name]
        if name in computed
        else values.CHECKS[kind](name, given[name])
        if name in given
        else columns.defaults.get(name)
        for name, kind in columns.types.items()
    )


def window(since: object, until: object, days: float) -> tuple[datetime, datetime]:
    """Return a window of time: up to now, and so many days long, unless it is given."""
    end = datetime.now(UTC) if until is None else values.timestamp("until", until)
    start = windows.look_back(end, days) if since is None else values.timestamp("since", since)
    if start >= end:
        raise InvalidValue("until", "must be after since")
    return start, end


def buckets(
    bucket: str | timedelta, since: datetime, until: datetime
) -> tuple[str | None, timedelta | None]:
    """Return the buckets of a window as a unit of the calendar or as a length of time.

    Raises InvalidValue when there are more than 1000 of them.
    """
    if isinstance(bucket, str) and bucket not in _UNITS:
        raise InvalidValue("bucket", f"must be one of {', '.join(_UNITS)}, or a timedelta")
    unit = bucket if isinstance(bucket, str) else None
    step = _UNITS[unit] if unit else bucket
    windows.bucket_count(step, (until - since) / _DAY)
    return unit, None if unit else values.span("bucket", bucket)
