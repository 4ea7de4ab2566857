# Generated from tests/_async/test_prediction_reads.py by tools/unasync.py: edit that file, then run `make sync`.
"""Finding predictions, describing a window of them, and erasing those of a request."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from mlops_ledger import (
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.errors import InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def registered(models: ModelVersionRepository) -> None:
    """Two versions of m, one of another."""
    for name in ("m", "m", "other"):
        models.insert(model_name=name, feature_names=["hour", "distance"])
    models.promote(model_name="m", model_version="1", at=NOON - 9 * DAY)


@pytest.fixture
def week(predictions: PredictionsRepository) -> list[dict[str, Any]]:
    """A prediction every hour of a week, of all versions in turn."""
    rows = [
        {
            "model_name": ("m", "m", "other")[number % 3],
            "model_version": ("1", "2", "1")[number % 3],
            "id": new_id(NOON + number * HOUR),
            "predicted_at": NOON + number * HOUR + timedelta(microseconds=7),
            "features": [number, -number],
            "probability": number / 168,
            "predicted_label": "late" if number > 100 else "on time",
            "latency_ms": float(number),
            "status": "error" if number % 7 == 0 else "success",
            "cache_hit": (True, False, None)[number % 3 - number % 2],
            "batch_id": f"b{number // 24}",
            "request_id": f"r{number // 2}",
        }
        for number in range(168)
    ]
    predictions.insert_many(rows=rows)
    return rows


def test_get_returns_every_field(
    predictions: PredictionsRepository, week: list[dict[str, Any]]
) -> None:
    row = week[101]
    found = predictions.get(id=row["id"])
    assert found is not None
    expected = {name: row[name] for name in row if name != "features"}
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.features == {"hour": 101, "distance": -101}
    recent = predictions.get_recent(id=row["id"])
    assert recent is not None
    assert asdict(recent).items() <= asdict(found).items()
    assert not hasattr(recent, "inputs")
    assert predictions.get(id=new_id(NOON)) is None
    assert predictions.get_recent(id=new_id(NOON)) is None


def test_a_list_is_newest_first_and_filtered(
    predictions: PredictionsRepository, week: list[dict[str, Any]]
) -> None:
    def ids(**filters: Any) -> list[Any]:
        return [row.id for row in predictions.list_predictions(limit=1000, **filters)]

    def expected(keep: Any) -> list[Any]:
        return [row["id"] for row in reversed(week) if keep(row)]

    assert ids() == expected(lambda row: True)
    assert ids(model_name="m") == expected(lambda row: row["model_name"] == "m")
    assert ids(model_name="m", model_version="2") == expected(
        lambda row: (row["model_name"], row["model_version"]) == ("m", "2")
    )
    assert ids(model_name="unknown") == []
    for field, value in (
        ("status", "error"),
        ("predicted_label", "late"),
        ("batch_id", "b3"),
        ("request_id", "r20"),
    ):
        assert ids(**{field: value}) == expected(lambda row: row[field] == value)  # noqa: B023
    since, until = week[30]["predicted_at"], week[60]["predicted_at"]
    assert ids(since=since, until=until) == expected(
        lambda row: since <= row["predicted_at"] < until
    )
    with pytest.raises(InvalidValue, match="model_name"):
        ids(model_version="1")


@pytest.mark.parametrize("model_name", [None, "m", "unknown"])
def test_a_status_that_there_is_not_is_refused(
    predictions: PredictionsRepository, model_name: str | None
) -> None:
    for ask in (predictions.list_predictions, predictions.list_recent):
        with pytest.raises(InvalidValue, match="status: must be one of success, error"):
            ask(model_name=model_name, status="failed")


def test_pages_hold_every_prediction_once(
    predictions: PredictionsRepository, week: list[dict[str, Any]]
) -> None:
    seen, before = [], None
    while page := predictions.list_predictions(model_name="m", limit=50, before=before):
        seen += [row.id for row in page]
        before = page[-1].id
    assert seen == [row["id"] for row in reversed(week) if row["model_name"] == "m"]


@pytest.mark.parametrize("model_name", ["m", None])
def test_a_page_goes_on_behind_its_last_day_and_ends_with_its_window(
    predictions: PredictionsRepository, week: list[dict[str, Any]], model_name: str | None
) -> None:
    """The last day is looked at first, but it is neither all nor more than was asked for."""
    until = NOON + 160 * HOUR
    for hours, limit in ((3, 10), (24, 24), (30, 1000), (150, 40)):
        since = until - hours * HOUR
        found = predictions.list_predictions(
            model_name=model_name, since=since, until=until, limit=limit
        )
        expected = [
            row["id"]
            for row in reversed(week)
            if since <= row["predicted_at"] < until and model_name in (None, row["model_name"])
        ]
        assert [row.id for row in found] == expected[:limit]


def test_pages_hold_every_prediction_of_the_same_time_once(
    predictions: PredictionsRepository,
) -> None:
    ids = [new_id(NOON) for _ in range(20)]
    # In no order, as of several writers.
    rows = [{"id": id, "predicted_at": NOON} for id in ids[::3] + ids[1::3] + ids[2::3]]
    predictions.insert_many(rows=rows, model_name="m", model_version="1")
    found = predictions.iter_predictions(model_name="m", since=NOON, limit=3)
    assert [row.id for row in found] == sorted(ids, reverse=True)


def test_recent_is_the_last_hours(predictions: PredictionsRepository) -> None:
    now = datetime.now(UTC)
    for hours in (0, 1, 30):
        predictions.insert(
            model_name="m", model_version="1", prediction=hours, predicted_at=now - hours * HOUR
        )
    assert [row.prediction for row in predictions.recent(model_name="m")] == [0, 1]
    assert [row.prediction for row in predictions.recent(hours=31, limit=2)] == [0, 1]
    assert predictions.recent(model_name="other") == []
    for wrong in ({"hours": 0}, {"hours": float("inf")}, {"limit": 1001}, {"limit": 0}):
        with pytest.raises(InvalidValue):
            predictions.recent(**wrong)


def test_stats_describe_a_window(
    predictions: PredictionsRepository, week: list[dict[str, Any]]
) -> None:
    rows = [row for row in week if row["model_name"] == "m"][10:]
    since = rows[0]["predicted_at"]
    found = predictions.stats(model_name="m", since=since)
    latency = [row["latency_ms"] for row in rows]
    assert found.count == len(rows)
    assert found.success_rate == pytest.approx(np.mean([r["status"] == "success" for r in rows]))
    assert found.mean_probability == pytest.approx(np.mean([r["probability"] for r in rows]))
    assert found.mean_latency_ms == pytest.approx(np.mean(latency))
    assert [found.p50_latency_ms, found.p95_latency_ms, found.p99_latency_ms] == pytest.approx(
        np.percentile(latency, [50, 95, 99])
    )
    hits = [row["cache_hit"] for row in rows if row["cache_hit"] is not None]
    assert 0 < len(hits) < len(rows)
    assert found.cache_hit_rate == pytest.approx(np.mean(hits))
    assert (found.earliest, found.latest) == (since, rows[-1]["predicted_at"])
    labels = [row["predicted_label"] for row in rows]
    assert found.label_distribution == {name: labels.count(name) for name in ("late", "on time")}


def test_stats_of_what_is_not_known_are_not_found(
    predictions: PredictionsRepository, conn: psycopg.Connection[Any]
) -> None:
    for unknown in ({"model_name": "x"}, {"model_name": "m", "model_version": "9"}):
        with pytest.raises(NotFound, match=f"there is no model {unknown['model_name']}"):
            predictions.stats(**unknown)
    conn.execute("INSERT INTO models (model_name) VALUES ('planned')")
    conn.commit()
    assert (predictions.stats(model_name="planned")).count == 0


def test_stats_of_nothing_are_none(predictions: PredictionsRepository) -> None:
    found = predictions.stats()
    assert (found.count, found.label_distribution) == (0, {})
    assert {
        value
        for name, value in asdict(found).items()
        if name not in ("count", "label_distribution")
    } == {None}


def test_a_monitoring_summary_is_what_a_run_records(
    predictions: PredictionsRepository,
    monitoring: MonitoringMetricsRepository,
    week: list[dict[str, Any]],
    conn: psycopg.Connection[Any],
) -> None:
    end = NOON + 7 * DAY
    rows = [row for row in week[-72:] if row["model_name"] == "m"]
    conn.execute("SELECT ensure_partitions('ground_truth', %s, %s)", [NOON, end])
    for row, known in ((rows[0], -HOUR), (rows[0], timedelta(0)), (rows[1], HOUR)):
        conn.execute(
            "INSERT INTO ground_truth (prediction_id, predicted_at, labeled_at, model_version_id,"
            " actual_label) SELECT id, predicted_at, %s, model_version_id, 'late'"
            " FROM predictions WHERE id = %s",
            [end + known, row["id"]],
        )
    found = predictions.monitoring_summary(
        model_name="m", timestamp=end, lookback_hours=72, threshold=0.75
    )
    p = np.array([row["probability"] for row in rows])
    assert found.num_predictions == len(rows)
    assert found.positive_rate == pytest.approx((p >= 0.75).mean())
    assert (found.probability_mean, found.probability_std) == pytest.approx((p.mean(), p.std()))
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()
    assert found.entropy == pytest.approx(entropy, rel=1e-12)
    assert (found.labeled_samples, found.coverage_pct) == (1, pytest.approx(100 / len(rows)))
    by_label = predictions.monitoring_summary(
        model_name="m", timestamp=end, lookback_hours=168, positive_label="late"
    )
    late = [row["predicted_label"] == "late" for row in week if row["model_name"] == "m"]
    assert by_label.positive_rate == pytest.approx(np.mean(late))
    run = monitoring.get(id=monitoring.insert(**asdict(found)))
    assert run is not None
    assert {name: getattr(run, name) for name in asdict(found)} == asdict(found)


def test_a_summary_of_certain_predictions_has_no_entropy(
    predictions: PredictionsRepository,
) -> None:
    for probability in (0, 1, None):
        predictions.insert(model_name="m", model_version="1", probability=probability)
    with pytest.raises(NotFound, match="there is no model n"):
        predictions.monitoring_summary(model_name="n")
    found = predictions.monitoring_summary(model_name="m")
    assert (found.num_predictions, found.entropy, found.positive_rate) == (3, 0, 0.5)
    nothing = predictions.monitoring_summary(model_name="other")
    assert (nothing.num_predictions, nothing.entropy, nothing.coverage_pct) == (0, None, None)


def test_erasing_a_request_leaves_the_others(
    predictions: PredictionsRepository,
    week: list[dict[str, Any]],
    conn: psycopg.Connection[Any],
) -> None:
    conn.execute("SELECT ensure_partitions('ground_truth', %s, %s)", [NOON, NOON + 7 * DAY])
    conn.execute(
        "INSERT INTO ground_truth (prediction_id, predicted_at, labeled_at, model_version_id,"
        " actual_label) SELECT id, predicted_at, now(), model_version_id, 'late' FROM predictions"
    )
    assert predictions.erase(request_id="r3") == 2
    assert predictions.erase(request_id="r3") == 0
    assert predictions.get(id=week[6]["id"]) is None
    assert (predictions.stats()).count == 166
    [labels] = conn.execute("SELECT count(*) FROM ground_truth").fetchall()
    assert labels == (166,)


def test_a_time_filter_reads_only_its_partitions(
    week: list[dict[str, Any]], conn: psycopg.Connection[Any]
) -> None:
    plan = conn.execute(
        "EXPLAIN SELECT features FROM v_predictions WHERE predicted_at >= %s AND predicted_at < %s",
        [NOON + 2 * DAY, NOON + 3 * DAY],
    ).fetchall()
    read = {word for (line,) in plan for word in line.split() if word.startswith("predictions_p")}
    assert {name[:23] for name in read} == {"predictions_p2026_01_03", "predictions_p2026_01_04"}
