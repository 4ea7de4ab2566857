"""Records that are encoded in pieces are stored as they would be in one."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mlops_ledger import new_id
from mlops_ledger.checks.predictions import KnownVersion, latest_timestamp
from mlops_ledger.copying.batch import RowBatch
from mlops_ledger.copying.binary import EPOCH, EPOCH_MICROSECONDS, microseconds
from mlops_ledger.copying.pieces import PieceBatch
from mlops_ledger.errors import InvalidValue
from mlops_ledger.ids import uuid7
from mlops_ledger.logger.records import decode, encode, load
from mlops_ledger.logger.registration import Registration

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ["hour", "distance"]
VERSIONS = {("flights", version): KnownVersion(uuid4(), NAMES, None) for version in ("1", "2")}


def record(place: int) -> bytes:
    """Return a record; some are of another version, or have no number for a feature."""
    at = NOON + timedelta(hours=place % 50)
    distance = float("nan") if place % 7 == 0 else 1.5 * place
    fields: dict[str, Any] = {"features": {"hour": 12.0, "distance": distance}, "probability": 0.5}
    registration = Registration("flights", "2" if place % 31 == 30 else "1")
    return encode(registration, {**fields, "id": new_id(at), "predicted_at": at}, False)[1]


@pytest.mark.parametrize("size", [1, 12, 48, 200])
def test_pieces_are_encoded_as_the_whole(size: int) -> None:
    payloads = [record(place) for place in range(100)]
    whole = RowBatch([decode(payload) for payload in payloads], None, None)
    rests = []
    batch = PieceBatch(lambda *key: VERSIONS[key], lambda: rests.append(1))
    for start in range(0, 100, size):
        batch.add([load(payload) for payload in payloads[start : start + size]])
    assert b"".join(batch.encode(VERSIONS)) == b"".join(whole.encode(VERSIONS))
    assert batch.counts(VERSIONS) == whole.counts(VERSIONS)
    assert sorted(batch.days()) == sorted(whole.days())
    assert len(batch) == 100
    assert set(batch.keys) == set(whole.keys)
    # One after each piece, and before each eight of them are sent.
    pieces = math.ceil(100 / size)
    assert len(rests) == pieces + math.ceil(pieces / 8)


def test_both_days_of_a_piece_at_midnight_are_told() -> None:
    batch = PieceBatch(lambda *key: VERSIONS[key])
    batch.add([load(record(11)), load(record(12))])
    assert sorted(batch.days()) == [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]


def row_at(micros: int) -> dict[str, Any]:
    """Return a row with the id of a time, in microseconds since 1970."""
    return {**load(record(1)), "predicted_at": micros, "id": str(uuid7(micros, 0))}


def test_the_times_that_the_server_takes_are_taken() -> None:
    latest = latest_timestamp()
    batch = PieceBatch(lambda *key: VERSIONS[key])
    batch.add([row_at(EPOCH_MICROSECONDS), row_at(EPOCH_MICROSECONDS + microseconds(latest))])
    [count] = batch.counts(VERSIONS)
    assert (count.first, count.last) == (EPOCH, latest)
    for micros in (-1, microseconds(latest_timestamp()) + 1):
        with pytest.raises(InvalidValue, match="no time from 2000 on"):
            batch.add([row_at(EPOCH_MICROSECONDS + micros)])


@pytest.mark.parametrize("at", [None, "2026-01-01", 1.5, -1, 10**18, True])
def test_a_time_that_is_none_is_refused(at: object) -> None:
    row = {**load(record(1)), "predicted_at": at}
    with pytest.raises(InvalidValue, match="predicted_at"):
        PieceBatch(lambda *key: VERSIONS[key]).add([load(record(2)), row])


@pytest.mark.parametrize(
    "id", ["01a229b9-1d70-7fce-9ee7-d05cfde02614", "0" * 36, "01a229b9-1d70", 1]
)
def test_an_id_of_another_time_or_form_is_refused(id: object) -> None:
    rows = [load(record(place)) for place in range(60)]
    rows[40] = {**rows[40], "id": id}
    with pytest.raises(InvalidValue, match="id"):
        PieceBatch(lambda *key: VERSIONS[key]).add(rows)
