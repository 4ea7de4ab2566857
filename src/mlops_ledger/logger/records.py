"""What is logged: checked and encoded in the caller, so that mistakes are raised where they are.

A record is JSON, readable years later. JSON has no NaN and no infinity, so features that are not
finite stand beside it, by their name or place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final
from uuid import UUID

import orjson

from ..checks import predictions as fields
from ..checks import values
from ..checks.classes import class_name
from ..checks.missing import document
from ..checks.plain import is_missing
from ..checks.prediction_fields import ALONE, Check
from ..checks.rows import by_name
from ..errors import InvalidValue
from ..ids import id_of_now, new_id
from .registration import Registration

MAX_BYTES: Final = 4_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FLOATS: Final = {float}


class UnknownField(InvalidValue):
    """A prediction has an unknown field; of a call, an unknown argument."""


def encode(
    registration: Registration, given: Mapping[str, Any], fitting: bool
) -> tuple[UUID, bytes]:
    """Check a prediction and return its id and its record.

    The version need not be registered, and features need not fit it, unless they must be
    `fitting`. Raises InvalidValue, NotFound.
    """
    if fitting:
        registration.require()
    record = registration.version.copy()
    for name, value in given.items():
        if value is not None:
            try:
                check = _CHECKS[name]
            except KeyError:
                raise UnknownField(str(name), "is not a field of a prediction") from None
            try:
                record[name] = check(name, value)
            except InvalidValue:
                if not is_missing(value):
                    raise
    if "confidence_lower" in record:
        fields.interval(record["confidence_lower"], record.get("confidence_upper"))
    if "features" in record:
        features = record["features"]
        plain = _plain(features.values() if isinstance(features, dict) else features)
        if fitting:
            registration.require_fit(given, features, plain)
        # Plain ones are copied by being encoded: the caller may change his own afterwards.
        if not plain:
            _add_odd_features(record, features)
    if "id" in record or "predicted_at" in record:
        id = _place_in_time(record)
    else:
        id, record["predicted_at"] = id_of_now()
    record["id"] = id
    try:
        data = orjson.dumps(record)
    except TypeError:
        raise InvalidValue("features", "has a name that is not valid text") from None
    if len(data) > MAX_BYTES:
        raise InvalidValue("prediction", f"is longer than {MAX_BYTES:,} bytes as JSON")
    return id, data


def decode(data: bytes) -> dict[str, Any]:
    """Return a record as a row for `insert_many`."""
    record = load(data)
    record["predicted_at"] = datetime.fromtimestamp(record["predicted_at"] / 1e6, UTC)
    record["id"] = UUID(record["id"])
    return record


def load(data: bytes) -> dict[str, Any]:
    """Return a record as a row whose time and id are still those of the JSON."""
    record: dict[str, Any] = orjson.loads(data)
    if special := record.pop("not_finite", None):
        features = record["features"]
        for place, text in special:
            features[place] = float(text)
    return record


def readable(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record's JSON as people want to see it, fit for JSON."""
    shown = {**record, "predicted_at": datetime.fromtimestamp(record["predicted_at"] / 1e6, UTC)}
    for place, text in shown.pop("not_finite", ()):
        shown["features"][place] = text
    return shown


def _place_in_time(record: dict[str, Any]) -> UUID:
    """Set predicted_at, in microseconds since 1970, and return the id, which begins with it."""
    id, at = record.get("id"), record.get("predicted_at")
    at = fields.predicted_at(at, id)
    since = at - _EPOCH
    record["predicted_at"] = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    if id is None:
        return new_id(at)
    if id.int >> 80 != record["predicted_at"] // 1000:
        raise InvalidValue("id", fields.CONTRADICTS)
    return UUID(int=id.int)


def _add_odd_features(record: dict[str, Any], features: Any) -> None:
    by_name = isinstance(features, Mapping)
    kept = dict(features.items() if by_name else enumerate(features))
    special = []
    for place, value in kept.items():
        # NumPy's own floats, of any size.
        number = value.item() if type(value).__module__ == "numpy" else value
        if isinstance(number, float) and not isfinite(number):
            special.append((place, str(number)))
            kept[place] = None
    checked = values.json("features", kept if by_name else list(kept.values()))
    record["features"] = orjson.Fragment(checked)
    if special:
        record["not_finite"] = special


def _plain(numbers: Iterable[Any]) -> bool:
    """Return whether all are finite numbers that JSON writes as they are."""
    kinds = set(map(type, numbers))
    if kinds == _FLOATS:
        return isfinite(sum(numbers))
    return kinds <= {float, int} and all(
        -values.EXACT < number < values.EXACT for number in numbers
    )


def _features(field: str, value: Any) -> Any:
    if type(value) is dict:
        return value
    value = by_name(value)
    return dict(value) if isinstance(value, Mapping) else values.features(field, value)


def _json(field: str, value: Any) -> Any:
    return orjson.Fragment(document(field, value))


def _class_probabilities(field: str, value: Any) -> Any:
    """Accept probabilities; whether they are those of the version's classes shows later."""
    value = by_name(value)
    if not isinstance(value, Mapping):
        return fields.shares(field, value)
    names = [class_name(field, name) for name in value]
    return dict(zip(names, fields.shares(field, list(value.values())), strict=True))


def _address(field: str, value: Any) -> str:
    return str(values.address(field, value))


# How a record writes what JSON does not know.
_BY_TYPE: Final[Mapping[str, Check]] = {"jsonb": _json, "inet": _address}
_CHECKS: Final[Mapping[str, Check]] = {
    **{name: _BY_TYPE.get(field.sql_type, field.check) for name, field in ALONE.items()},
    "features": _features,
    "class_probabilities": _class_probabilities,
    "predicted_at": values.timestamp,
    "id": values.uuid,
}
