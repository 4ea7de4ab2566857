"""Windows of time, and the buckets they are read in."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from ..errors import InvalidValue
from .values import number, span, timestamp


def look_back(until: object, length: object, field: str = "days") -> datetime:
    """Return the start of the window of so many days, or hours, before a timestamp."""
    number_of = number(field, length)
    unit = timedelta(hours=1) if field.endswith("hours") else timedelta(days=1)
    longest = 36_525 * timedelta(days=1) / unit
    if not 0 < number_of <= longest:
        raise InvalidValue(field, f"must be above 0 and at most {longest:.0f}")
    try:
        return timestamp("until", until) - number_of * unit
    except OverflowError:
        raise InvalidValue(field, "reach back before the year 1") from None


def nothing_live(model_name: str, at: object) -> str:
    """Say that a model has no version in production, now or at the time that was asked for."""
    if at is None:
        return f"no version of model {model_name} is in production"
    found = timestamp("until", at)
    verb = "is" if found > datetime.now(UTC) else "was"
    time = found.isoformat().replace("+00:00", "Z")
    return f"no version of model {model_name} {verb} in production at {time}"


def require_model(model_name: object, model_version: object) -> None:
    """Refuse a version of no model: its number alone says nothing."""
    if model_name is None and model_version is not None:
        raise InvalidValue("model_name", "is needed with model_version")


def require_order(since: object, until: object) -> None:
    """Refuse a window that ends where it begins, or before; None is an open end."""
    if since is None or until is None:
        return
    if timestamp("until", until) <= timestamp("since", since):
        raise InvalidValue("until", "must be after since")


def full_hour(field: str, value: object) -> datetime:
    """Accept the start of an hour in UTC; None is that of the present one."""
    found = datetime.now(UTC) if value is None else timestamp(field, value)
    start = found.replace(minute=0, second=0, microsecond=0)
    if value is not None and found != start:
        raise InvalidValue(field, "must be a full hour of UTC: summaries are by the hour")
    return start


def full_hours(since: object, until: object) -> tuple[datetime, datetime]:
    """Accept a window of full hours."""
    start, end = full_hour("since", since), full_hour("until", until)
    require_order(start, end)
    return start, end


def full_buckets(since: object, until: object, bucket: object) -> tuple[datetime, datetime]:
    """Accept a window of full hours that has at most 1000 buckets of full hours."""
    start, end = full_hours(since, until)
    if span("bucket", bucket) % timedelta(hours=1):
        raise InvalidValue("bucket", "must be full hours: summaries are by the hour")
    bucket_count(bucket, (end - start) / timedelta(days=1))
    return start, end


def bucket_count(bucket: object, days: object) -> int:
    """Return the number of buckets in a window of so many days; at most 1000."""
    buckets = math.ceil(timedelta(days=number("days", days)) / span("bucket", bucket))
    if buckets > 1000:
        raise InvalidValue("bucket", "must be longer: the window would have more than 1000 of them")
    return buckets
