"""What "rows" may be: mappings of fields in any iterable, or a table of pandas, Polars or Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Reversible, Set
from typing import Any

from ..errors import InvalidValue
from .plain import is_foreign, is_missing, kind


def rows_of(field: str, rows: Any) -> list[Mapping[str, Any]]:
    """Return rows as mappings; raises InvalidValue naming the row that is not one."""
    found = listed(field, rows)
    # Nearly always plain dictionaries, of which there may be a million.
    if set(map(type, found)) <= {dict}:
        return found
    return [row_of(f"{field}[{place}]", row) for place, row in enumerate(found)]


def listed(field: str, rows: Any) -> list[Any]:
    """Return rows as a list, unchecked; in those of a table a missing value is None."""
    if isinstance(rows, list):
        return rows
    require_order(field, rows)
    if hasattr(rows, "columns") or hasattr(rows, "column_names"):
        return _rows_of_table(field, rows)
    if isinstance(rows, str | bytes | Mapping):
        raise InvalidValue(field, f"must be several rows, each a mapping, not {kind(rows)}")
    try:
        iterator = iter(rows)
    except TypeError:
        raise InvalidValue(
            field, f"must be mappings of fields, or a table of them, not {kind(rows)}"
        ) from None
    return list(iterator)


def require_order(field: str, given: Any) -> None:
    """Refuse rows or columns in no order, as in a set, or that Polars has not computed yet."""
    # The keys of a dictionary are a Set too, and have its order.
    if isinstance(given, Set) and not isinstance(given, Reversible):
        raise InvalidValue(field, f"must be in an order, such as a list, not {kind(given)}")
    if is_foreign(given) and hasattr(given, "collect"):
        raise InvalidValue(field, f"is a {kind(given)}, not computed yet: collect() it first")


def row_of(field: str, row: Any) -> Mapping[str, Any]:
    """Return a row as a mapping: it is one, or a row of a pandas data frame."""
    found = by_name(row)
    if not isinstance(found, Mapping):
        raise InvalidValue(field, f"must be a mapping of fields, not {kind(row)}")
    return found


def of_row(place: int, error: InvalidValue) -> InvalidValue:
    """Return the error of a field as that of the row at a place."""
    return InvalidValue(f"rows[{place}].{error.field}", error.problem)


def by_name(value: Any) -> Any:
    """Return a row of a pandas data frame as the mapping that it is; leave all else."""
    if isinstance(value, Mapping) or not (hasattr(value, "to_dict") and hasattr(value, "index")):
        return value
    if hasattr(value, "columns") or not all(isinstance(name, str) for name in value.index):
        return value
    return {name: None if is_missing(item) else item for name, item in value.to_dict().items()}


def _rows_of_table(field: str, table: Any) -> list[Any]:
    names = [str(name) for name in getattr(table, "column_names", None) or table.columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidValue(field, f"has two columns {twice[0]}")
    if hasattr(table, "to_pylist"):
        rows = table.to_pylist()
    elif hasattr(table, "to_dicts"):
        rows = table.to_dicts()
    elif hasattr(table, "to_dict"):
        rows = table.to_dict(orient="records")
    else:
        raise InvalidValue(field, f"must be mappings of fields, not {kind(table)}")
    return [
        {str(name): None if is_missing(value) else value for name, value in row.items()}
        for row in rows
    ]
