"""Ids lead to the time of what they name, and sort by it."""

from __future__ import annotations

import os
import pickle
import random
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID, SafeUUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_ledger import id_for, new_id
from mlops_ledger.ids import (
    microseconds_of,
    ordered_uuid7,
    time_of,
    whole_millisecond,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(TIMES)
def test_the_time_of_an_id_is_exact(at: datetime) -> None:
    assert time_of(new_id(at)) == time_of(id_for("r1", at)) == at
    assert new_id(at).version == id_for("r1", at).version == 7


def test_every_microsecond_of_a_millisecond_comes_back() -> None:
    halves = [ordered_uuid7(microseconds, 0, 0)[0] for microseconds in range(10**9, 10**9 + 1000)]
    assert [microseconds_of(half) for half in halves] == list(range(10**9, 10**9 + 1000))


@given(TIMES, st.integers(0, 2**31), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_ids_sort_by_time_then_number(at: datetime, number: int, one: int, other: int) -> None:
    microseconds = (at - EPOCH) // timedelta(microseconds=1)
    first = ordered_uuid7(microseconds, number, one)
    assert first < ordered_uuid7(microseconds, number + 1, other)
    assert first < ordered_uuid7(microseconds + 1, 0, other)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(TIMES)
def test_the_database_reads_the_same_time(conn: psycopg.Connection, at: datetime) -> None:
    id = new_id(at)
    query = "SELECT ledger_uuid_time(%s), ledger_uuid_time(ledger_uuid_floor(%s))"
    assert conn.execute(query, [id, at]).fetchone() == (at, at)


@given(TIMES, st.integers(0, 0xFFF))
def test_an_id_made_elsewhere_tells_the_millisecond(at: datetime, fraction: int) -> None:
    elsewhere = UUID(int=new_id(at).int & ~(0xFFF << 64) | fraction << 64)
    assert whole_millisecond(time_of(elsewhere)) == whole_millisecond(at)


def random_half() -> int:
    return new_id().int & (1 << 62) - 1


def test_an_id_is_a_uuid_like_any_other() -> None:
    made = new_id()
    assert made == UUID(str(made)) == pickle.loads(pickle.dumps(made))
    assert made.is_safe is SafeUUID.unknown
    assert made.variant == RFC_4122


def test_a_forked_child_does_not_repeat_its_parents_random_bits() -> None:
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(there, random_half().to_bytes(8))
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(here, 8) != random_half().to_bytes(8)
    os.close(here)
    os.close(there)


def test_random_bits_do_not_depend_on_the_programs_seed() -> None:
    random.seed(1)
    first = random_half()
    random.seed(1)
    assert random_half() != first
