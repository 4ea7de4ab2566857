# Generated from tests/_async/test_system_metrics.py by tools/unasync.py: edit that file, then run `make sync`.
"""Storing what is measured on hosts."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest

from mlops_ledger import Database, SystemMetricsRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, LedgerError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

VALUE = {"host": "a", "metric_name": "cpu_percent", "metric_value": 50, "timestamp": NOON}


def test_values_have_labels_and_find_their_partition(
    system: SystemMetricsRepository, conn: psycopg.Connection
) -> None:
    """System metrics with JSON attributes: resources, timing of requests, throughput."""
    given = {**VALUE, "attributes": {"cpu": 0, "mode": "user"}, "unit": "percent"}
    rows = [
        given,
        {**VALUE, "metric_name": "request_seconds", "attributes": {"route": "/predict"}},
        {**VALUE, "timestamp": NOON - 40 * DAY},
    ]
    written = system.insert_many(rows=rows)
    assert (written.stored, written.duplicates) == (3, 0)
    timing, *_ = reversed(system.latest(host="a"))
    assert timing.attributes == {"route": "/predict"}
    latest, *_ = system.latest(host="a")
    assert {name: getattr(latest, name) for name in given} == given
    names = conn.execute("SELECT name FROM ledger_partitions('system_metrics')").fetchall()
    assert names == [("system_metrics_p2025_11_22",), ("system_metrics_p2026_01_01",)]
    assert system.ensure_partitions(since=NOON, until=NOON + DAY) == 1
    assert system.ensure_partitions() == 8


def test_values_are_stored_exactly_once(
    db: Database, system: SystemMetricsRepository
) -> None:
    idempotency_key, one = new_id(), new_id(NOON)
    rows = [{**VALUE, "metric_value": value} for value in range(1000)] + [{**VALUE, "id": one}]
    for expected in ((1001, 0), (0, 1001)):
        written = system.insert_many(rows=rows, idempotency_key=idempotency_key)
        assert (written.stored, written.duplicates) == expected
    with pytest.raises(Conflict, match=f"^id: {one} already names another value$"):
        system.insert_many(rows=[VALUE, {**VALUE, "id": one, "host": "b"}])
    # In a transaction that has missed a partition and goes on.
    with db.transaction() as tx:
        within = SystemMetricsRepository(tx)
        written = within.insert_many(
            rows=[{**VALUE, "timestamp": NOON + 9 * DAY}, {**VALUE, "id": one}]
        )
        assert (written.stored, written.duplicates) == (1, 1)
    [first, second] = system.timeseries(
        metric_name="cpu_percent", since=NOON, until=NOON + 10 * DAY, bucket="day"
    )
    assert (first.count, second.count) == (1001, 1)


def test_latest_is_what_the_host_said_last(system: SystemMetricsRepository) -> None:
    minutes = timedelta(minutes=1)
    rows = [
        {
            **VALUE,
            "timestamp": NOON + age * minutes,
            "metric_value": age,
            "attributes": {"cpu": cpu},
        }
        for age in (0, 9, 10)
        for cpu in (0, 1)
    ]
    rows += [{**VALUE, "host": "b", "timestamp": NOON + DAY}]
    rows += [{**VALUE, "metric_name": "gone"}]
    system.insert_many(rows=rows)
    found = system.latest(host="a")
    assert [(each.metric_name, each.metric_value, each.attributes) for each in found] == [
        ("cpu_percent", 10, {"cpu": 0}),
        ("cpu_percent", 10, {"cpu": 1}),
    ]
    assert system.latest(host="unknown") == []


def test_a_metric_over_time(system: SystemMetricsRepository) -> None:
    rows = [
        {**VALUE, "host": host, "timestamp": NOON + hour * HOUR, "attributes": {"cpu": cpu, "x": 1}}
        for host in ("a", "b")
        for hour in (0, 0.5, 3)
        for cpu in (0, 1)
    ]
    system.insert_many(rows=rows)
    given = {"metric_name": "cpu_percent", "since": NOON, "until": NOON + DAY}
    for filters, expected in (
        ({}, [8, 4]),
        ({"host": "a"}, [4, 2]),
        ({"host": "a", "attributes": {"cpu": 1}}, [2, 1]),
        ({"attributes": {"cpu": 2}}, []),
        ({"bucket": "day"}, [12]),
        ({"bucket": 4 * HOUR}, [12]),
    ):
        found = system.timeseries(**given, **filters)
        assert [each.count for each in found] == expected, filters
    assert system.timeseries(metric_name="cpu_percent") == []


def test_this_host_is_measured(system: SystemMetricsRepository) -> None:
    """The metrics of this host are collected, with names and attributes like Prometheus'."""
    before = datetime.now(UTC)
    first = system.collect()
    assert first.stored >= 15
    system.collect()
    found = {each.metric_name: each for each in system.latest(host=socket.gethostname())}
    assert {each.timestamp for each in found.values()} == {found["cpu_percent"].timestamp}
    assert before <= found["cpu_percent"].timestamp <= datetime.now(UTC)
    assert 0 <= found["cpu_percent"].metric_value <= 100
    assert found["disk_percent"].attributes == {"path": "/"}
    assert found["process_resident_memory_bytes"].metric_value > 1e6
    assert found["process_resident_memory_bytes"].unit == "bytes"
    assert found["process_open_fds"].metric_value >= 3
    assert {"memory_percent", "load_1m", "process_cpu_percent"} <= set(found)
    with pytest.raises(InvalidValue, match=r"^disks: there is no such disk"):
        system.collect(disks=["/", "/nowhere"])


def test_graphics_processors_are_measured_where_there_are_any(
    system: SystemMetricsRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No machine of the tests has one, so NVIDIA's library is played by a stand-in."""

    class NVMLError(Exception):
        """What the library raises."""

    def power(number: int) -> int:
        raise NVMLError("not supported")

    library = SimpleNamespace(
        NVMLError=NVMLError,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetName=lambda gpu: f"card {gpu}",
        nvmlDeviceGetMemoryInfo=lambda gpu: SimpleNamespace(used=5, total=10),
        nvmlDeviceGetUtilizationRates=lambda gpu: SimpleNamespace(gpu=75),
        nvmlDeviceGetTemperature=lambda gpu, sensor: power(gpu) if gpu else 60,
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    system.collect()
    found = [
        (each.metric_name, each.metric_value, each.attributes)
        for each in system.latest(host=socket.gethostname())
        if each.metric_name.startswith("gpu_") and "_memory_" not in each.metric_name
    ]
    cards = [{"gpu": number, "name": f"card {number}"} for number in range(2)]
    assert found == [
        ("gpu_percent", 75, cards[0]),
        ("gpu_percent", 75, cards[1]),
        ("gpu_temperature_celsius", 60, cards[0]),
    ]


def test_without_psutil_the_extra_is_named(
    system: SystemMetricsRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(LedgerError, match=r'pip install "mlops-ledger\[metrics\]"'):
        system.collect()
