"""What Evidently 0.7 computed, recorded. Needs nothing but the run.

run = Report([DataDriftPreset(), ClassificationPreset()]).run(current, reference)
record_run(db, run, model_name="churn", timestamp=until, lookback_hours=24)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from .._sync.database import Connections
from ..checks.values import timestamp as checked_timestamp
from ..errors import InvalidValue
from .measured import Measured, Recorded, json_of, verdict

# Evidently names its methods in short or, those it chose itself, by title: see
# evidently.legacy.calculations.stattests.
_P_VALUES: Final = {
    "anderson": "Anderson-Darling",
    "chisquare": "chi-square p_value",
    "cramer_von_mises": "Cramer-von Mises",
    "empirical_mmd": "empirical_mmd",
    "es": "Epps-Singleton",
    "fisher_exact": "Fisher's Exact test",
    "g_test": "g_test",
    "ks": "K-S p_value",
    "mannw": "Mann-Whitney U-rank test",
    "t_test": "t_test",
    # The p-value of a permutation test.
    "TVD": "Total-Variation-Distance",
    "z": "Z-test p_value",
}
_DISTANCES: Final = {
    "ed": "Energy-distance",
    "hellinger": "Hellinger distance",
    "jensenshannon": "Jensen-Shannon distance",
    "kl_div": "Kullback-Leibler divergence",
    "psi": "PSI",
    "wasserstein": "Wasserstein distance (normed)",
}
_TITLES: Final = {title: name for name, title in (_P_VALUES | _DISTANCES).items()}
# Where a value that equals the threshold is drift too.
_AT_THRESHOLD: Final = {"cramer_von_mises", "ks", *_DISTANCES} - {"ed"}
_DRIFT: Final = ("ValueDrift", "DriftedColumnsCount")
# The ledger's names are scikit-learn's.
_NAMES: Final = {"R2Score": "r2"}
_PARTS: Final = {"mean", "std", "count", "share"}


def record_run(
    db: Connections,
    run: Any,
    *,
    model_name: str,
    timestamp: datetime,
    lookback_hours: float,
    model_version: str | None = None,
) -> Recorded:
    """Record a run of a report, its dict or its JSON, about the window that ends at `timestamp`.

    The metrics of DataDriftPreset become a drift report. All other numbers become metrics, named as
    scikit-learn names them where it does, else as Evidently: `f1_score`, `missing_value_share.age`
    for a column, `f1_by_label.yes` for a class. MAPE is a share as in the ledger, not Evidently's
    percent. Recording a run again changes nothing. Raises InvalidValue as `drift_fields`.
    """
    measured = measure(run, timestamp, lookback_hours)
    return measured.record(db, model_name=model_name, model_version=model_version)


def measure(run: Any, timestamp: datetime, lookback_hours: float) -> Measured:
    """Return the drift report and the metrics that a run is."""
    at = checked_timestamp("timestamp", timestamp)
    report = json_of("run", run.dict() if hasattr(run, "dict") else run)
    measured = Measured("evidently")
    metrics = _metrics(report)
    if any(_kind(metric) in _DRIFT for metric in metrics):
        window = {"timestamp": at, "lookback_hours": lookback_hours}
        measured.drift_reports.append({**window, **drift_fields(report)})
    for metric in metrics:
        if _kind(metric) not in _DRIFT:
            about_data = "classification_name" not in metric["config"]
            is_quality = about_data and "regression_name" not in metric["config"]
            metric_type = "data_quality" if is_quality else "performance"
            for name, value in _numbers(metric):
                measured.add(name, value, at, metric_type, lookback_hours=lookback_hours)
    return measured


def _metrics(report: Any) -> list[Mapping[str, Any]]:
    metrics = report.get("metrics") if isinstance(report, Mapping) else None
    if not isinstance(metrics, list):
        raise InvalidValue("report", "must be the dict() of an Evidently run")
    return metrics


def _kind(metric: Mapping[str, Any]) -> str:
    return str((metric.get("config") or {}).get("type", "")).rpartition(":")[2]


def _numbers(metric: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Return the names and values of a metric; the values of the data themselves are not kept."""
    config, value = metric["config"], metric.get("value")
    kind = _kind(metric)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    # What makes it another metric of the same kind: a quantile, a threshold, an output.
    known = ("type", "tests", "column")
    own = [
        str(each)
        for key, each in config.items()
        if key not in known and isinstance(each, (str, int, float)) and not isinstance(each, bool)
    ]
    name = "_".join([_NAMES.get(kind, snake), *(each for each in own if each != "default")])
    column = f".{config['column']}" if config.get("column") is not None else ""
    if not isinstance(value, Mapping):
        yield name + column, value
    elif kind in ("MAE", "MAPE"):
        yield name + column, _ratio(kind, value.get("mean"))
    elif set(value) <= _PARTS:
        for part, number in value.items():
            yield f"{name.removesuffix('_count')}_{part}{column}", number
    elif any(isinstance(number, Mapping) for number in value.values()):
        yield name + column, "values of the data"
    else:
        for label, number in value.items():
            yield f"{name}.{label}", number


def _ratio(kind: str, value: Any) -> Any:
    return value / 100 if kind == "MAPE" and isinstance(value, (int, float)) else value


def drift_fields(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a drift report from the dict of an Evidently run with drift metrics.

    The score is the share of drifted columns. Raises InvalidValue for a dict without the metrics of
    DataDriftPreset, and for a method whose values might be p-values or distances.
    """
    features, counts = [], []
    for metric in _metrics(report):
        config = metric.get("config") or {}
        name = _kind(metric)
        if name == "ValueDrift":
            features.append(_feature(config, metric.get("value")))
        elif name == "DriftedColumnsCount":
            counts.append((config["drift_share"], metric["value"]))
    if len(counts) != 1:
        raise InvalidValue("report", "must have one DriftedColumnsCount, as DataDriftPreset makes")
    [(drift_share, found)] = counts
    # Whatever changes in Evidently, its own count says whether the columns were understood.
    if sum(feature["drifted"] for feature in features) != found["count"]:
        raise InvalidValue("report", "its ValueDrift metrics do not add up to DriftedColumnsCount")
    return {"method": "evidently", **verdict(features, drift_share)}


def _feature(config: Mapping[str, Any], value: Any) -> dict[str, Any]:
    method, threshold, column = config["method"], config["threshold"], config["column"]
    if not isinstance(value, (int, float)):
        raise InvalidValue("report", f"column {column} has no drift score")
    name = _TITLES.get(method, method)
    if name not in _P_VALUES and name not in _DISTANCES:
        raise InvalidValue("report", f"method {method} of column {column} is not known")
    is_p_value = name in _P_VALUES
    drifted = value < threshold if is_p_value else value > threshold
    return {
        "feature": column,
        "drifted": drifted or (value == threshold and name in _AT_THRESHOLD),
        "method": name,
        "threshold": threshold,
        "p_value" if is_p_value else "score": value,
    }
