"""Ids that follow from what a row says, as `RowIds`, for tables; needs the extra `arrow`."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import numpy as np
import orjson

from ....ids import ordered_uuid7

_ODD: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class ColumnIds:
    """Makes the ids of the rows of Arrow tables."""

    def __init__(self) -> None:
        self._seen = np.empty(0, np.uint64)

    def make(self, key: tuple[str, str], table: Any, microseconds: Any) -> Any:
        """Return the ids of a version's rows as bytes, for times in microseconds since 1970."""
        halves = []
        for odd in _ODD:
            found = np.full(table.num_rows, _name(f"{key}", odd), np.uint64)
            for name in sorted(table.column_names):
                column = _column(table[name].combine_chunks(), odd)
                found = _mixed(found * np.uint64(odd) + _mixed(column + _name(name, odd)))
            halves.append(found)
        first, second = halves
        count = self._count(first)
        first, second = _mixed(first + count), _mixed(second ^ _mixed(count + first))
        ids = np.empty((table.num_rows, 2), ">u8")
        ids[:, 0], _ = ordered_uuid7(microseconds.astype(np.uint64), first, second)
        ids[:, 1] = np.uint64(1 << 63) | second >> np.uint64(2)
        return ids.view("V16")[:, 0]

    def _count(self, keys: Any) -> Any:
        """Return how often each row has come before, in this table and in those before."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        place = np.arange(len(keys))
        begins = np.r_[True, ordered[1:] != ordered[:-1]]
        within = np.empty(len(keys), np.uint64)
        within[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
        before = np.searchsorted(self._seen, keys, "right") - np.searchsorted(self._seen, keys)
        # Two sorted runs, which a stable sort merges.
        self._seen = np.sort(np.concatenate([self._seen, ordered]), kind="stable")
        return within + before.astype(np.uint64)


def _column(column: Any, odd: int) -> Any:
    """Fingerprint each value of an Arrow array."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_null(kind):
        return np.zeros(len(column), np.uint64)
    missing = None if column.null_count == 0 else column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found = _texts(column, odd)
    elif pa.types.is_list(kind) and pa.types.is_floating(kind.value_type):
        offsets = column.offsets.to_numpy()
        items = _column(column.values, odd)
        found = _segments(items, offsets, odd)
    elif pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        if missing is not None:
            column = column.fill_null(pa.scalar(0, pa.int64()).cast(kind))
        numbers = column if pa.types.is_floating(kind) else column.cast(pa.int64())
        array = numbers.to_numpy(zero_copy_only=False)
        found = _mixed(np.ascontiguousarray(array.astype(array.dtype.kind + "8")).view(np.uint64))
    else:
        found = _objects(column.to_pylist(), odd)
    return found if missing is None else np.where(missing, np.uint64(odd), found)


def _texts(column: Any, odd: int) -> Any:
    import pyarrow as pa

    column = column.cast(pa.large_string())
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    letters = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return _segments(letters[places[0] : places[-1]].astype(np.uint64), places - places[0], odd)


def _segments(items: Any, offsets: Any, odd: int) -> Any:
    """Hash runs of items: the sum of items times powers of an odd number, modulo 2 to the 64."""
    with np.errstate(over="ignore"):
        powers = np.cumprod(np.full(len(items) + 1, odd, np.uint64))
        back = np.cumprod(np.full(len(items) + 1, pow(odd, -1, 2**64), np.uint64))
        sums = np.concatenate([[np.uint64(0)], np.cumsum((items + np.uint64(1)) * powers[:-1])])
        total = (sums[offsets[1:]] - sums[offsets[:-1]]) * back[offsets[:-1]]
        return _mixed(total + np.diff(offsets).astype(np.uint64))


def _objects(items: list[Any], odd: int) -> Any:
    key = odd.to_bytes(8)
    digests = [
        blake2b(orjson.dumps(i, default=str, option=orjson.OPT_SORT_KEYS), digest_size=8, key=key)
        for i in items
    ]
    return np.frombuffer(b"".join(each.digest() for each in digests), np.uint64)


def _name(name: str, odd: int) -> Any:
    digest = blake2b(name.encode(), digest_size=8, key=odd.to_bytes(8)).digest()
    return np.uint64(int.from_bytes(digest))


def _mixed(values: Any) -> Any:
    """Scatter 64-bit numbers, one to one (the finalizer of SplitMix64)."""
    with np.errstate(over="ignore"):
        values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return values ^ values >> np.uint64(31)
