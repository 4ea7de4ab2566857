"""A block of rows is encoded as its rows are one by one, or not at all."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_ledger import id_for, new_id
from mlops_ledger.checks.prediction_fields import ALONE, COLUMNS
from mlops_ledger.checks.predictions import KnownVersion
from mlops_ledger.copying.batch import RowBatch
from mlops_ledger.copying.binary import microseconds
from mlops_ledger.copying.row_block import BlockEncoder
from mlops_ledger.copying.rows import RowEncoder
from mlops_ledger.errors import InvalidValue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ["hour", "distance"]
NAMED = KnownVersion(uuid4(), NAMES, ["early", "late", "on time"])
UNNAMED = KnownVersion(uuid4(), None, None)

NUMBERS = st.floats() | st.sampled_from(
    [0.0, -0.0, 1.0, 1e308, 1, True, np.float64(0.5), "1", None]
)
TEXTS = st.text(max_size=3) | st.sampled_from(["r-1", "r-2", "é", " ", "", "\0", 1, True, None])
FEATURES = (
    st.fixed_dictionaries({"hour": NUMBERS, "distance": NUMBERS})
    | st.fixed_dictionaries({"distance": NUMBERS})
    | st.lists(NUMBERS, max_size=3)
    | st.sampled_from([(1.0, 2.0), np.array([1.0, 2.0]), {"hour": Decimal(1), "distance": 2}, None])
)
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "features": FEATURES,
    "class_probabilities": st.sampled_from(
        [[0.1, 0.2, 0.7], {"early": 0.1, "late": 0.2, "on time": 0.7}, [1, 2], None]
    ),
    "status": st.sampled_from(["success", "error", "failed", None]),
    "cache_hit": st.sampled_from([True, False, 1, None]),
    "client_ip": st.sampled_from(["10.0.0.1", "2001:db8::1", "nowhere", None]),
    "inputs": st.sampled_from([{"text": "naïve"}, {}, [1], None]),
    "metadata": st.sampled_from([{"trace": 1}, None]),
    "model_name": st.just("m"),
    "unknown": st.just(1),
}
BY_TYPE = {"double precision": NUMBERS, "text": TEXTS}
FIELDS = {name: BY_TYPE[field.sql_type] for name, field in ALONE.items() if name not in OTHERS}
FIELDS |= OTHERS


def one_by_one(rows: list[Any], micros: list[int], version: KnownVersion = NAMED) -> bytes:
    """Encode rows as those are that no block takes."""
    return b"".join(map(RowEncoder(version, count()), rows, micros))


@st.composite
def rows_alike(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw rows that have the same fields, but for a few that lack one or have one more."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=5))
    lengths = st.integers(1, 6)
    rows = [
        {name: draw(FIELDS[name]) for name in names} | {"id": new_id(NOON), "predicted_at": NOON}
        for _ in range(draw(lengths))
    ]
    for row in rows:
        if draw(st.integers(0, 9)) == 0:
            row.pop(draw(st.sampled_from(sorted(row))))
    return rows


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(rows_alike(), st.sampled_from([NAMED, UNNAMED]))
def test_a_block_is_what_its_rows_are(rows: list[dict[str, Any]], version: KnownVersion) -> None:
    micros = [microseconds(NOON)] * len(rows)
    block = BlockEncoder(version, count())(rows, micros)
    if block is None or any("id" not in row for row in rows):
        return
    assert block == one_by_one(rows, micros, version)


ORDINARY: dict[str, Any] = {
    "request_id": "r-1",
    "features": {"distance": 1.0, "hour": 2.0},
    "prediction": 1.5,
    "predicted_label": "late",
    "probability": np.float64(0.5),
}
STILL_A_BLOCK: list[dict[str, Any]] = [
    {"request_id": "longer"},
    {"request_id": "é"},
    {"request_id": None},
    {"prediction": None},
    {"prediction": 1},
    {"predicted_label": 3},
    {"predicted_label": True},
    {"features": {"hour": 2.0, "distance": None}},
    {"features": {"hour": 2, "distance": Decimal(1)}},
    {"features": {"hour": True, "distance": -0.0}},
    {"features": [float("nan"), -math.inf]},
    {"features": [2.0, 1.0]},
    {"features": None},
    {"class_probabilities": [0.1, 0.2, 0.7]},
    {"class_probabilities": {"late": 0.2, "on time": 0.7, "early": 0.1}},
    {"class_probabilities": [-0.0, 0, 1.0]},
    {"prediction": -0.0},
    {"probability": -0.0},
    {"status": "error", "error_message": "gone"},
    {"metadata": {"trace": 1}, "client_ip": "10.0.0.1", "cache_hit": False},
    {"confidence_lower": 1.0, "confidence_upper": 2.0},
]


@pytest.mark.parametrize("odd", STILL_A_BLOCK, ids=str)
def test_one_row_of_another_kind_does_not_cost_the_block(odd: dict[str, Any]) -> None:
    times = [NOON + timedelta(microseconds=number) for number in range(3)]
    rows = [{**ORDINARY, "id": new_id(at)} for at in times]
    rows[1] |= odd
    micros = list(map(microseconds, times))
    block = BlockEncoder(NAMED, count())(rows, micros)
    assert block == one_by_one(rows, micros)


@pytest.mark.parametrize(
    "values",
    [
        {"features": {"distance": 1.0, "hour": -0.0}},
        {"features": [2.0, 1]},
        {"features": [None, 1.0]},
        {"class_probabilities": {"late": 0.2, "on time": 0.7, "early": 0.1}},
        {"class_probabilities": [0.5, 0.5, -0.0]},
        {"class_probabilities": [np.float64(0.5), 0, 0.5]},
    ],
    ids=str,
)
def test_numbers_of_a_row_are_packed_as_single_rows_pack_them(values: dict[str, Any]) -> None:
    rows = [{"id": new_id(NOON), **values} for _ in range(3)]
    micros = [microseconds(NOON)] * 3
    assert BlockEncoder(NAMED, count())(rows, micros) == one_by_one(rows, micros)


def test_classes_that_are_numbers_are_found_by_either_name() -> None:
    version = KnownVersion(uuid4(), None, ["0", "1"])
    rows = [
        {"id": new_id(NOON), "class_probabilities": {1: 0.75, 0: 0.25}},
        {"id": new_id(NOON), "class_probabilities": {"0": 0.25, "1": 0.75}},
    ]
    micros = [microseconds(NOON)] * 2
    block = BlockEncoder(version, count())(rows, micros)
    assert block == one_by_one(rows, micros, version)
    assert block is not None


@pytest.mark.parametrize("names", [[], ["hour"]])
@pytest.mark.parametrize("features", [[], [1.0], {"hour": 1.0}, [1.0, 2.0], None], ids=str)
def test_few_features_are_as_those_of_single_rows(names: list[str], features: Any) -> None:
    version = KnownVersion(uuid4(), names, None)
    rows = [{"id": new_id(NOON), "features": features} for _ in range(3)]
    micros = [microseconds(NOON)] * 3
    try:
        expected = one_by_one(rows, micros, version)
    except InvalidValue:
        expected = None
    assert BlockEncoder(version, count())(rows, micros) == expected


@pytest.mark.parametrize("classes", [None, ["early", "late"]])
def test_probabilities_of_other_classes_are_left_to_single_rows(classes: list[str] | None) -> None:
    version = KnownVersion(uuid4(), None, classes)
    rows = [{"id": new_id(NOON), "class_probabilities": [0.1, 0.2, 0.7]} for _ in range(3)]
    assert BlockEncoder(version, count())(rows, [microseconds(NOON)] * 3) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"probability": 1.5},
        {"probability": float("nan")},
        {"class_probabilities": [0.1, 0.2, 1.5]},
        {"class_probabilities": [0.1, 0.2, float("nan")]},
        {"class_probabilities": [0.5, 0.5]},
        {"request_id": " "},
        # As long as the others.
        {"request_id": "   "},
        {"status": "unknown"},
        {"request_id": "a\0b"},
        {"features": {"hour": 2.0}},
        {"features": {"hour": 2.0, "length": 1.0}},
        {"id": id_for("r-1", NOON + timedelta(days=1))},
        {"id": "no id"},
        {"confidence_lower": 2.0, "confidence_upper": 1.0},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_may_be_wrong_is_left_to_single_rows(odd: dict[str, Any]) -> None:
    others = {"status": "success", "class_probabilities": [0.1, 0.2, 0.7]}
    rows = [{**ORDINARY, **others, "id": new_id(NOON)} for _ in range(3)]
    assert BlockEncoder(NAMED, count())(rows, [microseconds(NOON)] * 3) is not None
    rows[1] |= odd
    assert BlockEncoder(NAMED, count())(rows, [microseconds(NOON)] * 3) is None


def test_large_numbers_are_no_warning() -> None:
    rows = [{"id": new_id(NOON), "prediction": np.float64(1e308)} for _ in range(3)]
    micros = [microseconds(NOON)] * 3
    assert BlockEncoder(NAMED, count())(rows, micros) == one_by_one(rows, micros)


def test_ids_are_made_in_order_and_lead_to_their_time() -> None:
    micros = [microseconds(NOON)] * 2000
    block = BlockEncoder(NAMED, count())([ORDINARY] * 2000, micros)
    assert block is not None
    start, size = 2 + 4, len(block) // 2000
    ids = [block[place : place + 16] for place in range(start, len(block), size)]
    assert ids == sorted(set(ids))
    assert {int.from_bytes(id) >> 80 for id in ids} == {new_id(NOON).int >> 80}
    assert len(COLUMNS).to_bytes(2) == block[:2]


def test_a_number_that_is_a_class_is_written_as_single_rows_write_it() -> None:
    rows = [{"id": new_id(NOON), "predicted_label": label} for label in (1, True, "1", 1.0, None)]
    micros = [microseconds(NOON)] * len(rows)
    assert BlockEncoder(NAMED, count())(rows, micros) == b"".join(
        map(RowEncoder(NAMED, count()), rows, micros)
    )


def test_a_refused_row_is_named_whatever_its_block() -> None:
    rows = [{**ORDINARY, "predicted_at": NOON} for _ in range(1200)]
    rows[777]["probability"] = 2.0
    batch = RowBatch(rows, "m", "1")
    with pytest.raises(InvalidValue, match=r"rows\[777\]\.probability"):
        b"".join(batch.encode({("m", "1"): NAMED}))


def test_ids_are_not_made_of_the_digits_of_others() -> None:
    first, second = str(new_id(NOON)), str(new_id(NOON))
    odd = [
        # A digit that one lacks, the other has too many.
        [first[:-1] + "-", second[:8] + second[9:24] + "0" + second[24:]],
        [first.replace("-", " "), second],
    ]
    for ids in odd:
        rows = [{"id": id, "prediction": 1.0} for id in ids]
        assert set(map(len, ids)) == {36}
        assert BlockEncoder(NAMED, count())(rows, [microseconds(NOON)] * 2) is None


def test_the_span_of_a_write_is_not_told_by_a_clock_that_goes_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    times = [
        datetime(2025, 10, 26, 2, 50, tzinfo=berlin),
        datetime(2025, 10, 26, 2, 10, fold=1, tzinfo=berlin),
    ]
    batch = RowBatch([{"predicted_at": at} for at in times], "m", "1")
    [found] = batch.counts({("m", "1"): NAMED})
    assert found.first == datetime(2025, 10, 26, 0, 50, tzinfo=UTC)
    assert found.last == datetime(2025, 10, 26, 1, 10, tzinfo=UTC)
    assert not {found.first.tzinfo, found.last.tzinfo} - {UTC}


def test_times_of_zones_without_a_hash_are_taken() -> None:
    class Zone(tzinfo):
        __hash__ = None  # type: ignore[assignment]

        def utcoffset(self, at: datetime | None) -> timedelta:
            return timedelta(hours=1)

        def dst(self, at: datetime | None) -> None:
            return None

    batch = RowBatch([{"predicted_at": NOON.replace(tzinfo=Zone())}], "m", "1")
    [found] = batch.counts({("m", "1"): NAMED})
    assert found.first == NOON - timedelta(hours=1)
