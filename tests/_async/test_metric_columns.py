"""Metrics of models and hosts by the column, and what a write of rows and columns has in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest

from mlops_ledger import (
    AsyncModelVersionRepository,
    AsyncPerformanceMetricsRepository,
    AsyncSystemMetricsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STORED = """
SELECT metric_name, metric_value, timestamp, model_version_id, metric_type, stage, step,
       dataset_version, slice, metadata
FROM performance_metrics ORDER BY id
"""
COLUMNS: dict[str, Any] = {
    "model_name": "m",
    "metric_name": ["loss", "accuracy", "loss"],
    "metric_value": np.array([0.5, 0.25, 0.125]),
    "timestamp": np.array(["2026-01-01T12", "2026-01-01T13", "2026-01-03T12"], "M8[us]"),
    "step": np.array([1, 1, 2]),
    "slice": ["", "eu", None],
    "metadata": [{"samples": 3}, None, {}],
}


@pytest.fixture(autouse=True)
async def versions(models: AsyncModelVersionRepository) -> dict[str, UUID]:
    """Versions 1 and 2 of model m; 1 in production since a day before noon, 2 a day after it."""
    made = {number: await models.insert(model_name="m") for number in ("1", "2")}
    await models.promote(model_name="m", model_version="1", at=NOON - 24 * HOUR)
    await models.promote(model_name="m", model_version="2", at=NOON + 24 * HOUR)
    return made


def as_rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn the columns into rows of the same write."""
    lists = {
        name: [column] * 3 if isinstance(column, str) else list(column)
        for name, column in columns.items()
    }
    lists["timestamp"] = [at.replace(tzinfo=UTC) for at in columns["timestamp"].tolist()]
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


async def test_columns_are_stored_as_the_same_rows(
    metrics: AsyncPerformanceMetricsRepository,
    versions: dict[str, UUID],
    conn: psycopg.Connection,
) -> None:
    """Rows and columns of one write have the same ids, versions and defaults."""
    key = new_id()
    written = await metrics.insert_columns(columns=COLUMNS, idempotency_key=key)
    assert (written.stored, written.duplicates) == (3, 0)
    expected = [
        ("loss", 0.5, NOON, versions["1"], "", {"samples": 3}, 1),
        ("accuracy", 0.25, NOON + HOUR, versions["1"], "eu", {}, 1),
        ("loss", 0.125, NOON + 48 * HOUR, versions["2"], "", {}, 2),
    ]
    found = conn.execute(STORED).fetchall()
    assert [(*row[:4], *row[8:], row[6]) for row in found] == expected
    assert {row[4:6] for row in found} == {("performance", "production")}
    again = await metrics.insert_many(rows=as_rows(COLUMNS), idempotency_key=key)
    assert (again.stored, again.duplicates) == (0, 3)
    with pytest.raises(Conflict, match="already names another value"):
        await metrics.insert_columns(columns={**COLUMNS, "stage": "test"}, idempotency_key=key)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
async def test_tables_of_every_kind(
    metrics: AsyncPerformanceMetricsRepository, conn: psycopg.Connection, frame: Any
) -> None:
    given = {name: COLUMNS[name] for name in ("metric_name", "metric_value", "step")}
    await metrics.insert_columns(columns=frame({**given, "model_name": ["m"] * 3}))
    stored = [(row[0], row[1], row[6]) for row in conn.execute(STORED).fetchall()]
    assert stored == [("loss", 0.5, 1), ("accuracy", 0.25, 1), ("loss", 0.125, 2)]


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame, pa.table])
async def test_a_version_by_its_number(
    metrics: AsyncPerformanceMetricsRepository,
    versions: dict[str, UUID],
    conn: psycopg.Connection,
    frame: Any,
) -> None:
    """A row without a number is about its id, or else about the version then in production."""
    columns = frame(
        {
            "model_name": ["m"] * 4,
            "model_version": ["2", "1", None, None],
            "model_version_id": [None, None, str(versions["2"]), None],
            "metric_name": ["loss"] * 4,
            "metric_value": [1.0, 2.0, 3.0, 4.0],
            "timestamp": [NOON] * 4,
        }
    )
    await metrics.insert_columns(columns=columns)
    await metrics.insert_columns(
        columns={
            "model_name": "m",
            "model_version": "2",
            "metric_name": "loss",
            "metric_value": [5.0],
            "timestamp": NOON,
        }
    )
    expected = [versions[number] for number in ("2", "1", "2", "1", "2")]
    assert [row[3] for row in conn.execute(STORED).fetchall()] == expected
    for change, refused, words in (
        ({"model_version": "9"}, NotFound, "no version"),
        ({"model_version": 1}, InvalidValue, "columns.model_version: "),
        ({"model_version": [["1"]] * 3}, InvalidValue, "columns.model_version: "),
        ({"model_version": "1", "model_version_id": versions["2"]}, InvalidValue, "not both"),
    ):
        with pytest.raises(refused, match=words):
            await metrics.insert_columns(columns={**COLUMNS, **change})
    assert len(conn.execute(STORED).fetchall()) == 5


async def test_refused_columns_are_named_and_nothing_is_stored(
    metrics: AsyncPerformanceMetricsRepository, conn: psycopg.Connection
) -> None:
    for change, field in (
        ({"metric_value": [1.0, None, 2.0]}, "columns.metric_value"),
        ({"metric_value": np.array([1.0, np.nan, 2.0])}, "columns.metric_value"),
        ({"metric_value": np.array([1.0, np.inf, 2.0])}, "columns.metric_value"),
        ({"metric_value": np.array([1.0, 1e200, 2.0])}, "metric_value"),
        ({"metric_value": None}, "columns.metric_value"),
        ({"metric_value": [1.0]}, "columns"),
        ({"value": [1.0, 2.0, 3.0]}, "columns.value"),
        ({"step": [1, 2.5, 3]}, "columns.step"),
        ({"timestamp": datetime(2026, 1, 1)}, "columns.timestamp"),
        ({"timestamp": datetime(1999, 1, 1, tzinfo=UTC)}, "columns.timestamp"),
        ({"timestamp": datetime.now(UTC) + HOUR}, "columns.timestamp"),
        ({"model_version_id": "x"}, "columns.model_version_id"),
        ({"metric_value": {1.0, 2.0, 3.0}}, "columns.metric_value"),
    ):
        with pytest.raises(InvalidValue) as refusal:
            await metrics.insert_columns(columns={**COLUMNS, **change})
        assert refusal.value.field == field, change
    with pytest.raises(NotFound, match="no model of that name"):
        await metrics.insert_columns(columns={**COLUMNS, "model_name": "unknown"})
    with pytest.raises(NotFound, match="names no version of this model"):
        await metrics.insert_columns(columns={**COLUMNS, "model_version_id": new_id()})
    assert conn.execute(STORED).fetchall() == []


async def test_a_version_with_metrics_stays(
    metrics: AsyncPerformanceMetricsRepository,
    models: AsyncModelVersionRepository,
    conn: psycopg.Connection,
) -> None:
    """There is no foreign key; what it would forbid is refused all the same."""
    version = await models.insert(model_name="other")
    await metrics.insert_many(
        rows=[
            {"model_name": "other", "model_version_id": version}
            | {"metric_name": "r2"}
            | {"metric_value": 1}
        ]
    )
    for statement, words in (
        ("DELETE FROM model_versions WHERE model_name = 'other'", "has values of this version"),
        ("UPDATE model_versions SET model_name = 'x' WHERE model_name = 'other'", "has values of"),
        ("UPDATE performance_metrics SET model_version_id = ledger_uuid()", "names no version"),
        ("UPDATE performance_metrics SET model_name = 'm'", "names no version"),
    ):
        with pytest.raises(psycopg.Error, match=words):
            conn.execute(statement.encode())
    conn.execute("DELETE FROM performance_metrics")
    conn.execute("DELETE FROM model_versions WHERE model_name = 'other'")


async def test_metrics_of_hosts_by_the_column(system: AsyncSystemMetricsRepository) -> None:
    """Missing partitions are made; a unit that is missing is NULL."""
    key = new_id()
    columns = {
        "host": "a",
        "metric_name": "disk_percent",
        "metric_value": [1, 2, 3],
        "timestamp": [NOON, NOON, NOON + 240 * HOUR],
        "unit": ["percent", None, "percent"],
        "attributes": [{"path": "/"}, {"path": "/data"}, None],
    }
    for expected in ((3, 0), (0, 3)):
        written = await system.insert_columns(columns=columns, idempotency_key=key)
        assert (written.stored, written.duplicates) == expected
    [latest] = await system.latest(host="a")
    assert (latest.metric_value, latest.attributes, latest.unit) == (3, {}, "percent")
    days = await system.timeseries(
        metric_name="disk_percent", since=NOON, until=NOON + 480 * HOUR, bucket="day"
    )
    assert [(day.count, day.mean) for day in days] == [(2, 1.5), (1, 3)]


async def test_the_ids_of_a_write_are_in_order(
    metrics: AsyncPerformanceMetricsRepository, conn: psycopg.Connection
) -> None:
    """So that they append to the index, and writes of one microsecond do not share any."""
    for _ in range(2):
        await metrics.insert_many(
            rows=[
                {"model_name": "m", "metric_name": "n", "metric_value": value, "timestamp": NOON}
                for value in range(1000)
            ],
            idempotency_key=new_id(NOON),
        )
    found = conn.execute("SELECT metric_value FROM performance_metrics ORDER BY id").fetchall()
    assert [value for (value,) in found] == 2 * list(range(1000))


@pytest.mark.parametrize("missing", [None, float("nan"), np.datetime64("NaT")], ids=repr)
async def test_a_missing_time_is_now(
    metrics: AsyncPerformanceMetricsRepository,
    versions: dict[str, UUID],
    conn: psycopg.Connection,
    missing: Any,
) -> None:
    began = datetime.now(UTC)
    columns = {
        "model_name": "m",
        "model_version": "1",
        "metric_name": ["a", "b"],
        "metric_value": [1.0, 2.0],
        "timestamp": [NOON, missing],
    }
    rows = [
        {name: value[k] if isinstance(value, list) else value for name, value in columns.items()}
        for k in (0, 1)
    ]
    await metrics.insert_columns(columns=columns)
    await metrics.insert_many(rows=rows)
    found = conn.execute("SELECT timestamp FROM performance_metrics ORDER BY timestamp")
    first, second, *now = [at for (at,) in found]
    assert (first, second) == (NOON, NOON)
    assert all(began <= at <= datetime.now(UTC) for at in now)
