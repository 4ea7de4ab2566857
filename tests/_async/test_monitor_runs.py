"""What monitors find, and the alerts that they raise and resolve."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fix_monitors import DAY, HOUR, NOON, RULE

from mlops_ledger import (
    AsyncAlertsRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
)
from mlops_ledger.errors import NotFound
from mlops_ledger.rows import MonitorResult


@pytest.fixture(autouse=True)
async def live(models: AsyncModelVersionRepository) -> None:
    """Version 1 of model m, in production since a week before noon."""
    await models.insert(model_name="m", metrics={"roc_auc": 0.8, "brier_score": 0.1})
    await models.promote(model_name="m", model_version="1", at=NOON - 7 * DAY)


class Feed:
    """A model whose drift is fed in hour by hour, and judged after each value."""

    def __init__(
        self, monitors: AsyncMonitorsRepository, monitoring: AsyncMonitoringMetricsRepository
    ) -> None:
        self._monitors, self._monitoring = monitors, monitoring
        self.at = NOON

    async def value(self, ratio: float | None) -> None:
        """Store the run of the next hour."""
        self.at += HOUR
        await self._monitoring.insert(
            model_name="m",
            timestamp=self.at,
            lookback_hours=24,
            num_predictions=100,
            feature_drift_ratio=ratio,
        )

    async def judge(self, after: timedelta = timedelta(0)) -> MonitorResult:
        """Evaluate the one monitor."""
        self.at += after
        [result] = await self._monitors.run(at=self.at)
        return result

    async def story(self, *ratios: float) -> list[str]:
        """Feed and judge values; tell the state after each and what was done."""
        told = []
        for ratio in ratios:
            await self.value(ratio)
            result = await self.judge()
            told.append(f"{result.state} {result.done}")
        return told


@pytest.fixture
def feed(monitors: AsyncMonitorsRepository, monitoring: AsyncMonitoringMetricsRepository) -> Feed:
    """The feed of that model."""
    return Feed(monitors, monitoring)


@pytest.mark.parametrize(
    ("operator", "warning", "critical", "values"),
    [
        (">", 0.25, 0.5, "0.25 ok, 0.375 warning, 0.5 warning, 0.625 critical"),
        (">=", 0.25, 0.5, "0.125 ok, 0.25 warning, 0.5 critical"),
        ("<", 0.5, 0.25, "0.5 ok, 0.375 warning, 0.25 warning, 0.125 critical"),
        ("<=", 0.5, 0.25, "0.625 ok, 0.5 warning, 0.25 critical"),
        (">=", 0.25, None, "0.125 ok, 0.25 warning, 1 warning"),
        ("<=", None, 0.25, "0.375 ok, 0.25 critical"),
    ],
)
async def test_a_value_is_judged_by_the_operator(
    monitors: AsyncMonitorsRepository,
    feed: Feed,
    operator: str,
    warning: float | None,
    critical: float | None,
    values: str,
) -> None:
    await monitors.insert(
        **{
            **RULE,
            "operator": operator,
            "warning_threshold": warning,
            "critical_threshold": critical,
        }
    )
    for step in values.split(", "):
        value, state = step.split()
        await feed.value(float(value))
        result = await feed.judge()
        severity = None if state == "ok" else state
        assert (result.value, result.state, result.severity) == (float(value), state, severity)
        assert result.threshold == {"warning": warning, "critical": critical}.get(state)


async def test_an_alert_is_raised_repeated_and_resolved(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    monitor = await monitors.insert(**RULE)
    assert await feed.story(0.1, 0.35, 0.6, 0.35, 0.1, 0.1, 0.6) == [
        "ok none",
        "warning raised",
        "critical repeated",
        "warning repeated",
        "ok resolved",
        "ok none",
        "critical raised",
    ]
    second, first = await alerts.list_alerts()
    assert (first.status, first.severity, first.occurrences) == ("resolved", "critical", 3)
    assert (first.resolved_by, first.resolved_at) == ("monitor drift", NOON + 5 * HOUR)
    assert (second.status, second.occurrences) == ("active", 1)
    assert second.monitor_id == monitor
    assert second.dedup_key == f"monitor:{monitor}"
    found = await monitors.get(id=monitor)
    assert found is not None
    assert (found.state, found.value, found.alert_id) == ("critical", 0.6, second.id)


async def test_an_alert_that_comes_down_to_a_warning_does_not_contradict_itself(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    monitor = await monitors.insert(**RULE)
    await feed.story(0.6, 0.35)
    [alert] = await alerts.list_active(model_name="m")
    # The worst that it was, beside a title that is true of the latest value.
    assert alert.severity == "critical"
    assert alert.title == "feature_drift_ratio of m is 0.35 (>= 0.3)"
    occurrences = await alerts.list_occurrences(alert_id=alert.id)
    assert [each.severity for each in occurrences] == ["warning", "critical"]
    found = await monitors.get(id=monitor)
    assert found is not None
    assert found.severity == "warning"


async def test_an_alert_says_why(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(**{**RULE, "consecutive": 2})
    await feed.story(0.51, 0.523456)
    [alert] = await alerts.list_active(model_name="m")
    assert alert.alert_type == "feature_drift_ratio"
    assert alert.title == "feature_drift_ratio of m is 0.5235 (>= 0.5)"
    data = alert.related_data
    assert {name: data[name] for name in ("threshold", "operator", "consecutive", "monitor")} == {
        "threshold": 0.5,
        "operator": ">=",
        "consecutive": 2,
        "monitor": "drift",
    }
    assert [point["value"] for point in data["points"]] == [0.523456, 0.51]
    assert data["points"][0]["details"]["model_version"] == "1"
    assert "monitoring_run_id" in data["points"][0]["details"]


async def test_judging_the_same_data_again_changes_nothing(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(**RULE)
    await feed.story(0.6)
    for _ in range(3):
        result = await feed.judge(after=timedelta(minutes=1))
        assert (result.state, result.done) == ("critical", "none")
    [alert] = await alerts.list_alerts()
    assert alert.occurrences == 1
    # Not even when a person has found that it is over: only a new value says that it is not.
    await alerts.resolve(id=alert.id, at=feed.at)
    assert (await feed.judge(after=HOUR)).done == "none"
    assert await alerts.list_active() == []
    assert await feed.story(0.6) == ["critical raised"]


async def test_going_back_in_time_changes_nothing(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    monitor = await monitors.insert(**RULE)
    await feed.story(0.1, 0.6)
    before = await monitors.get(id=monitor)
    [result] = await monitors.run(at=NOON + HOUR)
    assert (result.state, result.done, result.evaluated_at) == ("critical", "none", feed.at)
    assert await monitors.get(id=monitor) == before
    assert len(await alerts.list_active()) == 1


async def test_so_many_bad_values_in_a_row_are_needed(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(**{**RULE, "consecutive": 3})
    assert await feed.story(0.6, 0.6, 0.1, 0.6, 0.35, 0.6, 0.6, 0.6, 0.1) == [
        "ok none",
        "ok none",
        "ok none",
        "ok none",
        "ok none",
        "warning raised",
        "warning repeated",
        "critical repeated",
        "ok resolved",
    ]
    [alert] = await alerts.list_alerts()
    assert (alert.severity, alert.occurrences) == ("critical", 3)


async def test_values_outside_the_window_do_not_count(
    monitors: AsyncMonitorsRepository, feed: Feed
) -> None:
    await monitors.insert(**{**RULE, "consecutive": 2})
    await feed.story(0.6)
    feed.at += DAY - HOUR
    # The first value lies exactly one window before the second.
    assert await feed.story(0.6) == ["ok none"]
    assert await feed.story(0.6) == ["critical raised"]


async def test_values_must_come_back_by_the_hysteresis(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(
        **{**RULE, "warning_threshold": 0.25, "critical_threshold": 0.5, "hysteresis": 0.125}
    )
    assert await feed.story(0.1875, 0.25, 0.1875, 0.125, 0.0625, 0.5, 0.4375, 0.25) == [
        "ok none",
        "warning raised",
        "warning none",
        "warning none",
        "ok resolved",
        "critical raised",
        "critical repeated",
        "warning repeated",
    ]
    second, first = await alerts.list_alerts()
    # What is only not yet good enough is no occurrence.
    assert (first.occurrences, second.occurrences) == (1, 3)


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        (">", (0.75, 0.5, 0.375)),
        (">=", (0.75, 0.375, 0.3125)),
        ("<", (0.25, 0.5, 0.625)),
        ("<=", (0.25, 0.625, 0.6875)),
    ],
)
async def test_the_hysteresis_is_on_the_good_side_of_the_threshold(
    monitors: AsyncMonitorsRepository, feed: Feed, operator: str, values: tuple[float, ...]
) -> None:
    rule = {**RULE, "operator": operator, "critical_threshold": None, "warning_threshold": 0.5}
    await monitors.insert(**{**rule, "hysteresis": 0.125})
    assert await feed.story(*values) == ["warning raised", "warning none", "ok resolved"]


@pytest.mark.parametrize(
    ("no_data", "severity", "done"),
    [("ok", None, "none"), ("warning", "warning", "raised"), ("critical", "critical", "raised")],
)
async def test_no_data_means_what_was_said(
    monitors: AsyncMonitorsRepository,
    alerts: AsyncAlertsRepository,
    feed: Feed,
    no_data: str,
    severity: str | None,
    done: str,
) -> None:
    await monitors.insert(**{**RULE, "no_data": no_data})
    result = await feed.judge()
    assert (result.state, result.severity, result.done) == ("no_data", severity, done)
    # A run without the metric is none either.
    await feed.value(None)
    result = await feed.judge()
    assert (result.state, result.severity, result.done) == ("no_data", severity, "none")
    if severity:
        [alert] = await alerts.list_active()
        assert alert.title == "feature_drift_ratio of m: no data for 1 day"
        assert (alert.severity, alert.occurrences) == (severity, 1)
        # Silence counts once a window.
        assert (await feed.judge(after=22 * HOUR)).done == "none"
        assert (await feed.judge(after=HOUR)).done == "repeated"
        assert await feed.story(0.1) == ["ok resolved"]


async def test_silence_does_not_end_an_alert(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(**{**RULE, "hysteresis": 0.1})
    await feed.story(0.6)
    result = await feed.judge(after=2 * DAY)
    assert (result.state, result.severity, result.done) == ("no_data", None, "none")
    assert [alert.id for alert in await alerts.list_active()] == [result.alert_id]
    assert await feed.story(0.45, 0.1) == ["critical repeated", "ok resolved"]


async def test_an_acknowledged_alert_is_repeated_and_resolved(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(**RULE)
    await feed.story(0.6)
    [alert] = await alerts.list_active()
    # Acknowledged today, while the values are those of January.
    await alerts.acknowledge(id=alert.id, acknowledged_by="ann")
    assert await feed.story(0.6, 0.1) == ["critical repeated", "ok resolved"]
    over = await alerts.get(id=alert.id)
    assert over is not None
    assert (over.status, over.acknowledged_by, over.occurrences) == ("resolved", "ann", 2)


async def test_disabled_and_removed_monitors_are_not_run(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    monitor = await monitors.insert(**RULE)
    await feed.story(0.6)
    await monitors.set_enabled(id=monitor, enabled=False)
    assert await monitors.run(at=feed.at) == []
    assert len(await alerts.list_active()) == 1
    await monitors.set_enabled(id=monitor, enabled=True)
    assert len(await monitors.run(at=feed.at)) == 1
    for _ in range(2):
        await monitors.remove(id=monitor, removed_by="ann")
    assert await monitors.run(at=feed.at) == []
    assert await monitors.list_monitors() == []
    [removed] = await monitors.list_monitors(include_removed=True)
    assert removed.removed_by == "ann"
    [alert] = await alerts.list_alerts()
    assert (alert.status, alert.resolved_by, alert.notes) == (
        "resolved",
        "ann",
        "the monitor was removed",
    )
    # Its name is free again.
    assert await monitors.insert(**RULE) != monitor
    with pytest.raises(NotFound, match=f"there is no monitor {monitor}"):
        await monitors.set_enabled(id=monitor, enabled=True)
