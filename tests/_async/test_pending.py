"""Answers from summaries say which of their buckets are not counted yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_faults import slow_down, speed_up

from mlops_ledger import (
    AsyncDatabase,
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    AsyncSummariesRepository,
    new_id,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("series", ["monitoring_series", "latency_series", "performance_series"])
async def test_a_bucket_says_what_is_not_counted_yet(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    series: str,
) -> None:
    """Of a long window not all is folded in passing."""
    await models.insert(model_name="m")
    rows = [
        {"id": new_id(at), "predicted_at": at, "features": [1], "latency_ms": 1}
        for at in (NOON + number * HOUR for number in range(120))
    ]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    summaries = AsyncSummariesRepository(db)
    home = AsyncGroundTruthRepository(db) if series == "performance_series" else summaries
    count = "count" if series == "latency_series" else "num_predictions"
    window: dict[str, Any] = {"since": NOON, "until": NOON + 120 * HOUR, "bucket": HOUR}
    found = await getattr(home, series)(model_name="m", model_version="1", **window)
    counted = [getattr(each, count) == 1 for each in found]
    assert 0 < sum(counted) < 60
    assert [each.pending_since is None for each in found] == counted
    await summaries.fold()
    for each in await getattr(home, series)(model_name="m", model_version="1", **window):
        assert (getattr(each, count), each.pending_since) == (1, None)


async def test_a_fold_with_a_limit_of_time_goes_on_another_time(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    conn: psycopg.Connection,
) -> None:
    """What readers fold in passing costs them little, however much waits."""
    await models.insert(model_name="m")
    rows = [
        {"id": new_id(at), "predicted_at": at}
        for at in (NOON + number * HOUR for number in range(5))
    ]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    slow_down(conn, 0.2, "summaries")
    summaries = AsyncSummariesRepository(db)
    fold = "SELECT fold_summaries(id, max_time => '100 ms') FROM model_versions"
    assert conn.execute(fold).fetchone() == (1,)
    assert [each.first_predicted_at for each in await summaries.list_pending()] == [NOON + HOUR]
    speed_up(conn)
    assert await summaries.fold() == 4
