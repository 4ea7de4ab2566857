"""Names of classes: texts, or the numbers that a classifier has for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from ..errors import InvalidValue
from .plain import kind, plain
from .values import integer, number, text

# Parameters and fields that hold one.
CLASSES: Final = frozenset({"predicted_label", "actual_label", "positive_label"})


def class_name(field: str, value: object) -> str | None:
    """Accept a class as text, or a number as `ledger_class` writes it (True is 1), or None."""
    if type(value) is str:
        return text(field, value)
    value = plain(value)
    if value is None:
        return None
    if isinstance(value, int):
        return str(integer(64)(field, int(value)))
    if isinstance(value, float | Decimal):
        found = number(field, value)
        return f"{found:.0f}" if found.is_integer() else f"{Decimal(f'{found:.15g}'):f}"
    return text(field, value)


def present_class(field: str, value: object) -> str:
    """Accept a class that is there."""
    found = class_name(field, value)
    if found is None:
        raise InvalidValue(field, "is missing")
    return found


def class_names(field: str, value: object) -> list[str | None] | None:
    """Accept classes, such as the `classes_` of a classifier, or None."""
    value = plain(value)
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise InvalidValue(field, f"must be a list of classes, not {kind(value)}")
    return [class_name(f"{field}[{index}]", item) for index, item in enumerate(value)]
