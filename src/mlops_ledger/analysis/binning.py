"""Puts the columns of a table into the bins of a baseline; needs NumPy.

Windows are counted in the same bins by the database, so both sides follow the same rules: a number
is in the bin of the last edge that is not above it; a number that is a category is written as the
database does; of categories NaN is a missing one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np

from ..checks import values
from ..checks.plain import is_missing, kind, plain
from ..checks.rows import require_order
from ..copying.blocks import Array
from ..copying.column_input import is_single, numbers, objects, reading, table
from ..errors import InvalidValue
from ..rows.baselines import OWN_BINS

# As in the comments of baseline_features.
MOST_CATEGORIES: Final = 1000
LONGEST_CATEGORY: Final = 255
MOST_FEATURES: Final = 1000
MOST_BINS: Final = 200
# The sum of any numbers that are cut off here is finite.
CUT_OFF: Final = 1e150
# The most digits of a number on one side of its point in PostgreSQL.
MOST_DIGITS: Final = 131_072
_NUMBER: Final = (int, float, Decimal, np.integer, np.floating)
_NO_FEATURE: Final = "is not a feature of this version: take it for categorical, or leave it out"
_NO_NUMBERS: Final = "must be numbers, as a feature of the version is: convert it, or leave it out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binned:
    """A column in bins, as a row of baseline_features."""

    feature: str
    column_name: str
    kind: str
    edges: list[float] | None = None
    categories: list[str] | None = None
    num_categories: int | None = None
    counts: list[int]
    sums: list[float] | None = None
    num_missing: int
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None


def bin_features(
    data: Any,
    feature_names: Sequence[str] | None,
    categorical: Collection[str],
    num_bins: int,
    *,
    are_seen: bool = False,
) -> tuple[int, list[Binned]]:
    """Put every column of a table into bins; return the number of rows, and the columns.

    Columns that predictions were seen to have may be numbers that the version does not name.
    Raises InvalidValue naming the column that does not fit the version.
    """
    columns = _columns(data)
    lengths = {length_of(f"data.{name}", column) for name, column in columns.items()}
    if len(lengths) != 1 or lengths == {0}:
        raise InvalidValue("data", "must have columns of one length, and at least one row")
    categorical = values.texts(
        "categorical", list(categorical) if isinstance(categorical, Set) else categorical
    )
    if unknown := sorted(set(categorical) - set(columns)):
        raise InvalidValue("categorical", f"data has no column {', '.join(unknown)}")
    known = set(feature_names or ())
    found: list[Binned] = []
    refused: dict[str, list[str]] = {}
    for name, column in columns.items():
        try:
            values.text(f"data.{name}", name)
            with reading(f"data.{name}"):
                binned = _bin_feature(name, column, known, name in categorical, num_bins)
            if known and name not in known and not are_seen and binned.kind == "numeric":
                raise InvalidValue(f"data.{name}", _NO_FEATURE)
            found.append(binned)
        except InvalidValue as error:
            refused.setdefault(error.problem, []).append(name)
    if refused:
        raise _refusal(refused)
    return lengths.pop(), found


def _refusal(refused: Mapping[str, Sequence[str]]) -> InvalidValue:
    """Return what names all columns that do not fit, by what is wrong with them."""
    [(problem, names), *others] = refused.items()
    if len(names) == 1 and not others:
        return InvalidValue(f"data.{names[0]}", problem)
    each = (f"{', '.join(names)}: {problem}" for problem, names in refused.items())
    return InvalidValue("data", f"columns that do not fit: {'; '.join(each)}")


def _bin_feature(
    name: str, column: Any, known: Collection[str], is_categorical: bool, num_bins: int
) -> Binned:
    array = _numbers(f"data.{name}", column)
    column_name = "feature_values" if name in known else "inputs"
    if array is None:
        if name in known:
            raise InvalidValue(f"data.{name}", _NO_NUMBERS)
        return _texts(name, objects(column), is_categorical, num_bins)
    if is_categorical:
        return _categories(name, column_name, _number_texts(column, array, column_name))
    if name not in known and (_is_boolean(column) or np.isnan(array[0]).all()):
        return _categories(name, column_name, objects(column))
    return bin_numbers(name, column_name, *array, num_bins)


def columns_of(rows: Sequence[Any], feature_names: Sequence[str] | None) -> dict[str, Any]:
    """Turn predictions into columns: their features, and the inputs that are single values."""
    columns: dict[str, list[Any]] = {
        name: [(row.feature_values or ())[place : place + 1] for row in rows]
        for place, name in enumerate(feature_names or ())
    }
    columns = {
        name: [cell[0] if cell else None for cell in cells] for name, cells in columns.items()
    }
    inputs = [row.inputs if isinstance(row.inputs, dict) else {} for row in rows]
    for name in sorted({name for each in inputs for name in each} - set(columns)):
        cells = [each.get(name) for each in inputs]
        if not any(isinstance(cell, list | dict) for cell in cells):
            columns[name] = _of_one_kind(cells)
    return columns


def _of_one_kind(cells: list[Any]) -> list[Any]:
    """Return numbers as they are; next to texts they are categories, as JSON writes them."""
    if any(isinstance(cell, str) for cell in cells):
        return [None if cell is None else _text("inputs", cell) for cell in cells]
    return cells


def length_of(field: str, column: Any) -> int:
    """Return how many values a column has; raises InvalidValue when it is not one."""
    require_order(field, column)
    if is_single(column):
        raise InvalidValue(field, "must be a column of values")
    with reading(field):
        return len(column)


def bin_output(
    argument: str, column: Any, text_column: str | None, number_column: str, num_bins: int
) -> Binned:
    """Put a score, a prediction or a label into bins: a class is text, all else a number."""
    with reading(argument):
        array = _numbers(argument, column)
        if array is not None and not _is_boolean(column):
            if number_column == "probability" and ((array[0] < 0) | (array[0] > 1)).any():
                raise InvalidValue(argument, "must be between 0 and 1")
            return bin_numbers(number_column, number_column, *array, num_bins)
        if text_column is None:
            raise InvalidValue(argument, "must be numbers")
        try:
            return _categories(text_column, text_column, objects(column))
        except InvalidValue as error:
            raise InvalidValue(argument, error.problem) from None


def bin_numbers(
    feature: str, column_name: str, numbers: Array, missing: Array | None, num_bins: int
) -> Binned:
    """Put numbers into bins that begin at quantiles of the finite ones."""
    num_missing = 0 if missing is None else int(missing.sum())
    present = numbers if missing is None else numbers[~missing]
    finite = present[np.isfinite(present)]
    edges = _edges(finite, num_bins)
    bins = np.searchsorted(edges, present, side="right")
    # NaN sorts after everything and has the last bin.
    bins[np.isnan(present)] = len(edges) + 1
    cut = np.clip(np.where(np.isnan(present), 0.0, present), -CUT_OFF, CUT_OFF)
    size = len(edges) + 2
    mean, std, smallest, largest = _summary(finite)
    return Binned(
        feature=feature,
        column_name=column_name,
        kind="numeric",
        edges=edges.tolist(),
        counts=np.bincount(bins, minlength=size).tolist(),
        sums=np.bincount(bins, weights=cut, minlength=size).tolist(),
        num_missing=num_missing,
        mean=mean,
        std=std,
        min=smallest,
        max=largest,
    )


def _edges(finite: Array, num_bins: int) -> Array:
    if not len(finite):
        return np.empty(0)
    # Edges are values of the sample; a value that fills a bin alone gets one of its own.
    points = np.quantile(finite, np.arange(num_bins + 1) / num_bins, method="inverted_cdf")
    edges = np.unique(points)
    # The last bin ends just behind the largest value, so that this one belongs to it.
    last = np.nextafter(edges[-1], np.inf)
    return np.append(edges if points[-2] == edges[-1] else edges[:-1], last)


def _summary(finite: Array) -> tuple[float, float, float, float] | tuple[None, None, None, None]:
    if not len(finite):
        return None, None, None, None
    # Scaled, because squares of large numbers would overflow.
    scale = float(np.abs(finite).max()) or 1.0
    scaled = finite / scale
    mean, std = float(scaled.mean()) * scale, float(scaled.std()) * scale
    return mean, std, float(finite.min()), float(finite.max())


def _texts(name: str, items: list[Any], is_categorical: bool, num_bins: int) -> Binned:
    texts = _each_as_text(name, items)
    distinct = len(set(texts))
    is_free = distinct > MOST_CATEGORIES or distinct > max(OWN_BINS, len(texts) / 2)
    if is_categorical or not is_free:
        return _categories(name, "inputs", texts)
    lengths = np.array([0 if text is None else len(text) for text in texts], np.float64)
    missing = np.array([text is None for text in texts])
    return replace(bin_numbers(name, "inputs", lengths, missing, num_bins), kind="text")


def _categories(name: str, column_name: str, items: Sequence[Any]) -> Binned:
    texts = _each_as_text(name, items)
    count = Counter(text[:LONGEST_CATEGORY] for text in texts if text is not None)
    ranked = sorted(count, key=lambda text: (-count[text], text))
    counts = [0, *(count[text] for text in ranked[:OWN_BINS])]
    if len(ranked) > OWN_BINS:
        counts.append(sum(count[text] for text in ranked[OWN_BINS:]))
    return Binned(
        feature=name,
        column_name=column_name,
        kind="categorical",
        categories=ranked[:MOST_CATEGORIES],
        num_categories=len(ranked),
        counts=counts,
        num_missing=len(texts) - sum(count.values()),
    )


def _each_as_text(name: str, items: Sequence[Any]) -> list[str | None]:
    # A category stands in many rows and is checked once.
    for text in dict.fromkeys(item for item in items if type(item) is str):
        _text(name, text)
    return [
        item if type(item) is str else None if is_missing(item) else _text(name, item)
        for item in items
    ]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if _is_number(value):
        return _decimal_text(value)
    if type(value) is not str and not isinstance(plain(value), str):
        problem = f"must be text, numbers or truth values, not {kind(value)}"
        raise InvalidValue(f"data.{name}", f"{problem}: convert it, or leave it out")
    return values.text(f"data.{name}", value)


def _is_number(item: Any) -> bool:
    # NumPy counts spans of time among its integers.
    return isinstance(item, _NUMBER) and not isinstance(item, np.timedelta64)


def _decimal_text(value: Any) -> str:
    """Write a number as ledger_category() does."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    # More digits than these are in no JSON that the database reads.
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        return str(value)
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _double_text(value: float) -> str:
    """Write a double as PostgreSQL does: from 1e15 on with an exponent, else no point if whole."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if 1e15 <= abs(value) < 1e16:
        return f"{Decimal(repr(value)).normalize():e}"
    return repr(value).removesuffix(".0")


def _number_texts(
    column: Any, numbers: tuple[Array, Array | None], column_name: str
) -> list[str | None]:
    """Write numbers that are categories as the database does."""
    if column_name == "inputs":
        return _each_as_text("", objects(column))
    array, missing = numbers
    gone = np.isnan(array) if missing is None else missing | np.isnan(array)
    return [
        None if is_gone else _double_text(value)
        for value, is_gone in zip(array.tolist(), gone.tolist(), strict=True)
    ]


def _numbers(name: str, column: Any) -> tuple[Array, Array | None] | None:
    """Return a column as numbers, and where they are missing; None when it is something else."""
    kind = _dtype_kind(column)
    is_array = isinstance(column, np.ndarray) and not isinstance(column, np.ma.MaskedArray)
    if is_array and kind in ("f", "i", "u", "b") and column.ndim == 1:
        return column.astype(np.float64), None
    found = numbers(column) if kind in ("f", "i", "u") else None
    return _numbers_one_by_one(name, objects(column)) if found is None else found


def _numbers_one_by_one(name: str, items: list[Any]) -> tuple[Array, Array | None] | None:
    if str in map(type, items):
        return None
    # NaN is a number, which has a bin of its own.
    items = [None if is_missing(item) and not _is_number(item) else item for item in items]
    if not all(item is None or isinstance(item, np.bool_) or _is_number(item) for item in items):
        return None
    missing = np.array([item is None for item in items], bool)
    try:
        array = np.array([math.nan if item is None else float(item) for item in items])
    except OverflowError:
        raise InvalidValue(name, "holds a number beyond double precision") from None
    return array, missing if missing.any() else None


def _is_boolean(column: Any) -> bool:
    if _dtype_kind(column) not in (None, "O", "b"):
        return False
    items = objects(column)
    return any(isinstance(item, bool) for item in items) and all(
        is_missing(item) or isinstance(item, bool) for item in items
    )


def _dtype_kind(column: Any) -> str | None:
    """Return the letter of a column's type, if it is one of NumPy's."""
    dtype = getattr(column, "dtype", None)
    return dtype.kind if isinstance(dtype, np.dtype) else None


def _columns(data: Any) -> Mapping[str, Any]:
    columns = table("data", data)
    if not columns:
        raise InvalidValue("data", "must have at least one column")
    if len(columns) > MOST_FEATURES:
        raise InvalidValue("data", f"must have at most {MOST_FEATURES} columns")
    return columns
