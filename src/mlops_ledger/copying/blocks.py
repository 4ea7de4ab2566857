"""Lays out columns as tuples of the binary COPY stream, a block of rows at a time.

Neighbouring fields whose length is the same in every row are one structured NumPy array. Fields
of many lengths stand between these arrays as bytes objects, so rows keep their order: out of it,
they would split the pages of the primary key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .binary import FLOAT8

# The server stores a block while the next is made: it must fit into a socket's buffer.
BLOCK: Final = 512

Array: TypeAlias = NDArray[Any]
# One encoded field for all rows; or a number, an item of bytes or an array of numbers for each
# row, not encoded yet; or an encoded field for each row. What is encoded begins with its length.
Field: TypeAlias = bytes | Array | list[bytes]

_TARGETS: Final = {"f": ">f8", "i": ">i8"}


def blocks(columns: Sequence[Field], size: int) -> Iterator[bytes]:
    """Yield the tuples of so many rows."""
    parts: list[_Record | list[bytes]] = []
    fixed: list[bytes | Array] = [len(columns).to_bytes(2)]
    for field in columns:
        if isinstance(field, list):
            parts += [_Record(fixed), field] if fixed else [field]
            fixed = []
        else:
            fixed.append(field)
    if fixed:
        parts.append(_Record(fixed))
    for start in range(0, size, BLOCK):
        rows = slice(start, min(start + BLOCK, size))
        yield b"".join(chain.from_iterable(zip(*(part[rows] for part in parts), strict=True)))


class _Record:
    """Neighbouring fields of fixed lengths."""

    def __init__(self, fields: Sequence[bytes | Array]) -> None:
        layout = [(f"f{index}", _layout(field)) for index, field in enumerate(fields)]
        self._block = np.zeros(BLOCK, np.dtype(layout))
        self._rows = self._block.view(f"V{self._block.itemsize}")
        self._moving: list[tuple[Array, Array]] = []
        for index, field in enumerate(fields):
            target = self._block[f"f{index}"]
            if isinstance(field, bytes):
                target[:] = np.void(field)
            else:
                self._moving.append((_prepare(target, field), field))

    def __getitem__(self, rows: slice) -> list[bytes]:
        count = rows.stop - rows.start
        for target, source in self._moving:
            target[:count] = source[rows]
        found: list[bytes] = self._rows[:count].tolist()
        return found


def _layout(field: bytes | Array) -> Any:
    if isinstance(field, bytes):
        return f"V{len(field)}"
    value = _TARGETS.get(field.dtype.kind, field.dtype)
    item = np.dtype([("length", ">i4"), ("value", value)])
    if field.ndim == 1:
        return item
    head = [("bytes", ">i4"), ("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">i4")]
    return np.dtype([*head, ("size", ">i4"), ("first", ">i4"), ("items", item, field.shape[1:])])


def _prepare(target: Array, field: Array) -> Array:
    """Fill in what is the same in every row and return where the values go."""
    if field.ndim > 1:
        target["bytes"] = target.dtype.itemsize - 4
        target["dimensions"], target["type"] = 1, FLOAT8
        target["size"], target["first"] = field.shape[1], 1
        target = target["items"]
    values: Array = target["value"]
    target["length"] = values.dtype.itemsize
    return values
