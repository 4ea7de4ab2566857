"""The ledger's own monitoring job as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from mlops_ledger import Database
from mlops_ledger.monitoring import ModelResult, run_monitoring

from .base import LedgerOperator, as_time
from .compat import AirflowException
from .ids import time_of_run


class MonitoringOperator(LedgerOperator):
    """Monitors a model, or all in production, over the full hours before the run.

    Without `until` the window ends with the full hour of the end of the run's data interval, so
    that a late retry measures the same hours. The other arguments are those of `run_monitoring`.
    Returns a dict for each model, as `mlops-ledger monitor run --json` does. Fails, to be retried,
    when a model could not be monitored; the others are recorded.
    """

    template_fields: ClassVar[Sequence[str]] = ("model_name", "until")

    def __init__(
        self,
        *,
        model_name: str | None = None,
        until: datetime | str | None = None,
        lookback_hours: float = 24,
        method: str = "jensen_shannon",
        thresholds: float | Mapping[str, float] | None = None,
        drift_share: float = 0.5,
        positive_label: str | None = None,
        threshold: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name
        self.until = until
        self.lookback_hours = lookback_hours
        self.method = method
        self.thresholds = thresholds
        self.drift_share = drift_share
        self.positive_label = positive_label
        self.threshold = threshold

    def write(self, db: Database, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run the job."""
        until = as_time("until", self.until)
        if until is None:
            until = time_of_run(context).replace(minute=0, second=0, microsecond=0)
        results = run_monitoring(
            db,
            model_name=self.model_name,
            until=until,
            lookback_hours=self.lookback_hours,
            method=self.method,
            thresholds=self.thresholds,
            drift_share=self.drift_share,
            positive_label=self.positive_label,
            threshold=self.threshold,
        )
        if failed := [f"{each.model_name}: {each.error}" for each in results if each.error]:
            raise AirflowException("; ".join(failed))
        return [as_dict(result) for result in results]


def as_dict(result: ModelResult) -> dict[str, Any]:
    """Return what was found about a model for an XCom, its monitors by their severity."""
    found = {field.name: getattr(result, field.name) for field in fields(result)}
    found["monitors"] = {each.name: each.severity for each in result.monitors or []}
    found["performance"] = dict(result.performance or {})
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
