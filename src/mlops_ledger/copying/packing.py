"""Packs columns into the tuples of a block of rows, and numbers into its arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat, starmap
from struct import Struct
from typing import Any, Final

from .rows import float_array

# One of many items is large.
struct: Final = lru_cache(maxsize=64)(Struct)


class Block:
    """Tuples in the making: fields of the same length are collected, then packed by one call."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[Sequence[bytes]] = []
        self._constant = b""
        self._format = "!"
        self._columns: list[Iterable[Any]] = []

    def constant(self, data: bytes) -> None:
        """Add what is the same in every row."""
        self._constant += data

    def packed(self, kinds: str, *columns: Iterable[Any]) -> None:
        """Add a value of each column, of these kinds of struct's."""
        self._format += f"{len(self._constant)}s{kinds}"
        self._columns += [repeat(self._constant), *columns]
        self._constant = b""

    def fields(self, column: Sequence[bytes]) -> None:
        """Add an encoded field for each row."""
        sizes = set(map(len, column))
        if len(sizes) == 1:
            self.packed(f"{sizes.pop()}s", column)
        else:
            self._pack()
            self._parts.append(column)

    def tuples(self) -> bytes:
        """Return all rows."""
        self._pack()
        pieces = [b""] * (self._size * len(self._parts))
        for place, part in enumerate(self._parts):
            pieces[place :: len(self._parts)] = part
        return b"".join(pieces)

    def _pack(self) -> None:
        if self._columns:
            self.packed("")
            self._parts.append(list(map(struct(self._format).pack, *self._columns)))
        elif self._constant:
            self._parts.append([self._constant] * self._size)
        self._constant, self._format, self._columns = b"", "!", []


def arrays(rows: Iterable[Sequence[float]], size: int) -> tuple[bytes, ...]:
    """Encode rows of so many numbers as float8[]; raises StructError for what is no number."""
    # Packed with zeros for the head and the lengths, which are then set in all rows at once: a
    # value costs a sixth less than with an argument for each of them.
    numbers = struct("!24x" + "4xd" * size)
    data = bytearray().join(starmap(numbers.pack, rows))
    count = len(data) // numbers.size
    for place, byte in _marks(size):
        data[place :: numbers.size] = byte * count
    return split(data, numbers.size)


@lru_cache(maxsize=64)
def _marks(size: int) -> list[tuple[int, bytes]]:
    """Return what is not zero in an array of so many zeros, by its place."""
    parts, pack = float_array(size)
    return [(place, bytes((byte,))) for place, byte in enumerate(pack(*parts)) if byte]


def split(data: bytes | bytearray, size: int) -> tuple[bytes, ...]:
    """Return the items of a size that the data consists of."""
    return struct(f"{size}s" * (len(data) // size)).unpack(data)
