"""What another library measured, on its way into drift reports and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Real
from typing import Any, Final
from uuid import UUID

from .._sync.database import Connections
from .._sync.drift_reports import DriftReportsRepository
from .._sync.performance_metrics import PerformanceMetricsRepository
from ..checks.values import timestamp as checked_timestamp
from ..connection.connections import require_lender
from ..errors import InvalidValue
from ..ids import id_for
from ..rows import Written

_LARGEST: Final = 1e150


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of a result; `left_out` names what was not, and why.

    A result that is recorded again gives the same ids, and counts its metrics as duplicates.
    """

    drift_report_ids: list[UUID]
    metrics: Written
    left_out: dict[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """The fields of drift reports and the rows of metrics that a result of `source` is."""

    source: str
    drift_reports: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(
        self, name: str, value: object, timestamp: datetime, metric_type: str, **metadata: Any
    ) -> None:
        """Add the value of a metric, or the reason why it has none."""
        why = why_not(value)
        if why is not None:
            self.left_out[f"{name} {timestamp.isoformat()}"] = why
            return
        self.metrics.append(
            {
                "metric_name": name,
                "metric_value": float(value),  # type: ignore[arg-type]
                "metric_type": metric_type,
                "timestamp": timestamp,
                "metadata": {"source": self.source, **metadata},
            }
        )

    def record(
        self, db: Connections, *, model_name: str, model_version: str | None = None
    ) -> Recorded:
        """Record all of it in one transaction; what ends in the future is left out.

        Without a version it is about the one in production at each timestamp.
        """
        now = datetime.now(UTC)
        version: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
        left_out = dict(self.left_out)
        for row in (*self.drift_reports, *self.metrics):
            row["timestamp"] = checked_timestamp("timestamp", row["timestamp"])
            if row["timestamp"] > now:
                left_out[f"period to {row['timestamp'].isoformat()}"] = "ends in the future"
        rows = [
            {**version, **row, "id": self._id(row, model_name, model_version)}
            for row in self.metrics
            if row["timestamp"] <= now
        ]
        with require_lender(db).transaction() as tx:
            reports = DriftReportsRepository(tx)
            ids = [
                reports.insert(**version, **report)
                for report in self.drift_reports
                if report["timestamp"] <= now
            ]
            written = PerformanceMetricsRepository(tx).insert_many(rows=rows)
        return Recorded(ids, written, left_out)

    def _id(self, row: dict[str, Any], model_name: str, model_version: str | None) -> UUID:
        names = (model_name, model_version, self.source, row["metric_name"])
        key = [*names, *(row["metadata"].get(name) for name in ("since", "suite", "schema"))]
        return id_for("\0".join(map(str, key)), row["timestamp"])


def verdict(features: list[dict[str, Any]], drift_share: float) -> dict[str, Any]:
    """Return the fields of a drift report that follow from which of its features have drifted.

    The score is the share of these, and from a share of `drift_share` on the window has drifted.
    """
    share = sum(feature["drifted"] for feature in features) / max(len(features), 1)
    return {
        "drift_detected": share >= drift_share,
        "drift_score": share,
        "threshold": drift_share,
        "features": features,
    }


def why_not(value: object) -> str | None:
    """Say why a value cannot be a metric; None if it is one."""
    if value is None:
        return "has no value"
    if isinstance(value, bool) or not isinstance(value, Real):
        return "is no number"
    number = float(value)
    if math.isnan(number):
        return "is not a number (NaN)"
    return None if abs(number) <= _LARGEST else "is infinite, or beyond 1e150"


def json_of(field: str, given: object) -> Mapping[str, Any]:
    """Return a JSON object that is given as a mapping or as text; raises InvalidValue."""
    if isinstance(given, (str, bytes)):
        try:
            given = json.loads(given)
        except ValueError:
            raise InvalidValue(field, "is not JSON") from None
    if not isinstance(given, Mapping):
        raise InvalidValue(field, "must be a JSON object")
    return given
