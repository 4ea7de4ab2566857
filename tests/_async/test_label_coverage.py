"""Label coverage is judged once labels are due, whatever the run of the window saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mlops_ledger import (
    AsyncGroundTruthRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    AsyncPredictionsRepository,
    new_id,
)
from mlops_ledger.rows import MonitorResult

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EACH = 12


class Days:
    """A model that predicts every other hour and is monitored every midnight."""

    def __init__(
        self,
        predictions: AsyncPredictionsRepository,
        truth: AsyncGroundTruthRepository,
        monitoring: AsyncMonitoringMetricsRepository,
        monitors: AsyncMonitorsRepository,
    ) -> None:
        self._predictions, self._truth = predictions, truth
        self._monitoring, self._monitors = monitoring, monitors
        self._ids: dict[int, UUID] = {}

    async def predict(self, days: int) -> None:
        """Store the predictions of all days, and what each run finds: no label is there yet."""
        rows = [{"id": self.id(n), "probability": 0.5} for n in range(days * EACH)]
        await self._predictions.insert_many(rows=rows, model_name="m", model_version="1")
        for day in range(1, days + 1):
            await self._monitoring.insert(
                model_name="m",
                timestamp=MIDNIGHT + day * DAY,
                lookback_hours=24,
                num_predictions=EACH,
                coverage_pct=0,
                labeled_samples=0,
            )

    def id(self, n: int) -> UUID:
        """The id of a prediction."""
        if n not in self._ids:
            self._ids[n] = new_id(MIDNIGHT + 2 * n * HOUR)
        return self._ids[n]

    async def label(self, first: int, last: int, delay: timedelta) -> None:
        """Label the predictions of some days."""
        await self._truth.insert_many(
            rows=[
                {
                    "prediction_id": self.id(n),
                    "actual_value": 1,
                    "labeled_at": MIDNIGHT + 2 * n * HOUR + delay,
                }
                for n in range(first * EACH, last * EACH)
            ]
        )

    async def judge(self, day: int) -> MonitorResult:
        """Evaluate the monitor of label coverage at the midnight after so many days."""
        found = await self._monitors.run(model_name="m", at=MIDNIGHT + day * DAY)
        return next(result for result in found if result.metric_name == "coverage_pct")


@pytest.fixture
async def days(
    models: AsyncModelVersionRepository,
    predictions: AsyncPredictionsRepository,
    truth: AsyncGroundTruthRepository,
    monitoring: AsyncMonitoringMetricsRepository,
    monitors: AsyncMonitorsRepository,
) -> Days:
    """A model in production that has the default monitors."""
    await models.insert(model_name="m")
    await models.promote(model_name="m", model_version="1", at=MIDNIGHT)
    await monitors.add_defaults(model_name="m")
    return Days(predictions, truth, monitoring, monitors)


async def test_labels_that_take_longer_than_the_window_are_waited_for(
    days: Days, monitoring: AsyncMonitoringMetricsRepository
) -> None:
    await days.predict(40)
    await days.label(0, 40, 5 * DAY)
    for day in range(8, 41, 4):
        result = await days.judge(day)
        # Five days late, the run of five days ago is complete.
        assert (result.state, result.value, result.point_at) == (
            "ok", 100, MIDNIGHT + (day - 5) * DAY,
        )  # fmt: skip
    # What the runs recorded stays.
    runs = await monitoring.list_runs(model_name="m", limit=100)
    assert {run.coverage_pct for run in runs} == {0}


async def test_labels_that_stop_are_a_warning_once_they_are_due(days: Days) -> None:
    await days.predict(40)
    await days.label(0, 20, 5 * DAY)
    states = {day: (await days.judge(day)).state for day in range(20, 31)}
    # The windows of the days 21 and 22 were due on the days 26 and 27.
    assert [day for day, state in states.items() if state == "warning"] == [27, 28, 29, 30]


async def test_a_model_without_any_label_is_a_warning(days: Days) -> None:
    await days.predict(3)
    result = await days.judge(3)
    assert (result.state, result.value, result.done) == ("warning", 0, "raised")
