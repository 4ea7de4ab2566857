# Generated from tests/_async/test_pending.py by tools/unasync.py: edit that file, then run `make sync`.
"""Answers from summaries say which of their buckets are not counted yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_faults import slow_down, speed_up

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("series", ["monitoring_series", "latency_series", "performance_series"])
def test_a_bucket_says_what_is_not_counted_yet(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    series: str,
) -> None:
    """Of a long window not all is folded in passing."""
    models.insert(model_name="m")
    rows = [
        {"id": new_id(at), "predicted_at": at, "features": [1], "latency_ms": 1}
        for at in (NOON + number * HOUR for number in range(120))
    ]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    summaries = SummariesRepository(db)
    home = GroundTruthRepository(db) if series == "performance_series" else summaries
    count = "count" if series == "latency_series" else "num_predictions"
    window: dict[str, Any] = {"since": NOON, "until": NOON + 120 * HOUR, "bucket": HOUR}
    found = getattr(home, series)(model_name="m", model_version="1", **window)
    counted = [getattr(each, count) == 1 for each in found]
    assert 0 < sum(counted) < 60
    assert [each.pending_since is None for each in found] == counted
    summaries.fold()
    for each in getattr(home, series)(model_name="m", model_version="1", **window):
        assert (getattr(each, count), each.pending_since) == (1, None)


def test_a_fold_with_a_limit_of_time_goes_on_another_time(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    conn: psycopg.Connection,
) -> None:
    """What readers fold in passing costs them little, however much waits."""
    models.insert(model_name="m")
    rows = [
        {"id": new_id(at), "predicted_at": at}
        for at in (NOON + number * HOUR for number in range(5))
    ]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    slow_down(conn, 0.2, "summaries")
    summaries = SummariesRepository(db)
    fold = "SELECT fold_summaries(id, max_time => '100 ms') FROM model_versions"
    assert conn.execute(fold).fetchone() == (1,)
    assert [each.first_predicted_at for each in summaries.list_pending()] == [NOON + HOUR]
    speed_up(conn)
    assert summaries.fold() == 4
