# Generated from tests/_async/test_latency_series.py by tools/unasync.py: edit that file, then run `make sync`.
"""Latencies by bucket of time: those of NumPy, of one version or of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.errors import NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RANDOM = np.random.default_rng(5)


@pytest.fixture
def summaries(db: Database) -> SummariesRepository:
    """The summaries of a database."""
    return SummariesRepository(db)


@pytest.fixture(autouse=True)
def registered(models: ModelVersionRepository) -> None:
    """Two versions."""
    for _ in range(2):
        models.insert(model_name="m")


def row(hours: float, latency_ms: float | None) -> dict[str, Any]:
    at = NOON + hours * HOUR
    return {"id": new_id(at), "predicted_at": at, "latency_ms": latency_ms}


def test_latencies_by_bucket_are_those_of_numpy(
    predictions: PredictionsRepository, summaries: SummariesRepository
) -> None:
    odd = [0.0, 1e-4, 3.5, 3.5, 1e5, 1e12]
    latencies = [*RANDOM.exponential(40, 594), *odd]
    rows = [row(n / 10, latencies[n] if n % 7 else None) for n in range(600)]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    summaries.fold(model_name="m")
    midnight = NOON.replace(hour=0)
    for since, hours in ((midnight, 24), (midnight, 48), (NOON, 1), (NOON, 24), (NOON, 7)):
        until = NOON + 63 * HOUR
        found = summaries.latency_series(
            model_name="m", since=since, until=until, bucket=hours * HOUR
        )
        counted = 0
        for each in found:
            end = min(each.bucket + hours * HOUR, until)
            places = range(*(round((at - NOON) / HOUR * 10) for at in (each.bucket, end)))
            inside = [latencies[n] for n in places if 0 <= n < 600 and n % 7]
            counted += each.count
            assert each.count == len(inside)
            if not inside:
                assert (each.mean, each.p50, each.max) == (None, None, None)
                continue
            assert each.mean == pytest.approx(np.mean(inside), rel=1e-12)
            assert each.max == max(inside)
            shares = ((50, each.p50), (90, each.p90), (95, each.p95), (99, each.p99))
            for share, value in shares:
                exact = np.percentile(inside, share, method="lower")
                assert value == pytest.approx(exact, rel=each.relative_error * 1.001, abs=1e-3)
        assert counted == sum(1 for n in range(600) if n % 7)
        beside = summaries.monitoring_series(
            model_name="m", model_version="1", since=since, until=until, bucket=hours * HOUR
        )
        for one, other in zip(found, beside, strict=True):
            assert one.max == other.latency_max
            if one.max is not None:
                assert one.mean == pytest.approx(other.latency_mean, rel=1e-12)
                assert one.p99 == pytest.approx(other.latency_p99, rel=0.01, abs=1e-3)
    with pytest.raises(NotFound, match="there is no version 9 of model m"):
        summaries.latency_series(
            model_name="m", model_version="9", since=NOON, until=NOON + HOUR
        )


def test_a_quantile_that_falls_on_a_value_is_that_value(
    predictions: PredictionsRepository, summaries: SummariesRepository
) -> None:
    rows = [row(n / 60, 1.05**n) for n in range(101)]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    [each] = summaries.latency_series(
        model_name="m", since=NOON, until=NOON + 2 * HOUR, bucket=2 * HOUR
    )
    for share, value in ((50, each.p50), (90, each.p90), (95, each.p95), (99, each.p99)):
        assert value == pytest.approx(1.05**share, rel=0.01)


def test_the_latencies_of_all_versions_are_one_series(
    predictions: PredictionsRepository, summaries: SummariesRepository
) -> None:
    for version in ("1", "2"):
        rows = [row(0.5, float(version)), row(1.5, 10 * float(version))]
        predictions.insert_many(rows=rows, model_name="m", model_version=version)
    window: dict[str, Any] = {"since": NOON, "until": NOON + 2 * HOUR, "bucket": HOUR}
    for version, expected in (
        (None, [(2, 1.5, 2), (2, 15, 20)]),
        ("1", [(1, 1, 1), (1, 10, 10)]),
        ("2", [(1, 2, 2), (1, 20, 20)]),
    ):
        found = summaries.latency_series(model_name="m", model_version=version, **window)
        assert [(each.count, each.mean, each.max) for each in found] == expected


def test_no_quantile_is_above_the_longest_latency(
    predictions: PredictionsRepository, summaries: SummariesRepository
) -> None:
    """Quantiles are the middle of their bin, of which these have the lower end."""
    latency_ms = 1.02**200 * 1.0001
    rows = [row(n / 60, latency_ms) for n in range(10)]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    window: dict[str, Any] = {"model_name": "m", "since": NOON, "until": NOON + HOUR}
    [each] = summaries.latency_series(**window, bucket=HOUR)
    assert [each.p50, each.p90, each.p95, each.p99, each.max] == [latency_ms] * 5
