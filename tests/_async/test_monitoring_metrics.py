"""Recording monitoring runs and asking how a model is doing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_ledger import AsyncModelVersionRepository, AsyncMonitoringMetricsRepository, new_id
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

RUN = {"model_name": "m", "timestamp": NOON, "lookback_hours": 24.0, "num_predictions": 900}

EVERYTHING = {
    **RUN,
    "positive_rate": 0.25,
    "probability_mean": 0.3,
    "probability_std": 0.1,
    "entropy": 0.8,
    "dataset_drift_detected": True,
    "feature_drift_ratio": 0.5,
    "num_drifted_features": 1,
    "num_features": 2,
    "drifted_features": ["hour"],
    "drift_summary_ref": "s3://drift/1.json",
    "drift_report_ref": "s3://drift/1.html",
    "coverage_pct": 97.5,
    "labeled_samples": 870,
    "metadata": {"job": "weekly", "psi": {"hour": 0.3}},
}

OTHER_CONTENT = {
    "num_predictions": 901,
    "positive_rate": None,
    "probability_mean": 0.31,
    "probability_std": 0.2,
    "entropy": 0.9,
    "dataset_drift_detected": False,
    "feature_drift_ratio": 0.6,
    "num_drifted_features": 2,
    "num_features": 3,
    "drifted_features": ["carrier"],
    "drift_summary_ref": "s3://drift/2.json",
    "drift_report_ref": None,
    "coverage_pct": 98,
    "labeled_samples": 871,
    "metadata": {},
}


REFUSED = [
    ("num_predictions", -1),
    ("num_predictions", 1.5),
    ("lookback_hours", 0),
    ("positive_rate", 1.1),
    ("probability_mean", -0.1),
    ("probability_std", 2),
    ("entropy", -1),
    ("entropy", float("inf")),
    ("feature_drift_ratio", 1.001),
    ("coverage_pct", 100.5),
    ("labeled_samples", -1),
    ("labeled_samples", 1_000_000),
    ("num_drifted_features", -1),
    ("dataset_drift_detected", 1),
    ("drifted_features", "hour"),
    ("metadata", []),
    ("timestamp", datetime(2026, 1, 1)),
    ("timestamp", datetime(2100, 1, 1, tzinfo=UTC)),
    ("model_version_id", "not an id"),
]


REFUSED_WINDOWS = [
    ("days", 0),
    ("days", float("nan")),
    ("days", 1e9),
    ("bucket", timedelta(0)),
    ("bucket", 3600),
    ("until", datetime(2026, 1, 1)),
]


@pytest.fixture(autouse=True)
async def live(models: AsyncModelVersionRepository) -> None:
    """Version 1 of model m, in production since a day before noon."""
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1", at=NOON - DAY)


async def test_insert_keeps_every_field(monitoring: AsyncMonitoringMetricsRepository) -> None:
    run = await monitoring.get(id=await monitoring.insert(**EVERYTHING))
    assert run is not None
    assert {name: getattr(run, name) for name in EVERYTHING} == EVERYTHING


async def test_a_run_is_about_the_version_in_production_then(
    models: AsyncModelVersionRepository, monitoring: AsyncMonitoringMetricsRepository
) -> None:
    second = await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="2", at=NOON + HOUR)
    first = await models.get(model_name="m", model_version="1")
    assert first is not None
    for offset, expected in ((timedelta(0), first.id), (HOUR, second)):
        made = await monitoring.insert(**{**RUN, "timestamp": NOON + offset})
        run = await monitoring.get(id=made)
        assert run is not None
        assert run.model_version_id == expected
    given = await monitoring.insert(**{**RUN, "lookback_hours": 1}, model_version_id=second)
    run = await monitoring.get(id=given)
    assert run is not None
    assert run.model_version_id == second


async def test_a_run_needs_a_version(monitoring: AsyncMonitoringMetricsRepository) -> None:
    with pytest.raises(NotFound, match=r"no version of model .* was in production at 20"):
        await monitoring.insert(**{**RUN, "timestamp": NOON - 2 * DAY})
    with pytest.raises(NotFound, match="no model of that name"):
        await monitoring.insert(**{**RUN, "model_name": "unknown"})
    assert await monitoring.latest() is None


async def test_the_version_must_be_of_the_model(
    models: AsyncModelVersionRepository, monitoring: AsyncMonitoringMetricsRepository
) -> None:
    other = await models.insert(model_name="other")
    for wrong in (other, new_id()):
        with pytest.raises(NotFound, match=r"^model_version_id: names no version of this model"):
            await monitoring.insert(**RUN, model_version_id=wrong)


async def test_the_drift_ratio_is_computed_when_left_out(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    await monitoring.insert(**RUN, num_drifted_features=3, num_features=12)
    run = await monitoring.latest()
    assert run is not None
    assert run.feature_drift_ratio == 0.25


async def test_the_same_run_again_returns_the_same_id(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    first = await monitoring.insert(**EVERYTHING)
    assert await monitoring.insert(**EVERYTHING) == first
    # Another time of day, written in another zone, is still the same timestamp.
    zoned = NOON.astimezone(datetime.fromisoformat("2026-01-01T00:00+05:30").tzinfo)
    assert await monitoring.insert(**{**EVERYTHING, "timestamp": zoned}) == first
    assert len(await monitoring.list_runs()) == 1


async def test_the_same_run_again_is_found_without_what_was_computed(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    first = await monitoring.insert(**RUN, num_drifted_features=1, num_features=2)
    assert await monitoring.insert(**RUN, num_drifted_features=1, num_features=2) == first


async def test_other_content_of_the_same_run_is_a_conflict(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    first = await monitoring.insert(**EVERYTHING)
    for field, value in OTHER_CONTENT.items():
        with pytest.raises(Conflict, match="its content is different"):
            await monitoring.insert(**{**EVERYTHING, field: value})
    run = await monitoring.get(id=first)
    assert run is not None
    assert {name: getattr(run, name) for name in EVERYTHING} == EVERYTHING


async def test_an_id_names_one_run(monitoring: AsyncMonitoringMetricsRepository) -> None:
    given = new_id()
    assert await monitoring.insert(**RUN, id=given) == given
    assert await monitoring.insert(**RUN, id=given) == given
    with pytest.raises(Conflict):
        await monitoring.insert(**{**RUN, "timestamp": NOON + HOUR}, id=given)
    assert len(await monitoring.list_runs()) == 1


async def test_another_lookback_is_another_run(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    made = {await monitoring.insert(**{**RUN, "lookback_hours": hours}) for hours in (1, 24, 168)}
    assert len(made) == len(await monitoring.list_runs()) == 3


async def test_a_refused_value_is_named(monitoring: AsyncMonitoringMetricsRepository) -> None:
    for field, value in REFUSED:
        with pytest.raises(InvalidValue) as refusal:
            await monitoring.insert(**{**RUN, field: value})
        assert refusal.value.field == field
        assert await monitoring.list_runs() == []


async def test_no_more_features_drift_than_there_are(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        await monitoring.insert(
            **RUN, num_drifted_features=3, num_features=2, feature_drift_ratio=1
        )
    assert refusal.value.field == "num_drifted_features"
    # Here the ratio that is computed does not fit either.
    with pytest.raises(InvalidValue):
        await monitoring.insert(**RUN, num_drifted_features=3, num_features=2)


async def test_latest_is_the_newest_by_its_time(
    models: AsyncModelVersionRepository, monitoring: AsyncMonitoringMetricsRepository
) -> None:
    other = await models.insert(model_name="other")
    newest = await monitoring.insert(**{**RUN, "timestamp": NOON + HOUR})
    await monitoring.insert(**RUN)
    elsewhere = await monitoring.insert(
        **{**RUN, "model_name": "other", "timestamp": NOON + 2 * HOUR}, model_version_id=other
    )
    for name, expected in (("m", newest), ("other", elsewhere), (None, elsewhere)):
        run = await monitoring.latest(model_name=name)
        assert run is not None
        assert run.id == expected
    assert await monitoring.latest(model_name="unknown") is None


async def test_get_returns_none_for_what_is_not_there(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    assert await monitoring.get(id=new_id()) is None


async def test_a_window_includes_its_start_and_not_its_end(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    for hour in range(4):
        await monitoring.insert(**{**RUN, "timestamp": NOON + hour * HOUR})
    runs = await monitoring.list_runs(model_name="m", since=NOON + HOUR, until=NOON + 3 * HOUR)
    assert [run.timestamp for run in runs] == [NOON + 2 * HOUR, NOON + HOUR]


async def test_pages_hold_every_run_once(monitoring: AsyncMonitoringMetricsRepository) -> None:
    made = [
        (
            hour,
            await monitoring.insert(
                **{**RUN, "timestamp": NOON + hour * HOUR, "lookback_hours": lookback}
            ),
        )
        for hour in range(3)
        for lookback in (1, 2, 3, 4)
    ]
    seen, before = [], None
    while page := await monitoring.list_runs(limit=3, before=before):
        assert len(page) <= 3
        assert before not in [run.id for run in page]
        seen += [run.id for run in page]
        before = page[-1].id
    assert seen == [made_id for _, made_id in sorted(made, reverse=True)]


async def test_the_drift_trend_is_by_bucket_from_the_start_of_the_window(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    until = NOON + 3 * DAY
    for hours, ratio, drifted in (
        (0, 0.5, True),
        (23, 1.0, False),
        (24, 0.25, True),
        (72, 1, True),
    ):
        await monitoring.insert(
            **{**RUN, "timestamp": NOON + hours * HOUR},
            feature_drift_ratio=ratio,
            dataset_drift_detected=drifted,
            num_drifted_features=round(4 * ratio),
            num_features=4,
        )
    first, second = await monitoring.drift_trend(model_name="m", days=3, until=until)
    assert (first.bucket, first.runs, first.drifted_runs) == (NOON, 2, 1)
    assert (first.mean_feature_drift_ratio, first.max_feature_drift_ratio) == (0.75, 1.0)
    assert first.mean_num_drifted_features == 3.0
    assert (second.bucket, second.runs, second.drifted_runs) == (NOON + DAY, 1, 1)

    [whole] = await monitoring.drift_trend(model_name="m", days=3, bucket=3 * DAY, until=until)
    assert (whole.bucket, whole.runs) == (NOON, 3)
    assert await monitoring.drift_trend(model_name="m") == []
    assert await monitoring.drift_trend(model_name="unknown", until=until) == []


async def test_a_trend_without_ratios_has_none(
    monitoring: AsyncMonitoringMetricsRepository,
) -> None:
    await monitoring.insert(**RUN)
    [only] = await monitoring.drift_trend(model_name="m", until=NOON + HOUR)
    assert (only.runs, only.drifted_runs, only.mean_feature_drift_ratio) == (1, 0, None)


async def test_a_refused_window_is_named(monitoring: AsyncMonitoringMetricsRepository) -> None:
    for field, value in REFUSED_WINDOWS:
        with pytest.raises(InvalidValue) as refusal:
            await monitoring.drift_trend(**{"model_name": "m", field: value})
        assert refusal.value.field == field
