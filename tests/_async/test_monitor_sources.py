"""Where the values come from that monitors judge."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fix_monitors import DAY, HOUR, NOON, RULE

from mlops_ledger import (
    AsyncAlertsRepository,
    AsyncModelVersionRepository,
    AsyncMonitoringMetricsRepository,
    AsyncMonitorsRepository,
    AsyncPerformanceMetricsRepository,
    AsyncSystemMetricsRepository,
)

SYSTEM = {**RULE, "source": "system", "metric_name": "cpu_percent", "host": "web-1"}


@pytest.fixture(autouse=True)
async def live(models: AsyncModelVersionRepository) -> None:
    """Version 1 of model m, in production since a week before noon."""
    await models.insert(model_name="m", metrics={"roc_auc": 0.8, "brier_score": 0.1})
    await models.promote(model_name="m", model_version="1", at=NOON - 7 * DAY)


async def test_every_number_of_a_run_can_be_watched(
    monitors: AsyncMonitorsRepository, monitoring: AsyncMonitoringMetricsRepository
) -> None:
    values = {
        "num_predictions": 4,
        "positive_rate": 0.5,
        "probability_mean": 0.25,
        "probability_std": 0.125,
        "entropy": 0.75,
        "dataset_drift_detected": True,
        "feature_drift_ratio": 0.5,
        "num_drifted_features": 1,
        "num_features": 2,
        "coverage_pct": 50,
        "labeled_samples": 3,
    }
    for name in values:
        await monitors.insert(**{**RULE, "name": name, "metric_name": name})
    await monitoring.insert(model_name="m", timestamp=NOON, lookback_hours=24, **values)
    assert {one.name: one.value for one in await monitors.run(at=NOON)} == values


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
    monitors: AsyncMonitorsRepository,
    alerts: AsyncAlertsRepository,
    metrics: AsyncPerformanceMetricsRepository,
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
    for name, value, stage, part in (
        ("accuracy", 0.8, "production", ""),
        ("accuracy", 0.65, "production", "carrier=AA"),
        ("accuracy", 0.1, "validation", ""),
        ("f1_score", 0.1, "production", ""),
    ):
        await metrics.insert(
            model_name="m",
            timestamp=NOON,
            metric_name=name,
            metric_value=value,
            stage=stage,
            slice=part,
        )
    found = {one.name: (one.state, one.value) for one in await monitors.run(at=NOON)}
    assert found == {"drift": ("ok", 0.8), "AA": ("warning", 0.65)}
    [alert] = await alerts.list_active()
    details = alert.related_data["points"][0]["details"]
    assert (details["slice"], details["model_version"]) == ("carrier=AA", "1")


async def test_system_metrics_are_watched_by_host_and_labels(
    monitors: AsyncMonitorsRepository,
    alerts: AsyncAlertsRepository,
    system: AsyncSystemMetricsRepository,
) -> None:
    gpu = {
        **SYSTEM,
        "model_name": None,
        "metric_name": "gpu_percent",
        "warning_threshold": 80,
        "critical_threshold": None,
    }
    await monitors.insert(**gpu)
    await monitors.insert(**{**gpu, "name": "gpu 0", "attributes": {"gpu": 0}})
    measured = {"timestamp": datetime.now(UTC), "metric_name": "gpu_percent"}
    await system.insert_many(
        rows=[
            {**measured, "host": "web-1", "metric_value": 50, "attributes": {"gpu": 0}},
            {**measured, "host": "web-1", "metric_value": 90, "attributes": {"gpu": 1}},
            {**measured, "host": "web-2", "metric_value": 99, "attributes": {"gpu": 0}},
        ]
    )
    found = {one.name: (one.state, one.value) for one in await monitors.run()}
    assert found == {"drift": ("warning", 90), "gpu 0": ("ok", 50)}
    [alert] = await alerts.list_active()
    assert alert.title == "gpu_percent of web-1 is 90 (>= 80)"
    assert alert.model_name is None
