"""Which metrics there are: each is made from a column of what a query returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.samples import Sample

from ...checks.values import RISK_LEVELS, SEVERITIES

PREFIX: Final = "mlops_ledger_"
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric that goes up and down: its value is a column, or 1 without one.

    `zeros` are values of the last label that are there even if no row has them; other labels are
    empty then.
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()
    column: str | None = None
    zeros: Sequence[str] = ()

    def family(self, rows: Rows) -> Metric:
        """Make the metric from the rows of a query."""
        found = GaugeMetricFamily(PREFIX + self.name, self.text, labels=self.labels)
        samples = {_labels(row, self.labels): _value(row, self.column) for row in rows}
        empty = ("",) * (len(self.labels) - 1)
        for labels, value in {**{(*empty, zero): 0.0 for zero in self.zeros}, **samples}.items():
            if value is not None:
                found.add_metric(labels, value)
        return found


@dataclass(frozen=True, slots=True)
class Counter:
    """A metric that only grows."""

    name: str
    text: str
    labels: tuple[str, ...]
    column: str

    def family(self, rows: Rows) -> Metric:
        """Make the metric from the rows of a query."""
        found = CounterMetricFamily(PREFIX + self.name, self.text, labels=self.labels)
        for row in rows:
            found.add_metric(_labels(row, self.labels), row[self.column])
        return found


@dataclass(frozen=True, slots=True)
class States:
    """A gauge for each state: 1 for the one that holds, 0 for the others."""

    name: str
    text: str
    labels: tuple[str, ...]
    states: tuple[str, ...]

    def family(self, rows: Rows) -> Metric:
        """Make the metric from the rows of a query, whose column `state` says which holds."""
        found = GaugeMetricFamily(PREFIX + self.name, self.text, labels=(*self.labels, "state"))
        for row in rows:
            for state in self.states:
                found.add_metric((*_labels(row, self.labels), state), row["state"] == state)
        return found


@dataclass(frozen=True, slots=True)
class Summary:
    """A number of observations and their sum, which both only grow."""

    name: str
    text: str
    labels: tuple[str, ...]
    count: str
    total: str

    def family(self, rows: Rows) -> Metric:
        """Make the metric from the rows of a query."""
        found = SummaryMetricFamily(PREFIX + self.name, self.text, labels=self.labels)
        for row in rows:
            found.add_metric(_labels(row, self.labels), row[self.count], row[self.total])
        return found


Family = Gauge | Counter | States | Summary

_VERSION: Final = ("model", "version")
_SLOT: Final = ("model", "slot", "version")
_MONITOR: Final = ("model", "monitor")
_METRIC: Final = ("model", "version", "type", "metric", "stage", "slice")
_SYSTEM: Final = ("host", "metric", "unit", "attributes")
# By the statement in exporter.sql that they are made from.
QUERIES: Final[dict[str, tuple[Family, ...]]] = {
    "deployments": (
        Gauge("deployment_info", "The version that a slot holds.", _SLOT),
        Gauge("deployment_timestamp_seconds", "Since when it does.", _SLOT, "deployed"),
    ),
    "alerts": (Gauge("open_alerts", "Open alerts.", ("model", "severity"), "alerts", SEVERITIES),),
    "actions": (
        Gauge("pending_actions", "Pending actions.", ("risk_level",), "actions", RISK_LEVELS),
    ),
    "monitors": (
        States(
            "monitor_state",
            "What a monitor found.",
            _MONITOR,
            ("ok", "warning", "critical", "no_data"),
        ),
        Gauge("monitor_value", "The latest value in its window.", _MONITOR, "value"),
        Gauge(
            "monitor_evaluation_timestamp_seconds", "When it was evaluated.", _MONITOR, "evaluated"
        ),
    ),
    "model_metrics": (
        Gauge(
            "model_metric",
            "Newest value of a performance metric of a version in a slot.",
            _METRIC,
            "metric_value",
        ),
    ),
    "predictions": (
        Counter("predictions", "Predictions, as folded.", _VERSION, "predictions"),
        Counter("prediction_errors", "Of these, errors.", _VERSION, "errors"),
        Counter("prediction_cache_hits", "Of these, from a cache.", _VERSION, "cache_hits"),
        Summary(
            "prediction_latency_seconds",
            "Latency of predictions.",
            _VERSION,
            "latencies",
            "latency_seconds",
        ),
    ),
    "unfolded": (
        Gauge(
            "unfolded_seconds",
            "For how long the oldest write has waited to be counted by a fold.",
            column="seconds",
        ),
    ),
    "last_predictions": (
        Gauge(
            "last_prediction_timestamp_seconds",
            "When a version in a slot predicted last.",
            _VERSION,
            "predicted",
        ),
    ),
    "labels_waiting": (
        Gauge(
            "labels_waiting",
            "Labels that wait for their predictions, at most 1000000.",
            column="labels",
        ),
    ),
    "audit_entries": (Counter("audit_entries", "Entries of the audit log.", (), "entries"),),
    "database_size": (Gauge("database_size_bytes", "Size of the database.", column="bytes"),),
    "partitions": (
        Gauge(
            "partitions_ahead_seconds",
            "For how long the partitions of a table reach ahead.",
            ("table",),
            "seconds",
        ),
    ),
    "system_metrics": (
        Gauge(
            "system_metric",
            "Newest value of a system metric of the last 15 minutes.",
            _SYSTEM,
            "metric_value",
        ),
    ),
}
_SPOOL: Final = ("target", "live")
SPOOL: Final[tuple[Family, ...]] = (
    Gauge("spool_records", "Predictions in the spool folder of this host.", _SPOOL, "records"),
    Gauge("spool_bytes", "Size of its segments.", _SPOOL, "bytes"),
    Gauge("spool_oldest_timestamp_seconds", "Time of the oldest of them.", _SPOOL, "oldest"),
    Gauge("spool_loggers", "Folders of prediction loggers in it.", _SPOOL, "folders"),
)
SPOOL_FILES: Final[tuple[Family, ...]] = (
    Gauge("spool_dead_letters", "Predictions that were refused.", column="dead_letters"),
    Gauge("spool_damaged_segments", "Segments that were put aside.", column="damaged_segments"),
)


class Highest:
    """Keeps counters from falling while the exporter runs: a fall would read as a restart.

    An erasure makes the ledger count less, and a sum of the same numbers in another order can be
    smaller by a rounding error.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[str, ...]], float] = {}

    def keep(self, metrics: Iterable[Metric]) -> Iterator[Metric]:
        """Yield metrics whose counters are at least what they were."""
        for metric in metrics:
            if metric.type in ("counter", "summary"):
                metric.samples = [
                    sample._replace(value=self._highest(sample)) for sample in metric.samples
                ]
            yield metric

    def _highest(self, sample: Sample) -> float:
        key = (sample.name, tuple(sample.labels.values()))
        self._values[key] = max(sample.value, self._values.get(key, sample.value))
        return self._values[key]


def families(metrics: Sequence[Family], rows: Rows) -> Iterator[Metric]:
    """Make the metrics of a query from its rows."""
    return (metric.family(rows) for metric in metrics)


def _labels(row: dict[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in names)


def _value(row: dict[str, Any], column: str | None) -> float | None:
    value = 1 if column is None else row[column]
    return None if value is None else float(value)
