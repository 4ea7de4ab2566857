"""Values that stand for one that is not there: NaN, NaT and NA, as data frames have them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ..errors import InvalidValue
from .values import json, plain


def is_missing(value: object) -> bool:
    """Return whether a value stands for one that is not there: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    if isinstance(value, float | Decimal) or type(value).__module__.partition(".")[0] == "numpy":
        return getattr(value, "ndim", 0) == 0 and bool(value != value)
    return type(value).__name__ in ("NaTType", "NAType")


def without_missing(value: object) -> object:
    """Return a JSON document with None for every value that is missing."""
    if isinstance(value, Mapping):
        return {name: without_missing(item) for name, item in value.items()}
    value = plain(value)
    if isinstance(value, list | tuple):
        return [without_missing(item) for item in value]
    return None if is_missing(value) else value


def document(field: str, value: object) -> str:
    """Encode a document as JSON; in it a missing value is null."""
    try:
        return json(field, value)
    except InvalidValue:
        return json(field, without_missing(value))
