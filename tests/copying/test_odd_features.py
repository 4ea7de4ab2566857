"""A feature of an odd type is what its check makes of it, or refused as by that, in any batch."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from mlops_ledger import new_id
from mlops_ledger.checks.predictions import KnownVersion, feature_list
from mlops_ledger.copying.binary import microseconds
from mlops_ledger.copying.row_block import BlockEncoder
from mlops_ledger.copying.rows import RowEncoder
from mlops_ledger.errors import InvalidValue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ["hour", "distance"]
VERSION = KnownVersion(UUID(int=1), NAMES, None)


class Level(enum.IntEnum):
    ONE = 1


class Share(float, enum.Enum):
    HALF = 0.5


class Word(enum.StrEnum):
    ONE = "1"


class Convertible:
    """What Python can make a number, and is none."""

    def __float__(self) -> float:
        return 1.0


class Index:
    def __index__(self) -> int:
        return 1


ODD = [
    *(Fraction(1, 3), Fraction(10**400), Decimal("1.5"), Decimal("NaN"), Decimal("sNaN")),
    *(True, 2**70, 10**400, 1j, "1", b"1", {1}, frozenset({1}), [1.0], object(), None),
    *(timedelta(1), NOON, NOON.date(), UUID(int=1), Convertible(), Index()),
    *(Level.ONE, Share.HALF, Word.ONE),
    *(np.timedelta64(5), np.timedelta64(5, "s"), np.timedelta64("NaT"), np.datetime64("2026")),
    *(np.bool_(True), np.str_("1"), np.bytes_(b"1"), np.complex64(1), np.longdouble(1)),
    *(np.array(1.0), np.array([1.0]), np.int8(1), np.uint64(2**64 - 1)),
    *(
        kind(value)
        for kind in (np.float16, np.float32, np.float64)
        for value in (0.1, math.nan, math.inf, -math.inf)
    ),
    *(pd.NA, pd.NaT, pd.Timedelta("1s"), pd.Timestamp("2026-01-01")),
]


def kind_of(value: object) -> str:
    return type(value).__name__


def block(rows: Sequence[Mapping[str, Any]]) -> bytes | None:
    return BlockEncoder(VERSION, count())(rows, [microseconds(NOON)] * len(rows))


def one_by_one(rows: Sequence[Mapping[str, Any]]) -> bytes:
    encode = RowEncoder(VERSION, count())
    return b"".join(encode(row, microseconds(NOON)) for row in rows)


def checked(row: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return a row with plain features, or why these are refused."""
    try:
        return {**row, "features": feature_list(NAMES, row["features"])}
    except InvalidValue as refused:
        return str(refused)


def assert_as_checked(rows: Sequence[Mapping[str, Any]]) -> None:
    plain = [checked(row) for row in rows]
    refused = [each for each in plain if isinstance(each, str)]
    if not refused:
        assert block(rows) == one_by_one(rows)
        assert one_by_one(rows) == one_by_one([row for row in plain if not isinstance(row, str)])
        return
    assert block(rows) is None
    with pytest.raises(InvalidValue) as error:
        one_by_one(rows)
    assert str(error.value) == refused[0]


@pytest.mark.parametrize("other", [1.5, np.float64(1.5), None, 7], ids=kind_of)
@pytest.mark.parametrize("odd", ODD, ids=kind_of)
def test_an_odd_feature_is_what_its_check_makes_of_it(odd: Any, other: Any) -> None:
    """Whatever is beside it in its row and in those of its batch."""
    for features in ([other, odd], {"distance": odd, "hour": other}, [odd, odd]):
        for place in (0, 1):
            rows = [{"id": new_id(NOON), "features": [1.5, 1.0]} for _ in range(3)]
            rows[place] = {**rows[place], "features": features}
            assert_as_checked(rows)


def test_values_of_ordinary_types_are_one_block() -> None:
    """They are packed by one call, not row by row."""
    for kind in (float, int, bool, np.float32, np.float64, np.int64, Decimal, Fraction):
        rows = [{"id": new_id(NOON), "features": [kind(1), kind(0)]} for _ in range(3)]
        assert block(rows) == one_by_one(rows) is not None


def test_a_sum_without_end_is_nobodys_concern() -> None:
    """Features are added up only to see of which types they are."""
    features = [1.0, np.float64(math.inf)], [-np.float64(math.inf), 1.0]
    rows = [{"id": new_id(NOON), "features": each} for each in features]
    with np.errstate(all="raise"):
        assert_as_checked(rows)
