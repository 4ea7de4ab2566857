"""What a prediction may hold, checked the same way for one row, many rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ..errors import InvalidValue
from ..errors.checks import INVALID
from ..ids import new_id, time_of
from . import values
from .classes import class_name
from .missing import without_missing
from .plain import is_missing, plain
from .prediction_fields import ALONE
from .rows import by_name

OUT_OF_TIME: Final = "must lie between the year 2000 and now"
CONTRADICTS: Final = "contradicts predicted_at: make it with new_id(predicted_at)"
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks differ a little.
_AHEAD: Final = timedelta(minutes=1)
# What the check of the SQL type is not enough for.
_NARROW: Final = [
    field
    for field in ALONE.values()
    if field.words or field.named or field.sql_type == "double precision"
]


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version that predicts, the features it takes and its classes, if it names them."""

    id: UUID
    feature_names: list[str] | None
    class_names: list[str] | None


def latest_timestamp() -> datetime:
    """Return the last timestamp at which a prediction may have been made."""
    return datetime.now(UTC) + _AHEAD


def predicted_at(at: object, id: object) -> datetime:
    """Return when a prediction was made: as given, else as its id says, else now."""
    at = None if is_missing(at) else at
    if at is not None:
        found = values.timestamp("predicted_at", at)
    elif id is not None:
        found = _timestamp_of(values.uuid("id", id))
    else:
        return datetime.now(UTC)
    if not EARLIEST <= found <= latest_timestamp():
        field = "id" if at is None else "predicted_at"
        raise InvalidValue(field, OUT_OF_TIME)
    return found


def checked(version: KnownVersion, row: Mapping[str, Any]) -> dict[str, Any]:
    """Check one row and return the parameters of the statement that stores it."""
    row = {name: None if is_missing(value) else value for name, value in row.items()}
    if version.feature_names is None and isinstance(by_name(row["features"]), Mapping):
        row = with_inputs(row)
    at = predicted_at(row["predicted_at"], row["id"])
    found = {**row, "predicted_at": at, "model_version_id": version.id}
    found["id"] = new_id(at) if row["id"] is None else values.uuid("id", row["id"])
    if found["id"].int >> 80 != new_id(at).int >> 80:
        raise InvalidValue("id", CONTRADICTS)
    if row["features"] is not None:
        found["features"] = feature_list(version.feature_names, row["features"])
    if row["class_probabilities"] is not None:
        found["class_probabilities"] = class_probabilities(
            version.class_names, row["class_probabilities"]
        )
    for document in ("inputs", "metadata"):
        found[document] = without_missing(row[document])
    for field in _NARROW:
        if row[field.name] is None:
            found[field.name] = field.default
        else:
            found[field.name] = field.check(field.name, row[field.name])
    interval(found["confidence_lower"], found["confidence_upper"])
    return found


def interval(lower: float | None, upper: float | None) -> None:
    """Refuse an interval that ends before it begins."""
    if lower is not None and upper is not None and lower > upper:
        raise InvalidValue(*INVALID["predictions_interval_check"])


def feature_list(names: list[str] | None, features: Any) -> list[float | None]:
    """Put the features of a row into the version's order, or name what does not fit."""
    features = by_name(features)
    if isinstance(features, Mapping):
        if names is None:
            raise InvalidValue("features", "have names, and the version names none: use inputs")
        if unknown := [str(name) for name in features if name not in set(names)]:
            raise InvalidValue(f"features.{unknown[0]}", "is not a feature of this version")
        if missing := [name for name in names if name not in features]:
            raise InvalidValue(f"features.{missing[0]}", "is missing")
        return [values.feature(f"features.{name}", features[name]) for name in names]
    found = values.features("features", features)
    if names is not None and len(found) != len(names):
        raise InvalidValue("features", f"must be {len(names)} numbers, not {len(found)}")
    return found


def shares(field: str, value: Any) -> list[float]:
    """Accept a list of probabilities."""
    given = plain(value)
    if not isinstance(given, list | tuple) or not given:
        raise InvalidValue(field, "must be a list of probabilities, one of each class")
    # Nearly always plain floats; the sum tells NaN.
    if set(map(type, given)) == {float} and sum(given) >= 0 <= min(given) and max(given) <= 1:
        return [share + 0.0 for share in given]  # makes a negative zero positive
    return [
        ALONE["probability"].check(f"{field}[{index}]", item) for index, item in enumerate(given)
    ]


def class_probabilities(names: list[str] | None, value: Any) -> list[float]:
    """Put the probabilities of the classes, given by name or in order, into the version's order."""
    field = "class_probabilities"
    if names is None:
        raise InvalidValue(field, "needs a version that is registered with class_names")
    value = by_name(value)
    if isinstance(value, Mapping):
        given = {class_name(field, name): item for name, item in value.items()}
        if set(given) != set(names):
            raise InvalidValue(field, "must name exactly the classes of the version")
        value = [given[name] for name in names]
    found = shares(field, value)
    if len(found) != len(names):
        raise InvalidValue(field, f"must be {len(names)} probabilities, not {len(found)}")
    return found


def with_inputs(row: Mapping[str, Any]) -> dict[str, Any]:
    """Move features given by name into the inputs, for a version that names none."""
    features, inputs = by_name(row["features"]), row.get("inputs")
    if inputs is not None and not isinstance(inputs, Mapping):
        raise InvalidValue("inputs", "must be a mapping, to hold the features as well")
    inputs = inputs or {}
    if twice := sorted(str(name) for name in inputs if name in features):
        raise InvalidValue(f"inputs.{twice[0]}", "is given among the features too")
    return {**row, "features": None, "inputs": {**features, **inputs}}


def _timestamp_of(id: UUID) -> datetime:
    try:
        return time_of(id)
    except OverflowError:
        raise InvalidValue("id", "is not a UUIDv7: make it with new_id()") from None
