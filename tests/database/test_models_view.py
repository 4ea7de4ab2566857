"""v_models says of every model what is live and what needs attention, without counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ledger import (
    AgentActionsRepository,
    AlertsRepository,
    Database,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PredictionsRepository,
    SummariesRepository,
)
from mlops_ledger._sync.overview import Overview

HOUR = timedelta(hours=1)


@pytest.fixture
def db(dsn: str) -> Any:
    with Database(dsn) as database:
        for name in ("m", "m", "other"):
            ModelVersionRepository(database).insert(model_name=name)
        yield database


def overview(db: Database, name: str = "m") -> Any:
    [found] = [each for each in Overview(db).models() if each.model_name == name]
    return found


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def test_a_model_with_nothing_says_nothing(db: Database) -> None:
    found = overview(db, "other")
    assert (found.versions, found.predictions_24h) == (1, 0)
    assert (found.open_alerts, found.pending_approvals) == (0, 0)
    rest = (found.live_version, found.live_since, found.last_prediction, found.last_monitoring)
    assert rest == (None,) * 4
    assert (found.worst_monitor, found.worst_alert, found.coverage_pct) == (None,) * 3


def test_predictions_are_counted_once_they_are_folded(db: Database) -> None:
    predictions = PredictionsRepository(db)
    hour = this_hour()
    times = [hour - 30 * HOUR, hour - 24 * HOUR, hour - timedelta(microseconds=1)]
    for at in times:
        predictions.insert_many(
            model_name="m", model_version="1", rows=[{"predicted_at": at, "probability": 0.5}] * 2
        )
    predictions.insert(model_name="m", model_version="2", predicted_at=times[-1] - HOUR)
    waiting = overview(db)
    assert (waiting.predictions_24h, waiting.last_prediction) == (None, times[-1])
    SummariesRepository(db).fold()
    folded = overview(db)
    assert (folded.predictions_24h, folded.last_prediction) == (5, times[-1])
    now = datetime.now(UTC)
    predictions.insert(model_name="m", model_version="2", predicted_at=now)
    assert overview(db).last_prediction == now
    assert overview(db, "other").last_prediction is None


def test_what_was_said_last_and_what_is_to_be_done(db: Database) -> None:
    ModelVersionRepository(db).promote(model_name="m", model_version="2")
    now = datetime.now(UTC)
    runs = MonitoringMetricsRepository(db)
    for hours, coverage in ((2, 10.0), (1, 20.0)):
        runs.insert(
            model_name="m", model_version="2", timestamp=now - hours * HOUR, lookback_hours=24,
            num_predictions=5, coverage_pct=coverage,
        )  # fmt: skip
    monitors = MonitorsRepository(db)
    for name, threshold in (("few", 3), ("fewer", 1)):
        monitors.insert(
            model_name="m", name=name, source="monitoring", metric_name="num_predictions",
            window=24 * HOUR, operator="<", warning_threshold=threshold,
        )  # fmt: skip
    monitors.run()
    assert overview(db).worst_monitor == "ok"
    monitors.insert(
        model_name="m", name="many", source="monitoring", metric_name="num_predictions",
        window=24 * HOUR, operator=">", warning_threshold=4,
    )  # fmt: skip
    monitors.run()
    AlertsRepository(db).raise_alert(
        alert_type="drift", title="it drifted", severity="critical", model_name="m"
    )
    actions = AgentActionsRepository(db)
    for risk in ("low", "high", "high"):
        actions.insert(action_type="retrain", risk_level=risk, requested_by="a", model_name="m")
    found = overview(db)
    assert (found.live_version, found.coverage_pct) == ("2", 20.0)
    assert found.last_monitoring == now - HOUR
    assert (found.worst_monitor, found.worst_alert) == ("warning", "critical")
    assert (found.open_alerts, found.pending_approvals) == (2, 2)
    assert overview(db, "other").open_alerts == 0
