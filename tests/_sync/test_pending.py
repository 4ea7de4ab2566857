# Generated from tests/_async/test_pending.py by tools/unasync.py: edit that file, then run `make sync`.
"""Answers from summaries say which of their buckets are not counted yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_faults import slow_down, speed_up

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERIES = ("monitoring_series", "latency_series", "performance_series")


@pytest.mark.parametrize("series", SERIES)
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


def _pending(db: Database, series: str) -> list[datetime | None]:
    """Return since when what hour of four waits; a reader counts nothing."""
    is_theirs = series == "performance_series"
    with db.transaction() as tx:
        with tx.connection() as connection:
            connection.execute("SET TRANSACTION READ ONLY")
        home = GroundTruthRepository(tx) if is_theirs else SummariesRepository(tx)
        window: dict[str, Any] = {"since": NOON, "until": NOON + 4 * HOUR, "bucket": HOUR}
        found = getattr(home, series)(model_name="m", model_version="1", **window)
    return [each.pending_since for each in found]


@pytest.mark.parametrize("series", SERIES)
def test_a_bucket_waits_since_its_first_write(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    series: str,
) -> None:
    models.insert(model_name="m")
    for at in (NOON + 2 * HOUR, NOON + 2.5 * HOUR, NOON + 0.5 * HOUR):
        predictions.insert(model_name="m", model_version="1", predicted_at=at)
        if at == NOON + 2 * HOUR:
            [first] = SummariesRepository(db).list_pending()
    last, nothing, same, later = _pending(db, series)
    # What is of exactly two is not of the hour before.
    assert (nothing, same, later) == (None, first.pending_since, None)
    assert last is not None
    assert last > first.pending_since


def test_a_label_that_waits_keeps_only_performance_waiting(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
) -> None:
    models.insert(model_name="m")
    at = NOON + 2 * HOUR
    id = predictions.insert(model_name="m", model_version="1", predicted_at=at)
    summaries = SummariesRepository(db)
    summaries.fold()
    GroundTruthRepository(db).insert(prediction_id=id, actual_value=1)
    [pending] = summaries.list_pending()
    for series in SERIES:
        since = pending.pending_since if series == "performance_series" else None
        assert _pending(db, series) == [None, None, since, None]


def _drift_pending(db: Database) -> dict[str, datetime | None]:
    """Return since when what drift is waiting, of an hour against one two hours before."""
    with db.transaction() as tx:
        with tx.connection() as connection:
            connection.execute("SET TRANSACTION READ ONLY")
        found = DriftReportsRepository(tx).measure(
            model_name="m",
            model_version="1",
            since=NOON + 2 * HOUR,
            until=NOON + 3 * HOUR,
            reference=(NOON, NOON + HOUR),
        )
    return {each.column_name: each.pending_since for each in found}


def test_drift_waits_for_what_is_in_its_windows(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
) -> None:
    version = {"model_name": "m", "model_version": "1"}
    models.insert(model_name="m")
    BaselinesRepository(db).register(**version, data={"age": [1.0, 2.0]}, labels=[1, 2])
    summaries = SummariesRepository(db)
    labels = GroundTruthRepository(db)
    ids = [
        predictions.insert(**version, predicted_at=NOON + hours * HOUR, inputs={"age": 1})
        for hours in (0, 1, 2, 3)
    ]
    labels.insert(prediction_id=ids[0], actual_value=1)
    labels.insert(prediction_id=ids[2], actual_value=0)
    summaries.fold()
    nothing = dict.fromkeys(_drift_pending(db))
    assert set(nothing) > {"actual_value"}
    for between in (ids[1], ids[3]):
        labels.insert(prediction_id=between, actual_value=1)
    predictions.insert(**version, predicted_at=NOON + 1.5 * HOUR)
    assert _drift_pending(db) == nothing
    summaries.fold()
    labels.insert(prediction_id=ids[0], actual_value=0)
    [label] = summaries.list_pending()
    assert _drift_pending(db) == {**nothing, "actual_value": label.pending_since}
    summaries.fold()
    predictions.insert(**version, predicted_at=NOON + 2.5 * HOUR, inputs={"age": 1})
    [row] = summaries.list_pending()
    waits = {**dict.fromkeys(nothing, row.pending_since), "actual_value": None}
    assert _drift_pending(db) == waits


def test_a_fold_begins_with_what_is_newest(
    db: Database,
    models: ModelVersionRepository,
    predictions: PredictionsRepository,
    conn: psycopg.Connection,
) -> None:
    models.insert(model_name="m")
    for hours in (50, 0):
        predictions.insert(
            model_name="m", model_version="1", predicted_at=NOON + hours * HOUR
        )
    fold = "SELECT fold_summaries(id, max_hours => 1) FROM model_versions"
    assert conn.execute(fold).fetchone() == (1,)
    [pending] = SummariesRepository(db).list_pending()
    assert pending.first_predicted_at == NOON


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
    # However little time there is, each time an hour is done.
    assert conn.execute(fold.replace("100 ms", "0")).fetchone() == (1,)
    assert summaries.fold() == 3


def test_an_unknown_model_is_not_folded(
    db: Database, models: ModelVersionRepository
) -> None:
    models.insert(model_name="m")
    summaries = SummariesRepository(db)
    for count in (summaries.fold, summaries.rebuild):
        with pytest.raises(NotFound, match="there is no model n"):
            count(model_name="n")
        with pytest.raises(NotFound, match="there is no version 9 of model m"):
            count(model_name="m", model_version="9")
        assert count(model_name="m", model_version="1") == 0


def test_a_version_of_no_model_is_not_folded(db: Database) -> None:
    summaries = SummariesRepository(db)
    for count in (summaries.fold, summaries.rebuild, summaries.list_pending):
        with pytest.raises(InvalidValue, match=r"^model_name: is needed with model_version"):
            count(model_version="1")
