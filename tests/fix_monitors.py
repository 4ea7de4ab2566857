"""The rule that tests of monitors begin with, and the times of what they tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

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
