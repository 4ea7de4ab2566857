# Generated from src/mlops_ledger/_async/pages.py by tools/unasync.py: edit that file, then run `make sync`.
"""Lists page by page: the method `iter_…` beside each `list_…`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from .repository import Repository

Params = ParamSpec("Params")
Owner = TypeVar("Owner", bound=Repository)
Row = TypeVar("Row")

_LONGEST: Final = 1000


def iterate(
    list_rows: Callable[Concatenate[Owner, Params], list[Row]],
    *,
    key: str = "id",
    place: str = "before",
) -> Callable[Concatenate[Owner, Params], Iterator[Row]]:
    """Make the method that yields the rows of a list, however many there are.

    The next page is at the `place` that the `key` of the last row names.
    """

    def iter_rows(
        self: Owner, /, *args: Params.args, **filters: Params.kwargs
    ) -> Iterator[Row]:
        size = filters.setdefault("limit", _LONGEST)
        while True:
            page = list_rows(self, *args, **filters)
            for row in page:
                yield row
            if len(page) != size:
                return
            filters[place] = getattr(page[-1], key)

    name = list_rows.__name__
    iter_rows.__name__ = f"iter_{name.removeprefix('list_')}"
    iter_rows.__doc__ = (
        f"Yield what `{name}` lists, all of it, in the same order; `limit` is the length of a page."
    )
    signature = inspect.signature(list_rows)
    parameters = [
        one.replace(default=_LONGEST) if one.name == "limit" else one
        for one in signature.parameters.values()
    ]
    returned = str(signature.return_annotation).replace("list[", "Iterator[")
    iter_rows.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=returned
    )
    return iter_rows
