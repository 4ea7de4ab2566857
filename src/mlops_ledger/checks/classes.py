"""Names of classes: texts, or the numbers that a classifier has for them."""

from __future__ import annotations

from decimal import Decimal

from ..errors import InvalidValue
from .values import number, plain, text


def class_name(field: str, value: object) -> str | None:
    """Accept a class as text, or a number as its shortest text (True is 1), or None."""
    value = plain(value)
    if value is None:
        return None
    if isinstance(value, int | float | Decimal):
        found = number(field, float(value))
        return f"{found:.0f}" if found.is_integer() else f"{found:.15g}"
    return text(field, value)


def class_names(field: str, value: object) -> list[str | None] | None:
    """Accept classes, such as the `classes_` of a classifier, or None."""
    value = plain(value)
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise InvalidValue(field, f"must be a list of classes, not {type(value).__name__}")
    return [class_name(f"{field}[{index}]", item) for index, item in enumerate(value)]
