"""What is right for the arguments of the public methods of repositories."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from fix_odd_values import NOON, SOME_ID

# What is right for an argument that has no default.
RIGHT: Final[dict[str, Any]] = {
    "model_name": "m",
    "model_version": "1",
    "against": "1",
    "metric_name": "rmse",
    "metric_value": 1.0,
    "host": "h",
    "name": "n",
    "title": "t",
    "alert_type": "drift",
    "action_type": "scale",
    "risk_level": "low",
    "requested_by": "agent",
    "reviewed_by": "someone",
    "trigger_reason": "drift",
    "action": "reject",
    "source": "monitoring",
    "operator": ">",
    "window": timedelta(hours=1),
    "feature": "a",
    "slot": "production",
    "slice_key": "country",
    "stage": "staging",
    "enabled": True,
    "description": "d",
    "consumer": "c",
    "decision_id": SOME_ID,
    "timestamp": NOON,
    "since": NOON,
    "until": NOON + timedelta(hours=1),
    "lookback_hours": 1,
    "num_predictions": 1,
    "drift_detected": False,
    "id": SOME_ID,
    "alert_id": SOME_ID,
    "seq": 1,
    "prediction_id": SOME_ID,
    "request_id": "r",
    "rows": [],
    "columns": {},
    "webhook": "w",
    "url": "https://example.com/",
    "secret": "whsec_",
    "status_code": 200,
    "error": "e",
    "is_down": True,
    "retry_after": timedelta(seconds=1),
    "give_up_after": timedelta(days=3),
    "lease": timedelta(minutes=1),
    "data": {"a": [1.0, 2.0]},
    "tags": {},
    "version_a": "1",
    "version_b": "1",
    "period": "day",
    "bucket": timedelta(hours=1),
    "minimum_count": 1,
}


def methods(repository: object) -> Iterator[tuple[str, list[inspect.Parameter]]]:
    for name, method in inspect.getmembers(repository, inspect.ismethod):
        if not name.startswith("_"):
            parameters = inspect.signature(method).parameters.values()
            yield name, [each for each in parameters if each.kind is each.KEYWORD_ONLY]


def right(argument: inspect.Parameter) -> object:
    """Return a value that is right; any text is where none is listed."""
    if argument.annotation == "str":
        return RIGHT.get(argument.name, "text")
    return RIGHT[argument.name]
