"""Which runs of drift are the same report, which are another, and which contradict one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from mlops_ledger import (
    AsyncBaselinesRepository,
    AsyncDatabase,
    AsyncDriftReportsRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
VERSION = {"model_name": "m", "model_version": "1"}
RUN: dict[str, Any] = {**VERSION, "until": NOON}


@pytest.fixture(autouse=True)
async def registered(models: AsyncModelVersionRepository, db: AsyncDatabase) -> None:
    """Two days like the baseline in x; in the second one y has moved, and most plans are new."""
    random = np.random.default_rng(4)
    await models.insert(**VERSION, feature_names=["x", "y"])
    data: dict[str, Any] = {"x": random.normal(size=1000), "y": random.normal(size=1000)}
    data["plan"] = random.choice(["free", "pro"], 1000).tolist()
    await AsyncBaselinesRepository(db).register(**VERSION, data=data)
    for day, shift, plans in ((1, 0, ["free", "pro"]), (0, 3, ["free", "max"])):
        columns = {
            "predicted_at": [NOON - day * DAY - (n + 1) * 0.03 * HOUR for n in range(600)],
            "features": {"x": random.normal(size=600), "y": random.normal(shift, 1, 600)},
            "inputs": [{"plan": plan} for plan in random.choice(plans, 600)],
        }
        await AsyncPredictionsRepository(db).insert_columns(**VERSION, columns=columns)


async def test_another_reference_is_another_report(reports: AsyncDriftReportsRepository) -> None:
    baseline = await reports.run(**RUN)
    previous = await reports.run(**RUN, reference="previous")
    earlier = await reports.run(**RUN, reference=(NOON - 2 * DAY, NOON - 36 * HOUR))
    assert len({baseline.id, previous.id, earlier.id}) == 3
    assert [each.reference_size for each in (baseline, previous, earlier)] == [1000, 600, 200]
    assert previous.reference_start == NOON - 2 * DAY
    assert previous.reference_end == NOON - DAY
    # The same window by its times is the same reference.
    again = await reports.run(**RUN, reference=(NOON - 2 * DAY, NOON - DAY))
    assert again == previous == await reports.run(**RUN, reference="previous")
    assert await reports.run(**RUN) == baseline
    assert len(await reports.list_reports(model_name="m")) == 3


async def test_nothing_is_compared_with_a_window_without_predictions(
    reports: AsyncDriftReportsRepository,
) -> None:
    with pytest.raises(NotFound, match="in its reference, from 2025-12-30 12:00Z on: choose"):
        await reports.run(**RUN, reference=(NOON - 3 * DAY, NOON - 2 * DAY))
    assert await reports.list_reports(model_name="m") == []


async def test_a_newer_baseline_does_not_change_a_report(
    db: AsyncDatabase, reports: AsyncDriftReportsRepository
) -> None:
    first = await reports.run(**RUN)
    baselines = AsyncBaselinesRepository(db)
    await baselines.from_window(**VERSION, since=NOON - 2 * DAY, until=NOON - DAY)
    assert await reports.run(**RUN) == first
    # The window that the baseline is from is a reference of its own.
    window = await reports.run(**RUN, reference="previous")
    assert window.id != first.id


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"thresholds": 0.3}, "thresholds.x: is 0.1 in the report .* by jensen_shannon, not 0.3"),
        ({"thresholds": {"y": 0.3}}, "thresholds.y: is 0.1 in the report .*, not 0.3"),
        ({"drift_share": 0.2}, "drift_share: is 0.5 in the report .*, not 0.2"),
    ],
)
async def test_another_threshold_contradicts_a_report(
    reports: AsyncDriftReportsRepository, other: dict[str, Any], problem: str
) -> None:
    first = await reports.run(**RUN)
    with pytest.raises(Conflict, match=f"^{problem}; a report does not change"):
        await reports.run(**RUN, **other)
    assert await reports.run(**RUN) == first
    # The threshold that a method has anyhow may be named.
    assert await reports.run(**RUN, thresholds={"y": 0.1}, drift_share=0.5) == first


async def test_a_feature_that_is_not_there_is_refused_of_a_recorded_window(
    reports: AsyncDriftReportsRepository,
) -> None:
    await reports.run(**RUN)
    with pytest.raises(InvalidValue, match=r"thresholds\.nope: is not a feature of the baseline"):
        await reports.run(**RUN, thresholds={"nope": 1})


async def test_a_report_of_another_origin_is_not_taken_for_a_measured_one(
    reports: AsyncDriftReportsRepository,
) -> None:
    await reports.insert(
        **VERSION, timestamp=NOON, lookback_hours=24, method="psi", drift_detected=True
    )
    with pytest.raises(Conflict, match="already has a report"):
        await reports.run(**RUN, method="psi")


@pytest.mark.parametrize("method", ["ks", "chi2", "psi", "wasserstein"])
async def test_the_score_is_the_share_of_features_that_drifted(
    reports: AsyncDriftReportsRepository, method: str
) -> None:
    report = await reports.run(**RUN, method=method, drift_share=0.7)
    assert report.drifted_features == ["y", "plan"]
    assert (report.drift_score, report.threshold) == (pytest.approx(2 / 3), 0.7)
    assert report.drift_detected is False
    empty = await reports.run(**VERSION, until=NOON - 9 * DAY, method=method)
    assert (empty.drift_score, empty.drift_detected) == (None, False)


async def test_the_view_has_each_statistic_of_a_window_once(
    reports: AsyncDriftReportsRepository, conn: psycopg.Connection[Any]
) -> None:
    first = await reports.run(**RUN)
    await reports.run(**RUN, method="ks")
    previous = await reports.run(**RUN, method="psi", reference="previous")
    await reports.run(**RUN, method="ks", reference=(NOON - 2 * DAY, NOON - DAY))
    await reports.run(**RUN, lookback_hours=12)
    query = """
        SELECT reference, lookback_hours, report_id, count(*), count(DISTINCT (feature, statistic))
        FROM v_feature_drift WHERE model_name = 'm' AND timestamp = %s GROUP BY 1, 2, 3
    """
    found = conn.execute(query, [NOON]).fetchall()
    assert all(rows == distinct for *_, rows, distinct in found)
    keys = sorted((reference, hours) for reference, hours, *_ in found)
    assert keys == [("baseline", 12), ("baseline", 24), ("previous", 24)]
    ids = {(reference, hours): id for reference, hours, id, *_ in found}
    assert ids["baseline", 24] == first.id
    assert ids["previous", 24] == previous.id


async def test_the_trend_tells_references_apart(reports: AsyncDriftReportsRepository) -> None:
    await reports.run(**RUN)
    await reports.run(**RUN, reference="previous", lookback_hours=12)
    trend = await reports.feature_trend(model_name="m", feature="y", until=NOON + DAY)
    found = {(each.reference, each.lookback_hours) for each in trend}
    assert found == {("baseline", 24), ("previous", 12)}
