# Generated from tests/_async/test_performance_metrics.py by tools/unasync.py: edit that file, then run `make sync`.
"""Storing metrics of models and asking how they develop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)  # a Thursday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

VALUE = {"model_name": "m", "metric_name": "rmse", "metric_value": 12.5, "timestamp": NOON}
EVERYTHING = {
    **VALUE,
    "metric_type": "business",
    "stage": "validation",
    "dataset_version": "2026-01",
    "slice": "carrier=AA",
    "metadata": {"samples": 870},
}
OTHER_CONTENT = {
    "timestamp": NOON + HOUR,
    "metric_type": "latency",
    "metric_name": "mae",
    "metric_value": 12.6,
    "stage": "test",
    "dataset_version": None,
    "slice": "",
    "metadata": {},
}


@pytest.fixture(autouse=True)
def versions(models: ModelVersionRepository) -> dict[str, UUID]:
    """Versions 1, 2 and 3 of model m; 1 in production since a day before noon, then 2."""
    made = {number: models.insert(model_name="m") for number in ("1", "2", "3")}
    models.promote(model_name="m", model_version="1", at=NOON - DAY)
    models.promote(model_name="m", model_version="2", at=NOON + DAY)
    return made


def stored(metrics: PerformanceMetricsRepository) -> int:
    return len(metrics.list_metrics(model_name="m", limit=1000))


def test_insert_keeps_every_field(
    metrics: PerformanceMetricsRepository, versions: dict[str, UUID]
) -> None:
    """A value with its type, name, stage and metadata, of a version."""
    given = {**EVERYTHING, "model_version_id": versions["3"]}
    metric = metrics.get(id=metrics.insert(**given))
    assert metric is not None
    assert {name: getattr(metric, name) for name in given} == given
    assert metrics.get(id=new_id()) is None


def test_a_value_is_about_the_version_then_in_production(
    metrics: PerformanceMetricsRepository, versions: dict[str, UUID]
) -> None:
    rows = [{**VALUE, "timestamp": NOON + days * DAY} for days in (0, 2)]
    for row in rows:
        metrics.insert(**row)
    metrics.insert_many(rows=rows)
    found = metrics.list_metrics(model_name="m")
    assert [metric.model_version_id for metric in found] == [versions["2"]] * 2 + [
        versions["1"]
    ] * 2
    assert found[0].stage == "production"
    assert (found[0].slice, found[0].metric_type) == ("", "performance")


def test_what_is_unknown_is_not_found(
    models: ModelVersionRepository, metrics: PerformanceMetricsRepository
) -> None:
    other = models.insert(model_name="other")
    for given, words in (
        ({"model_name": "unknown"}, "no model of that name"),
        ({"timestamp": NOON - 2 * DAY}, "no version of model .* was in production at 20"),
        ({"model_version_id": other}, "names no version of this model"),
    ):
        with pytest.raises(NotFound, match=words):
            metrics.insert(**{**VALUE, **given})
        with pytest.raises(NotFound, match=words):
            metrics.insert_many(rows=[VALUE, {**VALUE, **given}])
    assert stored(metrics) == 0
    with pytest.raises(NotFound, match=r"^model m has no version 9$"):
        metrics.compare(model_name="m", version_a="1", version_b="9")


def test_the_same_value_again_is_stored_once(
    metrics: PerformanceMetricsRepository,
) -> None:
    given = new_id()
    assert metrics.insert(**EVERYTHING, id=given) == given
    assert metrics.insert(**EVERYTHING, id=given) == given
    for field, value in OTHER_CONTENT.items():
        with pytest.raises(Conflict, match=r"^id: already names another value$"):
            metrics.insert(**{**EVERYTHING, field: value}, id=given)
        with pytest.raises(Conflict, match=f"^id: {given} already names another value$"):
            metrics.insert_many(rows=[VALUE, {**EVERYTHING, field: value, "id": given}])
    assert stored(metrics) == 1


def test_many_values_are_stored_exactly_once(
    db: Database, metrics: PerformanceMetricsRepository
) -> None:
    idempotency_key = new_id()
    rows = [{**VALUE, "metric_value": value} for value in range(2500)]
    # Without a time of their own: that of the write, on every try.
    rows += [{**row, "timestamp": None} for row in rows[:10]]
    written = metrics.insert_many(rows=iter(rows), idempotency_key=idempotency_key)
    assert (written.stored, written.duplicates) == (2510, 0)
    again = metrics.insert_many(rows=rows, idempotency_key=idempotency_key)
    assert (again.stored, again.duplicates) == (0, 2510)
    with pytest.raises(Conflict, match="already names another value"):
        metrics.insert_many(
            rows=[{**VALUE, "metric_value": -1}], idempotency_key=idempotency_key
        )
    # Two tries in one transaction, which goes on.
    with db.transaction() as tx:
        within = PerformanceMetricsRepository(tx)
        for _ in range(2):
            written = within.insert_many(rows=rows[:3], idempotency_key=idempotency_key)
            assert (written.stored, written.duplicates) == (0, 3)
    [day] = metrics.timeseries(
        model_name="m", metric_name="rmse", since=NOON, until=NOON + HOUR
    )
    assert (day.count, day.max) == (2500, 2499)
    other = metrics.insert_many(rows=rows)
    assert other.stored == 2510
    empty = metrics.insert_many(rows=[])
    assert (empty.stored, empty.duplicates) == (0, 0)


def test_a_refused_row_is_named_and_nothing_is_stored(
    metrics: PerformanceMetricsRepository,
) -> None:
    for row, field in (
        ({**VALUE, "metric_value": float("nan")}, "rows[1].metric_value"),
        ({**VALUE, "metric_value": None}, "rows[1].metric_value"),
        ({**VALUE, "value": 1}, "rows[1].value"),
        ({**VALUE, "timestamp": datetime(2026, 1, 1)}, "rows[1].timestamp"),
        ({**VALUE, "timestamp": datetime(1999, 1, 1, tzinfo=UTC)}, "rows[1].timestamp"),
        (["rmse"], "rows[1]"),
        ({**VALUE, "stage": "Production"}, "stage"),
        ({**VALUE, "metric_value": 1e200}, "metric_value"),
        ({**VALUE, "timestamp": datetime.now(UTC) + HOUR}, "rows[1].timestamp"),
    ):
        with pytest.raises(InvalidValue) as refusal:
            metrics.insert_many(rows=[VALUE, row])
        assert refusal.value.field == field
    with pytest.raises(InvalidValue, match=r"^idempotency_key: is not a UUIDv7"):
        metrics.insert_many(rows=[VALUE], idempotency_key=uuid4())
    assert stored(metrics) == 0


def test_the_latest_value_of_each_series(
    metrics: PerformanceMetricsRepository, versions: dict[str, UUID]
) -> None:
    rows = [
        {
            **VALUE,
            "model_version_id": versions[version],
            "metric_name": name,
            "slice": part,
            "stage": stage,
            "timestamp": NOON + hour * HOUR,
            "metric_value": hour,
        }
        for version, hours in (("1", (0, 1, 2)), ("2", (3, 1)))
        for hour in hours
        for name in ("rmse", "mae")
        for part, stage in (("", "production"), ("eu", "production"), ("", "test"))
    ]
    rows.append({**rows[0], "metric_name": "r2", "metric_value": 0.5})
    metrics.insert_many(rows=rows)
    series = [
        (name, stage, part)
        for name in ("mae", "rmse")
        for stage, part in (("production", ""), ("production", "eu"), ("test", ""))
    ]
    for version, expected in ((None, 3), ("2", 3), ("1", 2)):
        latest = metrics.latest(model_name="m", model_version=version)
        found = [(each.metric_name, each.stage, each.slice) for each in latest]
        values = {each.metric_value for each in latest if each.metric_name != "r2"}
        r2 = [("r2", "production", "")] if version != "2" else []
        assert (found, values) == (series[:3] + r2 + series[3:], {expected})
    assert metrics.latest(model_name="m", model_version="3") == []
    assert metrics.latest(model_name="unknown") == []


def test_two_versions_are_compared(
    metrics: PerformanceMetricsRepository, versions: dict[str, UUID]
) -> None:
    """What a version is better at, at the same stage and on the same slice."""
    for version, name, part, value, hour in (
        ("1", "rmse", "", 9, 0),
        ("1", "rmse", "", 10, 1),
        ("2", "rmse", "", 8, 0),
        ("1", "rmse", "eu", 7, 0),
        ("2", "f1", "", 0.5, 0),
        ("3", "f1", "", 0.9, 0),
    ):
        metrics.insert(
            model_name="m",
            model_version_id=versions[version],
            metric_name=name,
            metric_value=value,
            slice=part,
            timestamp=NOON + hour * HOUR,
        )
    found = metrics.compare(model_name="m", version_a="1", version_b="2")
    assert [
        (each.metric_name, each.slice, each.value_a, each.value_b, each.difference)
        for each in found
    ] == [("f1", "", None, 0.5, None), ("rmse", "", 10, 8, -2), ("rmse", "eu", 7, None, None)]
    assert (found[1].timestamp_a, found[1].timestamp_b) == (NOON + HOUR, NOON)
    same = metrics.compare(model_name="m", version_a="1", version_b="1")
    assert {each.difference for each in same} == {0}


def test_a_metric_over_time(
    metrics: PerformanceMetricsRepository, versions: dict[str, UUID]
) -> None:
    """The time series of a metric by bucket, of a model or one version."""
    hours = (0, 1, 11.5, 12, 24 * 4, 24 * 31)
    rows = [
        {**VALUE, "timestamp": NOON + hour * HOUR, "metric_value": 2**place}
        for place, hour in enumerate(hours)
    ]
    rows += [
        {**VALUE, "slice": "eu"},
        {**VALUE, "stage": "test"},
        {**VALUE, "metric_name": "mae"},
    ]
    metrics.insert_many(rows=rows)
    given = {"model_name": "m", "metric_name": "rmse", "since": NOON, "until": NOON + 40 * DAY}
    midnight = NOON - 12 * HOUR
    for bucket, expected in (
        ("month", [(midnight, 5), (midnight + 31 * DAY, 1)]),
        (
            "week",
            [
                (midnight - 3 * DAY, 4),
                (midnight + 4 * DAY, 1),
                (midnight + 25 * DAY, 1),
            ],
        ),
        (
            "day",
            [(midnight, 3), (midnight + DAY, 1), (midnight + 4 * DAY, 1), (midnight + 31 * DAY, 1)],
        ),
        (DAY, [(NOON, 4), (NOON + 4 * DAY, 1), (NOON + 31 * DAY, 1)]),
    ):
        found = metrics.timeseries(**given, bucket=bucket)
        assert [(each.bucket, each.count) for each in found] == expected, bucket
    first, *_ = metrics.timeseries(**given, bucket="day")
    assert (first.min, first.mean, first.max) == (1, 7 / 3, 4)
    [only] = metrics.timeseries(**given, model_version="1", bucket="month")
    assert only.count == 4
    assert metrics.timeseries(**given, model_version="9") == []
    [one] = metrics.timeseries(**given, slice="eu")
    assert (one.count, one.mean) == (1, 12.5)
    halves = metrics.timeseries(**{**given, "until": NOON + HOUR}, bucket="minute")
    assert [each.bucket for each in halves] == [NOON]
    for wrong, field in (
        ({"bucket": "year"}, "bucket"),
        ({"bucket": "minute"}, "bucket"),
        ({"bucket": timedelta(0)}, "bucket"),
        ({"bucket": 3600}, "bucket"),
        ({"until": NOON}, "until"),
        ({"since": datetime(2026, 1, 1)}, "since"),
    ):
        with pytest.raises(InvalidValue) as refusal:
            metrics.timeseries(**{**given, **wrong})
        assert refusal.value.field == field


def test_lists_are_filtered_and_paged(
    metrics: PerformanceMetricsRepository, versions: dict[str, UUID]
) -> None:
    rows = [
        {**VALUE, "timestamp": NOON + hour * HOUR, "metric_name": name, "metric_type": kind}
        for hour in range(5)
        for name, kind in (("rmse", "performance"), ("p95", "latency"))
    ]
    metrics.insert_many(rows=[*rows, {**VALUE, "slice": "eu", "stage": "test"}])
    for filters, expected in (
        ({}, 11),
        ({"metric_name": "p95"}, 5),
        ({"metric_type": "latency"}, 5),
        ({"slice": ""}, 10),
        ({"slice": "eu"}, 1),
        ({"stage": "test"}, 1),
        ({"model_version": "1"}, 11),
        ({"model_version": "2"}, 0),
        ({"since": NOON + HOUR, "until": NOON + 3 * HOUR}, 4),
    ):
        assert len(metrics.list_metrics(model_name="m", **filters)) == expected, filters
    seen, before = [], None
    while page := metrics.list_metrics(model_name="m", limit=3, before=before):
        seen += page
        before = page[-1].id
    assert len({each.id for each in seen}) == len(seen) == 11
    assert [each.timestamp for each in seen] == sorted(
        (each.timestamp for each in seen), reverse=True
    )
