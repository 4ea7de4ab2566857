"""What can be imported: the fields of each kind, and how a row of it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from ...._sync.database import Connections
from ...._sync.repository import Repository
from ....errors import NotFound
from ....repositories import (
    AlertsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PerformanceMetricsRepository,
    RetrainingDecisionsRepository,
)
from ....statements import load

_REVIEW: Final = {
    "acknowledged_at": "timestamptz",
    "acknowledged_by": "text",
    "resolved_at": "timestamptz",
    "resolved_by": "text",
    "notes": "text",
}


class Known(Repository):
    """Tells what is recorded already."""

    _file = "records"

    def is_known(self, *, id: UUID) -> bool:
        """Return whether something of this id was recorded."""
        found: bool = self._value("is_known", locals())
        return found


@dataclass(frozen=True)
class Kind:
    """A kind of rows: when each happened, its fields with their SQL types, how it is recorded."""

    time: str
    statement: tuple[str, str]
    required: tuple[str, ...]
    record: Callable[[Connections, dict[str, Any], UUID], object]
    # Fields that are versions by their names, and the ids that they stand for.
    versions: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ("id",)

    def missing(self, values: Mapping[str, Any]) -> str | None:
        """Return a field that a row needs and does not have."""
        needed = (self.time, *self.required)
        given = values.keys() | {n for n, target in self.versions.items() if target in values}
        return next((name for name in needed if name not in given), None)

    def fields(self) -> dict[str, str]:
        """Return the fields that a file may fill, with their SQL types."""
        file, name = self.statement
        fields = {n: t for n, t in load(file)[name].parameters.items() if n not in self.own}
        return {**fields, **dict.fromkeys(self.versions, "text"), **self.more, "id": "uuid"}


def _decision(db: Connections, values: dict[str, Any], id: UUID) -> object:
    return RetrainingDecisionsRepository(db).insert(**values, id=id)


def _promotion(db: Connections, values: dict[str, Any], id: UUID) -> object:
    return ModelVersionRepository(db).promote(**values, deployment_id=id)


def _run(db: Connections, values: dict[str, Any], id: UUID) -> object:
    return MonitoringMetricsRepository(db).insert(**values, id=id)


def _metric(db: Connections, values: dict[str, Any], id: UUID) -> object:
    return PerformanceMetricsRepository(db).insert(**values, id=id)


def _alert(db: Connections, values: dict[str, Any], id: UUID) -> object:
    alerts = AlertsRepository(db)
    review = {name: values.pop(name, None) for name in _REVIEW}
    alert = alerts.raise_alert(**values, occurrence_id=id)
    if review["acknowledged_at"] is not None:
        alert = alerts.acknowledge(
            id=alert.id, acknowledged_by=review["acknowledged_by"], at=review["acknowledged_at"]
        )
    if review["resolved_at"] is not None:
        return alerts.resolve(
            id=alert.id,
            resolved_by=review["resolved_by"],
            at=review["resolved_at"],
            notes=review["notes"],
        )
    return alert


KINDS: Final[Mapping[str, Kind]] = {
    "decisions": Kind(
        time="timestamp",
        statement=("retraining_decisions", "insert"),
        required=("model_name", "action", "trigger_reason"),
        record=_decision,
        versions={
            "candidate_version": "candidate_version_id",
            "production_version": "production_version_id",
        },
    ),
    "promotions": Kind(
        time="at",
        statement=("model_versions", "promote"),
        required=("model_name", "model_version"),
        record=_promotion,
        own=("deployment_id",),
    ),
    "monitoring": Kind(
        time="timestamp",
        statement=("monitoring_metrics", "insert"),
        required=("model_name", "model_version", "lookback_hours", "num_predictions"),
        record=_run,
        versions={"model_version": "model_version_id"},
    ),
    "metrics": Kind(
        time="timestamp",
        statement=("performance_metrics", "insert"),
        required=("model_name", "metric_name", "metric_value"),
        record=_metric,
        versions={"model_version": "model_version_id"},
    ),
    "alerts": Kind(
        time="at",
        statement=("alerts", "raise_alert"),
        required=("alert_type", "title"),
        record=_alert,
        more=_REVIEW,
        own=("occurrence_id",),
    ),
}


class VersionIds:
    """Looks up versions by their names, once each."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], UUID] = {}

    def fill(self, db: Connections, kind: Kind, values: dict[str, Any]) -> None:
        """Put ids in the place of names. Raises NotFound for an unknown version."""
        for name, target in kind.versions.items():
            if name in values:
                key = (values.get("model_name", ""), values.pop(name))
                if key not in self._known:
                    found = ModelVersionRepository(db).get(model_name=key[0], model_version=key[1])
                    if found is None:
                        raise NotFound(f"{name}: model {key[0]} has no version {key[1]}")
                    self._known[key] = found.id
                values[target] = self._known[key]
