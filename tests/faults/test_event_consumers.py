"""Consumers of events that are killed, that are many, that lose their connections."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from fix_faults import full

from mlops_ledger import AsyncDatabase, Database, async_events, events

CONSUMER = """
import os, sys
from mlops_ledger import Database, events
file = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
with Database(sys.argv[1]) as db:
    for event in events(db, consumer="killed", poll=0.1):
        os.write(file, b"%d\\n" % event.seq)
"""
RAISE = """
SELECT raise_alert('type ' || n, 'news') FROM generate_series(%s::integer, %s::integer) n
"""


def raise_alerts(conn: psycopg.Connection, first: int, last: int) -> None:
    """Make as many events, in one transaction."""
    conn.execute(RAISE, [first, last])


def wait_for(conn: psycopg.Connection, query: str) -> None:
    """Wait until a query has an answer other than 0."""
    for _ in range(1200):
        [(found,)] = conn.execute(query.encode()).fetchall()
        if found:
            return
        time.sleep(0.05)
    raise AssertionError(query)


def test_a_consumer_that_is_killed_misses_nothing_and_sees_it_in_order(
    dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "seen"
    file.touch()
    kills, made = full(100, 5), 0
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, "-c", CONSUMER, dsn, file])
        before = file.stat().st_size
        # At least one event is seen by each; then death comes at random.
        while file.stat().st_size == before:
            assert child.poll() is None
            raise_alerts(conn, made + 1, made + 20)
            made += 20
            time.sleep(0.05)
        time.sleep(random.uniform(0, 0.2))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with Database(dsn) as db, file.open("a") as end:
        for event in events(db, consumer="killed", follow=False):
            print(event.seq, file=end)
    seen = [int(line) for line in file.read_text().splitlines()]
    first = list(dict.fromkeys(seen))
    assert first == list(range(1, made + 1))
    again = [(one, other) for one, other in pairwise(seen) if other != one + 1]
    # Only a new process goes back, and not further than a page.
    assert len(again) <= kills
    assert all(one - 500 <= other <= one for one, other in again)


def test_ten_consumers_see_every_event_in_order(dsn: str, conn: psycopg.Connection) -> None:
    count = full(20_000, 1_000)
    seen: dict[int, list[int]] = {number: [] for number in range(10)}

    def consume(number: int) -> None:
        with Database(dsn) as db, closing(events(db, consumer=f"c{number}")) as stream:
            for event in stream:
                seen[number].append(event.seq)
                if event.seq == count:
                    return

    threads = [threading.Thread(target=consume, args=[number], daemon=True) for number in seen]
    for thread in threads:
        thread.start()
    for first in range(1, count, 50):
        raise_alerts(conn, first, first + 49)
    for thread in threads:
        thread.join(60)
    assert [seen[number] == list(range(1, count + 1)) for number in seen] == [True] * 10


LISTENS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND query = 'LISTEN mlops_ledger_events' AND state = 'idle'"
)


def test_who_begins_after_an_event_to_come_waits_for_it(dsn: str, conn: psycopg.Connection) -> None:
    raise_alerts(conn, 1, 3)
    seen: list[int] = []

    def follow() -> None:
        with Database(dsn) as db, closing(events(db, after=5, poll=0.1)) as stream:
            seen.append(next(stream).seq)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    wait_for(conn, LISTENS)
    raise_alerts(conn, 4, 6)
    thread.join(60)
    assert seen == [6]


def test_a_follower_is_woken_and_outlives_its_connections(
    dsn: str, conn: psycopg.Connection
) -> None:
    def follow(poll: float, last: str) -> threading.Thread:
        def run() -> None:
            with Database(dsn) as db, closing(events(db, consumer="f", poll=poll)) as stream:
                for event in stream:
                    if event.data["alert_type"] == last:
                        return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        wait_for(conn, LISTENS)
        return thread

    # Two minutes would pass if nothing woke it.
    woken = follow(120, "one")
    conn.execute("SELECT raise_alert('one', 'news')")
    woken.join(60)
    assert not woken.is_alive()

    cut = follow(0.1, "two")
    conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    conn.execute("SELECT raise_alert('two', 'news')")
    cut.join(60)
    assert not cut.is_alive()


async def test_an_asynchronous_follower_can_be_cancelled(
    dsn: str, conn: psycopg.Connection
) -> None:
    seen: list[int] = []

    async def follow(db: AsyncDatabase) -> None:
        async for event in async_events(db, consumer="a"):
            seen.append(event.seq)

    async with AsyncDatabase(dsn) as db:
        task = asyncio.create_task(follow(db))
        raise_alerts(conn, 1, 3)
        while len(seen) < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [event.seq async for event in async_events(db, consumer="a", follow=False)] in (
            [],
            [3],
        )
