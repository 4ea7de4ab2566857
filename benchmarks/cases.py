"""What is measured: methods of the ledger, and the values of their calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    RetrainingDecisionsRepository,
)

START = datetime(2026, 1, 1, tzinfo=UTC)

Values = dict[str, Any]
Call = Callable[[Values], object]


@dataclass(frozen=True)
class Case:
    """A method of a repository and the values of its calls, for a model of the given name."""

    name: str
    file: str
    statement: str
    values: Callable[[str], Iterator[Values]]
    repository: type[Any]

    def method(self, db: Database) -> Call:
        """Return the method on a database."""
        method = getattr(self.repository(db), self.statement)
        return lambda values: method(**values)


def _runs(model: str) -> Iterator[Values]:
    for n in count(1):
        yield {
            "model_name": model,
            "timestamp": START + timedelta(seconds=n),
            "lookback_hours": 24,
            "num_predictions": 900,
            "positive_rate": 0.25,
            "num_drifted_features": 1,
            "num_features": 12,
            "drifted_features": ["hour"],
        }


def _decisions(model: str) -> Iterator[Values]:
    gates = [{"gate": "roc_auc", "passed": False, "value": 0.7, "threshold": 0.75}]
    while True:
        yield {
            "model_name": model,
            "trigger_reason": "drift",
            "action": "reject",
            "gate_results": gates,
        }


def _promotions(model: str) -> Iterator[Values]:
    for n in count(1):
        yield {"model_name": model, "model_version": str(1 + n % 2)}


CASES = (
    Case("record a run", "monitoring_metrics", "insert", _runs, MonitoringMetricsRepository),
    Case(
        "record a decision",
        "retraining_decisions",
        "insert",
        _decisions,
        RetrainingDecisionsRepository,
    ),
    Case("promote a version", "model_versions", "promote", _promotions, ModelVersionRepository),
)


def register(db: Database, model: str) -> None:
    """Register two versions of a model and put the first into production."""
    repository = ModelVersionRepository(db)
    for version in ("1", "2"):
        repository.insert(model_name=model, model_version=version)
    repository.promote(model_name=model, model_version="1", at=START)
