"""The collector of system metrics, through a database that comes and goes."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import psycopg
from fix_faults import Proxy, full

from mlops_ledger import Database, Settings, SystemMetricsRepository
from mlops_ledger.admin.collector import Collector

AT_ONCE = timedelta(microseconds=1)


def test_every_sample_is_stored_once_through_an_outage(dsn: str, conn: psycopg.Connection) -> None:
    said: list[str] = []
    samples = full(500, 20)
    with Proxy(dsn, share=0) as proxy:
        settings = Settings(conninfo=proxy.dsn, pool_min_size=0, pool_timeout=5)
        with Database(settings) as db:
            collector = Collector(SystemMetricsRepository(db), say=said.append)
            assert collector.run(every=AT_ONCE, stop=Event(), count=2) == 0
            # Half of the cuts come after the statement was executed.
            for share in (1.0, 0.2):
                proxy._share = share
                collector.run(every=AT_ONCE, stop=Event(), count=samples if share < 1 else 2)
            proxy._share = 0
            assert collector.run(every=AT_ONCE, stop=Event(), count=1) == 0
    assert collector.stored == samples + 5
    found = conn.execute(
        "SELECT count(DISTINCT timestamp), count(*), count(DISTINCT (timestamp, metric_name,"
        " attributes)) FROM system_metrics"
    ).fetchone()
    assert found is not None
    assert found[0] == collector.stored
    assert found[1] == found[2]
    assert "keeping up to 1000 samples until it is back" in said[0]
    assert said[-1].startswith("the database is back: ")
    assert said[-1].endswith(" samples stored, 0 lost")


def test_the_oldest_samples_are_dropped_when_there_is_no_room(
    dsn: str, conn: psycopg.Connection
) -> None:
    said: list[str] = []
    with Proxy(dsn, share=1) as proxy:
        settings = Settings(conninfo=proxy.dsn, pool_min_size=0, pool_timeout=5)
        db = Database(settings)
        collector = Collector(SystemMetricsRepository(db), capacity=3, say=said.append)
        assert collector.run(every=AT_ONCE, stop=Event(), count=5) == 2 + 3
        proxy._share = 0
        assert collector.run(every=AT_ONCE, stop=Event(), count=1) == 3
        db.close()
    assert conn.execute("SELECT count(DISTINCT timestamp) FROM system_metrics").fetchone() == (3,)
    assert [message.partition(":")[0] for message in said[1:]] == [
        "3 samples wait",
        "the database is back",
    ]
