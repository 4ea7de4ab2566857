"""Hostile and odd values by sort."""

from __future__ import annotations

import enum
import math
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KOLKATA = timezone(timedelta(hours=5, minutes=30))
SOME_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NAN, INF = math.nan, math.inf


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


class Vague(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, _: datetime | None) -> None:
        return None


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


CYCLE: dict[str, Any] = {}
CYCLE["again"] = CYCLE

NOT_TEXT = [5, 1.5, True, b"abc", bytearray(b"abc"), Decimal(1), SOME_ID, NOON, ["a"], {"a": 1}]
NOT_TEXT += [{"a"}, object(), np.int64(1), np.array(["a"]), Level.ONE, range(3), type]
BAD_TEXT = ["a\x00b", "\x00", "\ud800", "a\udfffb", "x" * 1_000_001, "ü" * 500_001]
BAD_NAMES = ["", " ", " m", "m ", "a\nb", "a\x7fb", "\t", "a\x1b[31m", "x" * 256, "x" * 300]

NOT_A_NUMBER = [NAN, INF, -INF, Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), 10**400]
NOT_A_NUMBER += [np.float64("nan"), np.float32("inf"), np.float16("-inf"), "0.5", "", True, False]
NOT_A_NUMBER += [np.bool_(True), b"1", [0.5], np.array([0.5]), {}, 1j, Fraction(1, 2), object()]
NOT_A_NUMBER += [
    NOON,
    timedelta(1),
    np.timedelta64(1, "ns"),
    np.datetime64("2026-01-01T00:00", "ns"),
]
NOT_WHOLE = [2.7, 3.0, Decimal(3), "3", np.float64(3), 2**63, -(2**63) - 1, -1, np.uint64(2**63)]

BAD_IN_JSON = [
    NAN,
    INF,
    -INF,
    np.float64("nan"),
    np.float32("inf"),
    Decimal("NaN"),
    Decimal("sNaN"),
]
BAD_IN_JSON += [2**63, -(2**63) - 1, 10**400, "\x00", "\udc80", b"abc", {1}, 1j, object(), range(3)]
BAD_IN_JSON += [datetime(2026, 1, 1), datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))]
BAD_IN_JSON += [time(12), timedelta(1), np.array([1.0, NAN]), {1: "a"}, {None: 1}, {b"k": 1}]
BAD_IN_JSON += [{"\x00": 1}, {"\udc80": 1}, {("a",): 1}, (n for n in "ab"), Fraction(1, 2)]
BAD_IN_JSON += [np.datetime64("2026-01-01T00:00", "ns"), np.timedelta64(1, "ns"), np.complex64(1)]
NOT_AN_OBJECT = [
    [],
    ["a"],
    "text",
    "{}",
    5,
    1.5,
    True,
    NAN,
    b"{}",
    (),
    NOON,
    SOME_ID,
    np.array([1]),
]
BAD_DOCUMENTS = [
    nested(66),
    nested(5000),
    CYCLE,
    {"a": "x" * 1_000_001},
    {"a": ["x" * 1000] * 1100},
]

NOT_A_TIMESTAMP = [
    "2026-01-01T12:00",
    "2026-02-30",
    "now",
    "infinity",
    1767268800,
    1.5,
    True,
    time(12),
]
NOT_A_TIMESTAMP += [datetime(2026, 1, 1), datetime.min, datetime.max, NOON.replace(tzinfo=Vague())]
NOT_A_TIMESTAMP += [datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))]
NOT_A_TIMESTAMP += [
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=14))),
    NAN,
    [NOON],
    b"now",
]
NOT_A_TIMESTAMP += [np.datetime64("30000-01-01"), np.datetime64("NaT"), np.array(["2026"], "M8[D]")]
THE_FUTURE = [datetime.max.replace(tzinfo=UTC), datetime(2999, 1, 1, tzinfo=KOLKATA)]

NOT_AN_ID = ["", "x", "0" * 31, 0, 5, b"\0" * 16, True, 1.5, [SOME_ID], {}, NOON, SOME_ID.int]
NOT_TEXTS = ["abc", b"ab", 5, True, {"a"}, {"a": 1}, (c for c in "ab"), ["a", None], [1], [["a"]]]
NOT_TEXTS += [["a\x00"], ["\ud800"], [b"a"], np.array([1.0]), [NAN], np.array([["a"]]), "{a,b}"]
NOT_BOOLEAN = [1, 0, "true", "", 1.0, [], b"t", np.int64(1), NAN, "t", Level.ONE, object()]
