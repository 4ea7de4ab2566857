# Generated from tests/_async/test_monitor_sources.py by tools/unasync.py: edit that file, then run `make sync`.
"""Where the values come from that monitors judge."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fix_monitors import DAY, HOUR, NOON, RULE

from mlops_ledger import (
    AlertsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PerformanceMetricsRepository,
    SystemMetricsRepository,
)

SYSTEM = {**RULE, "source": "system", "metric_name": "cpu_percent", "host": "web-1"}


@pytest.fixture(autouse=True)
def live(models: ModelVersionRepository) -> None:
    """Version 1 of model m, in production since a week before noon."""
    models.insert(model_name="m", metrics={"roc_auc": 0.8, "brier_score": 0.1})
    models.promote(model_name="m", model_version="1", at=NOON - 7 * DAY)


def test_every_number_of_a_run_can_be_watched(
    monitors: MonitorsRepository, monitoring: MonitoringMetricsRepository
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
        monitors.insert(**{**RULE, "name": name, "metric_name": name})
    monitoring.insert(model_name="m", timestamp=NOON, lookback_hours=24, **values)
    assert {one.name: one.value for one in monitors.run(at=NOON)} == values


def test_of_runs_that_end_together_the_worst_counts(
    monitors: MonitorsRepository, monitoring: MonitoringMetricsRepository
) -> None:
    monitors.insert(**{**RULE, "consecutive": 2})
    for hour, ratios in ((1, (0.1, 0.4, 0.2)), (2, (0.6, 0.1, 0.0))):
        for lookback, ratio in enumerate(ratios, 1):
            monitoring.insert(
                model_name="m",
                timestamp=NOON + hour * HOUR,
                lookback_hours=lookback,
                num_predictions=1,
                feature_drift_ratio=ratio,
            )
    [result] = monitors.run(at=NOON + 3 * HOUR)
    assert (result.state, result.value) == ("warning", 0.6)


def test_performance_metrics_are_watched_by_slice(
    monitors: MonitorsRepository,
    alerts: AlertsRepository,
    metrics: PerformanceMetricsRepository,
) -> None:
    accuracy = {
        **RULE,
        "source": "performance",
        "metric_name": "accuracy",
        "operator": "<",
        "warning_threshold": 0.7,
        "critical_threshold": 0.6,
    }
    monitors.insert(**accuracy)
    monitors.insert(**{**accuracy, "name": "AA", "slice": "carrier=AA"})
    for name, value, stage, part in (
        ("accuracy", 0.8, "production", ""),
        ("accuracy", 0.65, "production", "carrier=AA"),
        ("accuracy", 0.1, "validation", ""),
        ("f1_score", 0.1, "production", ""),
    ):
        metrics.insert(
            model_name="m",
            timestamp=NOON,
            metric_name=name,
            metric_value=value,
            stage=stage,
            slice=part,
        )
    found = {one.name: (one.state, one.value) for one in monitors.run(at=NOON)}
    assert found == {"drift": ("ok", 0.8), "AA": ("warning", 0.65)}
    [alert] = alerts.list_active()
    details = alert.related_data["points"][0]["details"]
    assert (details["slice"], details["model_version"]) == ("carrier=AA", "1")


def test_system_metrics_are_watched_by_host_and_labels(
    monitors: MonitorsRepository,
    alerts: AlertsRepository,
    system: SystemMetricsRepository,
) -> None:
    gpu = {
        **SYSTEM,
        "model_name": None,
        "metric_name": "gpu_percent",
        "warning_threshold": 80,
        "critical_threshold": None,
    }
    monitors.insert(**gpu)
    monitors.insert(**{**gpu, "name": "gpu 0", "attributes": {"gpu": 0}})
    measured = {"timestamp": datetime.now(UTC), "metric_name": "gpu_percent"}
    system.insert_many(
        rows=[
            {**measured, "host": "web-1", "metric_value": 50, "attributes": {"gpu": 0}},
            {**measured, "host": "web-1", "metric_value": 90, "attributes": {"gpu": 1}},
            {**measured, "host": "web-2", "metric_value": 99, "attributes": {"gpu": 0}},
        ]
    )
    found = {one.name: (one.state, one.value) for one in monitors.run()}
    assert found == {"drift": ("warning", 90), "gpu 0": ("ok", 50)}
    [alert] = alerts.list_active()
    assert alert.title == "gpu_percent of web-1 is 90 (>= 80)"
    assert alert.model_name is None
