"""JSON documents with values that are not there: NaN, NaT and NA, as data frames have them."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import InvalidValue
from .plain import is_missing, plain
from .values import MAX_DEPTH, json


def without_missing(value: object, depth: int = 0) -> object:
    """Return a JSON document with None for every value that is missing."""
    if depth > MAX_DEPTH:
        return value  # too deep to be written, as its check will say
    if isinstance(value, Mapping):
        return {name: without_missing(item, depth + 1) for name, item in value.items()}
    value = plain(value)
    if isinstance(value, list | tuple):
        return [without_missing(item, depth + 1) for item in value]
    return None if is_missing(value) else value


def document(field: str, value: object) -> str:
    """Encode a document as JSON; in it a missing value is null."""
    try:
        return json(field, value)
    except InvalidValue:
        return json(field, without_missing(value))
