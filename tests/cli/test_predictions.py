"""mlops-ledger predictions: what the models predicted, in numbers."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ledger import Database, PredictionsRepository


def test_latencies_are_shown_by_bucket(ledger: Database, answer: Any) -> None:
    predictions = PredictionsRepository(ledger)
    for latency_ms in (10.0, 20.0, None):
        predictions.insert(
            model_name="m", model_version="1", probability=0.5, latency_ms=latency_ms
        )
    found = answer("predictions", "latency", "m", "--days", "1")
    [shown] = [bucket for bucket in found if bucket["count"]]
    assert (shown["count"], shown["mean"], shown["max"]) == (2, 15, 20)
    assert shown["p50"] == pytest.approx(10, rel=shown["relative_error"])
