"""The predictions that the benchmarks store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np

from mlops_ledger import new_id

DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
FEATURES = [f"feature_{number}" for number in range(1, 13)]
ONE: dict[str, Any] = {"model_name": "m", "model_version": "1"}


def make_rows(size: int) -> Iterator[dict[str, Any]]:
    """Make predictions of one day, in the order of time."""
    chance = random.Random(1)
    for number in range(size):
        at = DAY + number * timedelta(days=1) / size
        yield {
            "id": new_id(at),
            "predicted_at": at,
            "request_id": uuid4().hex,
            "features": {name: chance.random() for name in FEATURES},
            "prediction": chance.random(),
            "predicted_label": chance.choice(("late", "on time")),
            "probability": chance.random(),
            "latency_ms": chance.random() * 10,
        }


def as_columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Turn the rows into arrays; ids are left to the ledger."""
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in rows])
        for name in ("prediction", "probability", "latency_ms")
    }
    columns["predicted_label"] = [row["predicted_label"] for row in rows]
    columns["request_id"] = [row["request_id"] for row in rows]
    columns["features"] = np.array([list(row["features"].values()) for row in rows])
    times = [row["predicted_at"].replace(tzinfo=None) for row in rows]
    columns["predicted_at"] = np.array(times, "M8[us]")
    return columns


def make_columns(size: int, start: datetime, length: timedelta) -> dict[str, Any]:
    """Make predictions of a range of time, by the column, without request ids."""
    chance = np.random.default_rng()
    first = np.datetime64(start.replace(tzinfo=None), "us")
    step = np.timedelta64(length // timedelta(microseconds=1) // size, "us")
    return {
        "predicted_at": first + np.arange(size) * step,
        "features": chance.random((size, len(FEATURES))),
        "prediction": chance.random(size),
        "probability": chance.random(size),
        "latency_ms": chance.exponential(5, size),
        "predicted_label": np.array(["late", "on time"])[chance.integers(0, 2, size)],
    }
