"""Monitors: rules that raise and resolve alerts (B18)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    AsyncAlertsRepository,
    AsyncDatabase,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    new_id,
)
from mlops_ledger.errors import Conflict, InvalidValue, NotFound
from mlops_ledger.rows import MonitorResult

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RULE: dict[str, Any] = {
    "name": "drift",
    "model_name": "m",
    "source": "monitoring",
    "metric_name": "feature_drift_ratio",
    "operator": ">=",
    "window": DAY,
    "warning_threshold": 0.3,
    "critical_threshold": 0.5,
}
EVERYTHING = {
    **RULE,
    "consecutive": 3,
    "no_data": "critical",
    "hysteresis": 0.05,
    "slice": "",
    "host": None,
    "labels": {},
    "created_by": "ann",
}
SYSTEM = {**RULE, "source": "system", "metric_name": "cpu_percent", "host": "web-1"}

REFUSED = [
    ("warning_threshold", float("nan")),
    ("warning_threshold", "0.3"),
    ("critical_threshold", float("inf")),
    ("critical_threshold", 2e150),
    ("critical_threshold", 0.3),
    ("critical_threshold", 0.2),
    ("metric_name", "no_such_metric"),
    ("metric_name", "model_name"),
    ("metric_name", "metadata"),
    ("name", ""),
    ("source", "logs"),
    ("operator", "=="),
    ("window", timedelta(0)),
    ("window", timedelta(days=3661)),
    ("consecutive", 0),
    ("consecutive", 101),
    ("no_data", "panic"),
    ("hysteresis", -0.1),
    ("hysteresis", float("nan")),
    ("model_name", None),
    ("slice", "carrier=AA"),
    ("host", "web-1"),
    ("labels", {"gpu": 0}),
]


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


async def test_a_monitor_keeps_what_it_was_added_with(monitors: AsyncMonitorsRepository) -> None:
    made = await monitors.insert(**EVERYTHING)
    found = await monitors.get(id=made)
    assert found is not None
    assert {name: getattr(found, name) for name in EVERYTHING} == EVERYTHING
    assert (found.enabled, found.removed_at, found.state) == (True, None, None)
    assert await monitors.list_monitors() == [found]


async def test_a_retried_insert_adds_one(monitors: AsyncMonitorsRepository) -> None:
    one = new_id()
    for _ in range(2):
        assert await monitors.insert(**EVERYTHING, id=one) == one
    with pytest.raises(Conflict, match="id: already names another monitor"):
        await monitors.insert(**{**EVERYTHING, "consecutive": 2}, id=one)
    with pytest.raises(Conflict, match="name: the model already has a monitor of that name"):
        await monitors.insert(**EVERYTHING)


@pytest.mark.parametrize(("name", "value"), REFUSED)
async def test_a_bad_value_is_refused(
    monitors: AsyncMonitorsRepository, name: str, value: object
) -> None:
    with pytest.raises(InvalidValue, match=f"^{name}: "):
        await monitors.insert(**{**RULE, name: value})
    assert await monitors.list_monitors() == []


@pytest.mark.parametrize("operator", [">", "<"])
async def test_critical_lies_beyond_warning(
    monitors: AsyncMonitorsRepository, operator: str
) -> None:
    low, high = {"warning_threshold": 1, "critical_threshold": 2}, {"operator": operator}
    high |= {"warning_threshold": 2, "critical_threshold": 1}
    right, wrong = (low, high) if operator == ">" else (high, low)
    await monitors.insert(**{**RULE, **right, "operator": operator})
    with pytest.raises(InvalidValue, match="further in the direction of the operator"):
        await monitors.insert(**{**RULE, **wrong, "operator": operator, "name": "other"})
    with pytest.raises(InvalidValue, match="critical_threshold: or warning_threshold is needed"):
        await monitors.insert(**{**RULE, "warning_threshold": None, "critical_threshold": None})


async def test_system_monitors_need_a_host_and_others_a_model(
    monitors: AsyncMonitorsRepository,
) -> None:
    await monitors.insert(**{**SYSTEM, "model_name": None, "labels": {"gpu": 0}})
    await monitors.insert(**SYSTEM)
    with pytest.raises(InvalidValue, match="host: is needed"):
        await monitors.insert(**{**SYSTEM, "host": None})
    with pytest.raises(NotFound, match="no model of that name"):
        await monitors.insert(**{**RULE, "model_name": "unknown"})
    with pytest.raises(Conflict, match="name: the model already has"):
        await monitors.insert(**{**SYSTEM, "model_name": None})


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


async def test_an_alert_says_why(
    monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository, feed: Feed
) -> None:
    await monitors.insert(**{**RULE, "consecutive": 2})
    await feed.story(0.51, 0.523456)
    [alert] = await alerts.list_active(model_name="m")
    assert alert.alert_type == "feature_drift_ratio"
    assert alert.title == "feature_drift_ratio of m is 0.5235 (critical: >= 0.5)"
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


@pytest.mark.parametrize("metric_name", ["num_predictions", "dataset_drift_detected", "entropy"])
async def test_every_number_of_a_run_can_be_watched(
    monitors: AsyncMonitorsRepository,
    monitoring: AsyncMonitoringMetricsRepository,
    metric_name: str,
) -> None:
    await monitors.insert(
        **{**RULE, "metric_name": metric_name, "warning_threshold": 1, "critical_threshold": None}
    )
    values = {"num_predictions": 1, "dataset_drift_detected": True, "entropy": 1}
    await monitoring.insert(model_name="m", timestamp=NOON, lookback_hours=24, **values)
    [result] = await monitors.run(at=NOON)
    assert (result.state, result.value) == ("warning", 1.0)


async def test_of_runs_that_end_together_the_worst_counts(
    monitors: AsyncMonitorsRepository, monitoring: AsyncMonitoringMetricsRepository
) -> None:
    await monitors.insert(**{**RULE, "consecutive": 2})
    for hour, ratios in ((1, (0.1, 0.4, 0.2)), (2, (0.6, 0.1, 0.0))):
        for lookback, ratio in enumerate(ratios, 1):
            await monitoring.insert(
                model_name="m",
                timestamp=NOON + hour * HOUR,
                lookback_hours=lookback,
                num_predictions=1,
                feature_drift_ratio=ratio,
            )
    [result] = await monitors.run(at=NOON + 3 * HOUR)
    assert (result.state, result.value) == ("warning", 0.6)


async def test_performance_metrics_are_watched_by_slice(
    db: AsyncDatabase, monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository
) -> None:
    accuracy = {
        **RULE,
        "source": "performance",
        "metric_name": "accuracy",
        "operator": "<",
        "warning_threshold": 0.7,
        "critical_threshold": 0.6,
    }
    await monitors.insert(**accuracy)
    await monitors.insert(**{**accuracy, "name": "AA", "slice": "carrier=AA"})
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO performance_metrics"
            " (timestamp, model_name, metric_name, metric_value, stage, slice) VALUES"
            " (%(at)s, 'm', 'accuracy', 0.8, 'production', ''),"
            " (%(at)s, 'm', 'accuracy', 0.65, 'production', 'carrier=AA'),"
            " (%(at)s, 'm', 'accuracy', 0.1, 'validation', ''),"
            " (%(at)s, 'm', 'f1_score', 0.1, 'production', '')",
            {"at": NOON},
        )
    found = {one.name: (one.state, one.value) for one in await monitors.run(at=NOON)}
    assert found == {"drift": ("ok", 0.8), "AA": ("warning", 0.65)}
    [alert] = await alerts.list_active()
    details = alert.related_data["points"][0]["details"]
    assert (details["slice"], details["model_version"]) == ("carrier=AA", "1")


async def test_system_metrics_are_watched_by_host_and_labels(
    db: AsyncDatabase, monitors: AsyncMonitorsRepository, alerts: AsyncAlertsRepository
) -> None:
    gpu = {
        **SYSTEM,
        "model_name": None,
        "metric_name": "gpu_percent",
        "warning_threshold": 80,
        "critical_threshold": None,
    }
    await monitors.insert(**gpu)
    await monitors.insert(**{**gpu, "name": "gpu 0", "labels": {"gpu": 0}})
    now = datetime.now(UTC)
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO system_metrics (timestamp, host, metric_name, metric_value, labels) VALUES"
            " (%(at)s, 'web-1', 'gpu_percent', 50, '{\"gpu\": 0}'),"
            " (%(at)s, 'web-1', 'gpu_percent', 90, '{\"gpu\": 1}'),"
            " (%(at)s, 'web-2', 'gpu_percent', 99, '{\"gpu\": 0}')",
            {"at": now},
        )
    found = {one.name: (one.state, one.value) for one in await monitors.run()}
    assert found == {"drift": ("warning", 90), "gpu 0": ("ok", 50)}
    [alert] = await alerts.list_active()
    assert alert.title == "gpu_percent of web-1 is 90 (warning: >= 80)"
    assert alert.model_name is None


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


async def test_what_is_unknown_is_not_found(monitors: AsyncMonitorsRepository) -> None:
    unknown = new_id()
    with pytest.raises(NotFound, match=f"there is no monitor {unknown}"):
        await monitors.remove(id=unknown)
    with pytest.raises(NotFound, match=f"there is no monitor {unknown}"):
        await monitors.set_enabled(id=unknown, enabled=False)
    assert await monitors.get(id=unknown) is None
    for call in (monitors.run, monitors.add_defaults):
        with pytest.raises(NotFound, match="no model of that name"):
            await call(model_name="unknown")
    with pytest.raises(InvalidValue, match="at: lies in the future"):
        await monitors.run(at=datetime(2100, 1, 1, tzinfo=UTC))


async def test_only_the_monitors_of_a_model_are_run(
    models: AsyncModelVersionRepository, monitors: AsyncMonitorsRepository
) -> None:
    await models.insert(model_name="n")
    for model in ("m", "n"):
        await monitors.insert(**{**RULE, "model_name": model})
    await monitors.insert(**{**SYSTEM, "model_name": None})
    assert [one.model_name for one in await monitors.run(model_name="n")] == ["n"]
    assert len(await monitors.run()) == 3
    listed = await monitors.list_monitors(limit=2)
    assert [one.model_name for one in listed] == [None, "n"]
    following = await monitors.list_monitors(before=listed[-1].id)
    assert [one.model_name for one in following] == ["m"]
    assert len(await monitors.list_monitors(model_name="m")) == 1


async def test_the_defaults_are_held_against_the_version_in_production(
    models: AsyncModelVersionRepository, monitors: AsyncMonitorsRepository
) -> None:
    await models.insert(model_name="m", metrics={"roc_auc": 0.99, "rmse": 5})
    added = await monitors.add_defaults(model_name="m", window=2 * DAY, created_by="ann")
    rules = {
        one.name: (one.source, one.operator, one.warning_threshold, one.critical_threshold)
        for one in added
    }
    assert rules == {
        "feature_drift_ratio": ("monitoring", ">=", 0.3, 0.5),
        "num_predictions": ("monitoring", "<=", None, 0),
        "coverage_pct": ("monitoring", "<", 50, None),
        "roc_auc": ("performance", "<", pytest.approx(0.76), pytest.approx(0.72)),
        "brier_score": ("performance", ">", pytest.approx(0.11), pytest.approx(0.125)),
    }
    assert {one.window for one in added} == {2 * DAY}
    assert {one.created_by for one in added} == {"ann"}
    listed = await monitors.list_monitors(model_name="m")
    assert await monitors.add_defaults(model_name="m") == []
    assert await monitors.list_monitors(model_name="m") == listed
    states = {one.name: one.state for one in await monitors.run(model_name="m")}
    assert set(states.values()) == {"no_data"}
