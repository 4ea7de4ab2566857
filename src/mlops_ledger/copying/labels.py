"""Encodes labels for COPY in the binary format of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import Any, Final
from uuid import UUID

from ..checks import values
from ..checks.classes import present_class
from ..checks.plain import is_missing
from ..checks.predictions import EARLIEST, latest_timestamp
from ..errors import InvalidValue
from ..ids import microseconds_of, time_of, whole_millisecond
from .batch import CHUNK
from .binary import EIGHT, EPOCH_MICROSECONDS, HEADER, NULL, SIXTEEN, TRAILER, microseconds
from .encoders import Encoder, encoder, joined, repeated, text_encoder
from .rows import ENCODERS

_NO_PREDICTION: Final = "is not the id of a prediction"
_PREDICTION: Final = Struct("!4s16s4sq4sq").pack


def present(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a label with None for what data frames and NumPy have where nothing is."""
    return {name: None if is_missing(value) else value for name, value in row.items()}


def require_target_and_truth(has_id: bool, has_request: bool, has_truth: bool) -> None:
    """Refuse a label that is about nothing, about two things, or says nothing."""
    if has_id == has_request:
        raise InvalidValue("prediction_id", "give either a prediction_id or a request_id")
    if not has_truth:
        raise InvalidValue("actual_label", "give an actual_label, an actual_value or both")


def predicted_from(prediction_id: object) -> datetime:
    """Return when a prediction was made, to the millisecond, as its id says."""
    try:
        at = time_of(values.uuid("prediction_id", prediction_id))
    except OverflowError:
        at = None
    if at is None or not EARLIEST <= at <= latest_timestamp():
        raise InvalidValue("prediction_id", _NO_PREDICTION)
    return whole_millisecond(at)


def encode(rows: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[bytes]:
    """Yield the COPY data of labels; one without labeled_at is of now.

    Raises InvalidValue naming the row and its field.
    """
    # The columns in the order of the COPY statement; an id makes three of them.
    labeled_at = encoder("labeled_at", "timestamptz")
    template = [b"\0\n", NULL * 3, NULL, labeled_at(now), *[NULL] * 5]
    fields = {
        **_FIELDS,
        "prediction_id": (1, _target(latest_timestamp())),
        "labeled_at": (3, repeated(labeled_at)),
    }
    yield HEADER
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        yield joined((_encoded(row, fields, template.copy()) for row in chunk), start)
    yield TRAILER


def _encoded(
    row: Mapping[str, Any], fields: Mapping[str, tuple[int, Encoder]], parts: list[bytes]
) -> bytes:
    for name, value in row.items():
        if value is not None:
            try:
                place, encode_value = fields[name]
            except KeyError:
                raise InvalidValue(str(name), "is not a field of a label") from None
            try:
                parts[place] = encode_value(value)
            except InvalidValue:
                if not is_missing(value):
                    raise
    target, request, _, label, number = parts[1:6]
    require_target_and_truth(
        len(target) > 12, request is not NULL, label is not NULL or number is not NULL
    )
    return b"".join(parts)


def _target(latest: datetime) -> Encoder:
    limit = microseconds(latest)

    def encode_target(value: Any) -> bytes:
        number = value.int if type(value) is UUID else values.uuid("prediction_id", value).int
        timestamp = microseconds_of(number >> 64) - EPOCH_MICROSECONDS
        if not 0 <= timestamp <= limit:
            raise InvalidValue("prediction_id", _NO_PREDICTION)
        since = timestamp // 1000 * 1000
        return _PREDICTION(SIXTEEN, number.to_bytes(16), EIGHT, timestamp, EIGHT, since)

    return encode_target


_FIELDS: Final[Mapping[str, tuple[int, Encoder]]] = {
    "request_id": (2, ENCODERS["request_id"]),
    "actual_label": (4, text_encoder("actual_label", present_class)),
    "actual_value": (5, encoder("actual_value", "double precision")),
    "source": (6, encoder("source", "text")),
    "model_name": (7, encoder("model_name", "text")),
    "model_version": (8, encoder("model_version", "text")),
}
