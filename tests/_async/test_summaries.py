"""Summaries: what was written, counted by the hour, whatever the order of things."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from mlops_ledger import (
    AsyncBaselinesRepository,
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
    AsyncSummariesRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RANDOM = np.random.default_rng(5)
NUMBERS = [0.0, -1.0, 2.5, math.nan, math.inf, -math.inf, 1e308, 1e-310, None]


@pytest.fixture
def summaries(db: AsyncDatabase) -> AsyncSummariesRepository:
    """The summaries of a database."""
    return AsyncSummariesRepository(db)


@pytest.fixture(autouse=True)
async def registered(db: AsyncDatabase, models: AsyncModelVersionRepository) -> None:
    """A version with a baseline, and one without."""
    await models.insert(model_name="m", feature_names=["a", "b"])
    await models.insert(model_name="m")
    await AsyncBaselinesRepository(db).register(
        model_name="m",
        model_version="1",
        data={
            "a": RANDOM.normal(size=500),
            "b": RANDOM.integers(0, 4, 500),
            "city": ["Bern", "Lima", None, *["Oslo"] * 497],
            "n": [None] * 500,
            "note": [f"{n}" * (n % 7) for n in range(500)],
        },
        probabilities=RANDOM.random(500),
    )


def row(number: int, hours: float, **others: Any) -> dict[str, Any]:
    """One of many different predictions."""
    at = NOON + hours * HOUR
    inputs: dict[str, Any] = {
        "city": ["Bern", "Rome", None][number % 3],
        "note": "x" * (number % 9),
    }
    return {
        "id": new_id(at),
        "predicted_at": at,
        "features": [NUMBERS[number % 9], NUMBERS[number // 2 % 9]],
        "inputs": inputs if number % 4 else None,
        "probability": None if number % 5 == 4 else number % 101 / 100,
        "predicted_label": ["yes", "no", None][number % 3],
        "latency_ms": [0.0, 3.5, 1e308, None][number % 4],
        "status": "error" if number % 11 == 0 else "success",
        "cache_hit": number % 2 == 0,
        **others,
    }


SAME = """
    WITH raw AS (
        SELECT date_trunc(%(grain)s, predicted_at, 'UTC') AS starts_at,
               ARRAY[count(*), count(*) FILTER (WHERE status = 'error'),
                     count(*) FILTER (WHERE cache_hit), count(probability),
                     count(latency_ms), count(predicted_label)] AS counts,
               coalesce(sum(probability), 0) AS total,
               coalesce(var_pop(probability) * count(probability), 0) AS m2
        FROM predictions
        WHERE model_version_id = (SELECT id FROM model_versions WHERE model_version = '1')
        GROUP BY 1
    ), folded AS (
        SELECT s.starts_at,
               ARRAY[sum(num_predictions), sum(num_errors), sum(num_cache_hits),
                     sum(num_probabilities), sum(num_latencies),
                     sum((SELECT coalesce(sum(n), 0) FROM unnest(label_counts) n)
                         + num_other_labels)] AS counts,
               sum(probability_sum) AS total, sum(probability_m2) AS m2
        FROM summaries s
        WHERE grain = %(grain)s
          AND model_version_id = (SELECT id FROM model_versions WHERE model_version = '1')
        GROUP BY 1
    )
    SELECT count(*) FILTER (WHERE raw.counts::text IS DISTINCT FROM folded.counts::text
               OR abs(raw.total - folded.total) > 1e-12 OR abs(raw.m2 - folded.m2) > 1e-12)
    FROM raw FULL JOIN folded USING (starts_at)"""


def differing(conn: psycopg.Connection) -> int:
    """Return how many hours and days of version 1 are not as their rows are."""
    found = 0
    for grain in ("hour", "day"):
        count = conn.execute(SAME, {"grain": grain}).fetchone()
        assert count is not None
        found += count[0]
    return found


async def test_every_way_to_write_marks_its_hours(
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    version = {"model_name": "m", "model_version": "1"}
    await predictions.insert(**version, **row(0, -30))
    await predictions.insert_many(rows=[row(n, n / 9) for n in range(300)], **version)
    await predictions.insert_columns(
        columns={"predicted_at": [NOON, NOON + 3 * HOUR], "features": np.ones((2, 2))}, **version
    )
    [pending] = await summaries.list_pending(model_name="m")
    assert (pending.marks, pending.first_predicted_at) == (3, NOON - 30 * HOUR)
    assert await summaries.fold() == 1 + 34
    assert await summaries.list_pending() == []
    assert differing(conn) == 0
    assert await summaries.fold() == 0


async def test_late_rows_and_erased_ones_are_recounted(
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    version = {"model_name": "m", "model_version": "1"}
    rows = [row(n, n / 9, request_id=f"r{n % 7}") for n in range(100)]
    await predictions.insert_many(rows=rows[::2], **version)
    await summaries.fold()
    await predictions.insert_many(rows=rows[1::2], **version)
    await summaries.fold(since=NOON + 3 * HOUR)
    assert [each.marks for each in await summaries.list_pending()] == []
    assert differing(conn) == 0
    await predictions.erase(request_id="r3")
    assert differing(conn) > 0
    await summaries.fold()
    assert differing(conn) == 0


async def test_only_the_hours_of_a_window_are_folded(
    predictions: AsyncPredictionsRepository, summaries: AsyncSummariesRepository
) -> None:
    for hours in (0, 5, 9):
        await predictions.insert(model_name="m", model_version="1", **row(1, hours))
    assert await summaries.fold(since=NOON + HOUR, until=NOON + 6 * HOUR) == 1
    assert await summaries.fold(model_name="m", model_version="2") == 0
    assert [each.marks for each in await summaries.list_pending()] == [2]


async def test_values_are_counted_in_the_bins_of_the_baseline(
    db: AsyncDatabase,
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    rows = [row(n, n / 40) for n in range(400)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    await summaries.fold()
    baselines = AsyncBaselinesRepository(db)
    baseline = await baselines.latest(model_name="m", model_version="1")
    assert baseline is not None
    for feature in await baselines.list_features(id=baseline.id):
        values = [_value(each, feature.feature, feature.column_name) for each in rows]
        expected = np.zeros(len(feature.counts) + 1, int)
        for value in values:
            expected[1 + _bin(value, feature)] += 1
        for grain in ("hour", "day"):
            assert _counts(conn, feature.series, grain) == _sparse(expected), feature.feature
    probabilities = [each["probability"] for each in rows if each["probability"] is not None]
    edges = conn.execute("SELECT ledger_probability_edges()").fetchone()
    assert edges is not None
    bins, counts = np.unique(np.searchsorted(edges[0], probabilities, "right"), return_counts=True)
    assert _counts(conn, 0, "day") == dict(zip(bins.tolist(), counts.tolist(), strict=True))


async def test_a_new_baseline_recounts_everything(
    db: AsyncDatabase,
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    rows = [row(n, n / 40) for n in range(100)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    await summaries.fold()
    id = await AsyncBaselinesRepository(db).register(
        model_name="m", model_version="1", data={"a": [1.0, 2.0]}
    )
    await summaries.fold()
    found = conn.execute("SELECT DISTINCT baseline_id FROM summary_histograms WHERE series > 0")
    assert found.fetchall() == [(id,)]
    assert differing(conn) == 0


async def test_a_day_has_the_bins_of_its_newest_baseline(
    db: AsyncDatabase,
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    rows = [row(n, n / 40) for n in range(100)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    await summaries.fold()
    # Hours without their rows keep the bins that they have.
    conn.execute("SELECT ledger_keep_history('predictions', %s, %s, NULL)", [NOON, NOON + HOUR])
    conn.execute("DELETE FROM predictions WHERE predicted_at < %s", [NOON + HOUR])
    id = await AsyncBaselinesRepository(db).register(
        model_name="m", model_version="1", data={"a": [1.0, 2.0]}
    )
    await summaries.fold()
    counted = "SELECT DISTINCT baseline_id FROM summary_histograms WHERE series = 1 AND grain = %s"
    assert conn.execute(counted, ["hour"]).rowcount == 2
    assert conn.execute(counted, ["day"]).fetchall() == [(id,)]


async def test_numbers_are_summed_by_bin(
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    values = RANDOM.normal(size=50).tolist()
    rows = [{**row(n, 0), "features": [value, None]} for n, value in enumerate(values)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    await summaries.fold()
    found = conn.execute(
        "SELECT sum(u.total) FROM summary_histograms, unnest(sums) u (total)"
        " WHERE grain = 'day' AND series = 1"
    ).fetchone()
    assert found is not None
    assert found[0] == pytest.approx(sum(values), abs=1e-12)


async def test_each_of_many_numbers_is_counted_and_summed_for_itself(
    db: AsyncDatabase,
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    # More than are counted in two passes.
    names = [f"f{n}" for n in range(9)]
    await models.insert(model_name="wide", feature_names=names)
    one = {"model_name": "wide", "model_version": "1"}
    # As whole numbers: their sums are exact in any order.
    values = np.floor(RANDOM.normal(scale=100, size=(300, 9)) * 10.0 ** np.arange(9))
    trained_on = dict(zip(names, values.T, strict=True))
    await AsyncBaselinesRepository(db).register(**one, data=trained_on)
    rows = [{"id": new_id(NOON), "predicted_at": NOON, "features": x.tolist()} for x in values]
    await predictions.insert_many(rows=rows, **one)
    await summaries.fold()
    baseline = await AsyncBaselinesRepository(db).latest(**one)
    assert baseline is not None
    for feature in await AsyncBaselinesRepository(db).list_features(id=baseline.id):
        found = conn.execute(
            "SELECT bins, counts, sums FROM summary_histograms WHERE grain = 'day' AND series = %s",
            [feature.series],
        ).fetchall()
        mine = values[:, names.index(feature.feature)]
        places = np.searchsorted(feature.edges, mine, "right")
        bins = np.unique(places).tolist()
        assert found == [
            (
                bins,
                [int(np.sum(places == bin)) for bin in bins],
                [mine[places == bin].sum() for bin in bins],
            )
        ], feature.feature


async def test_a_rebuild_repairs_what_was_written_without_a_mark(
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    rows = [row(n, n / 9) for n in range(100)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    await summaries.fold()
    conn.execute("DELETE FROM predictions WHERE predicted_at < %s", [NOON + 2 * HOUR])
    assert await summaries.fold() == 0
    assert differing(conn) == 3
    assert await summaries.rebuild(model_name="m") > 0
    assert differing(conn) == 0


async def test_a_writer_in_sql_marks_a_window_itself(
    summaries: AsyncSummariesRepository, conn: psycopg.Connection
) -> None:
    with conn.transaction():
        conn.execute("SELECT ensure_partitions('predictions', %s, %s)", [NOON, NOON])
        conn.execute(
            "INSERT INTO predictions (id, predicted_at, model_version_id)"
            " SELECT ledger_uuid(), %s, id FROM model_versions WHERE model_version = '1'",
            [NOON],
        )
        conn.execute("SELECT mark_summaries('m', '1', %s, %s)", [NOON, NOON])
    # Where there is a partition for labels, too, as Citus makes both together, theirs is counted.
    assert await summaries.fold() in (1, 2)
    assert differing(conn) == 0


def _value(each: dict[str, Any], feature: str, column_name: str) -> Any:
    if column_name == "feature_values":
        return each["features"]["ab".index(feature)]
    if column_name == "inputs":
        return (each["inputs"] or {}).get(feature)
    return each[column_name]


def _bin(value: Any, feature: Any) -> int:
    if value is None:
        return -1
    if feature.kind == "categorical":
        return feature.categories.index(value) + 1 if value in feature.categories else 0
    value = len(value) if feature.kind == "text" else value
    if math.isnan(value):
        return len(feature.edges) + 1
    return int(np.searchsorted(feature.edges, value, "right"))


def _sparse(counts: Any) -> dict[int, int]:
    return {bin - 1: n for bin, n in enumerate(counts.tolist()) if n}


def _counts(conn: psycopg.Connection, series: int, grain: str) -> dict[int, int]:
    rows = conn.execute(
        "SELECT bin, sum(n)::int FROM summary_histograms, unnest(bins, counts) u (bin, n)"
        " WHERE series = %s AND grain = %s GROUP BY bin",
        [series, grain],
    ).fetchall()
    return dict(rows)


async def test_a_series_of_buckets_is_what_the_rows_are(
    predictions: AsyncPredictionsRepository,
    summaries: AsyncSummariesRepository,
    conn: psycopg.Connection,
) -> None:
    latencies = RANDOM.exponential(40, 600)
    rows = [row(n, n / 20, latency_ms=latencies[n]) for n in range(600)]
    await predictions.insert_many(rows=rows, model_name="m", model_version="1")
    until = NOON + 30 * HOUR
    for hours in (1, 5, 30):
        found = await summaries.monitoring_series(
            model_name="m", model_version="1", since=NOON, until=until, bucket=hours * HOUR
        )
        assert [each.bucket for each in found] == [NOON + k * HOUR for k in range(0, 30, hours)]
        for each in found:
            place = int((each.bucket - NOON) / HOUR * 20)
            part = rows[place : place + 20 * hours]
            some = [one["probability"] for one in part if one["probability"] is not None]
            assert each.num_predictions == len(part)
            assert each.num_errors == sum(one["status"] == "error" for one in part)
            assert each.probability_mean == pytest.approx(np.mean(some), abs=1e-12)
            assert each.probability_std == pytest.approx(np.std(some), abs=1e-12)
            assert each.positive_rate == np.mean(np.array(some) >= 0.5)
            inside = latencies[place : place + 20 * hours]
            assert each.latency_max == inside.max()
            assert each.latency_mean == pytest.approx(inside.mean())
            for share, value in ((50, each.latency_p50), (99, each.latency_p99)):
                exact = np.percentile(inside, share, method="lower")
                assert value == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"since": NOON + 0.5 * HOUR}, "since: must be a full hour"),
        ({"until": NOON}, "until: must be after since"),
        ({"bucket": 1.5 * HOUR}, "bucket: must be full hours"),
        ({"until": NOON + 2000 * HOUR, "bucket": HOUR}, "bucket: must be longer"),
    ],
)
async def test_buckets_are_full_hours(
    summaries: AsyncSummariesRepository, arguments: dict[str, Any], problem: str
) -> None:
    window = {"since": NOON, "until": NOON + 9 * HOUR, **arguments}
    with pytest.raises(InvalidValue, match=f"^{problem}"):
        await summaries.monitoring_series(model_name="m", model_version="1", **window)


async def test_a_series_of_an_unknown_version_is_refused(
    summaries: AsyncSummariesRepository,
) -> None:
    with pytest.raises(NotFound):
        await summaries.monitoring_series(
            model_name="m", model_version="9", since=NOON, until=NOON + HOUR
        )
