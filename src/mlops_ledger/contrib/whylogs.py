"""What whylogs 1.6 profiled, recorded as data quality, and as drift from another profile.

record_profile(db, why.log(frame), model_name="churn", timestamp=until)
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from .._sync.database import Connections
from ..checks.values import timestamp as checked_timestamp
from ..errors import InvalidValue, LedgerError
from .measured import Measured, Recorded, verdict, why_not

# Algorithms of whylogs.viz.drift, all of which but one give p-values.
_P_VALUES: Final = ("ks", "chi-square")
_DISTANCES: Final = ("hellinger",)
_STATISTICS: Final = {
    "mean": "distribution/mean",
    "stddev": "distribution/stddev",
    "min": "distribution/min",
    "median": "distribution/median",
    "max": "distribution/max",
}


def record_profile(
    db: Connections,
    profile: Any,
    *,
    model_name: str,
    model_version: str | None = None,
    timestamp: datetime | None = None,
    reference: Any = None,
    lookback_hours: float | None = None,
    drift_share: float = 0.5,
) -> Recorded:
    """Record a profile: a result of `why.log`, a profile, its view, or the path of its file.

    Metrics are `row_count`, and of each column the shares `missing_share.age` (NaN counts as
    missing), `nan_share.age` and `infinite_share.age`, 0 to 1, the estimate `unique_values.age` and
    of numbers `mean.age`, `stddev.age`, `min.age`, `median.age` and `max.age`. `timestamp` is that
    of the profile by default. With the profile of a `reference`, drift is computed by
    whylogs.viz.drift and becomes a drift report over `lookback_hours`; a column has drifted when
    whylogs says DRIFT, which it does not of its POSSIBLE_DRIFT, the window from a share of
    `drift_share` columns on. Recording the same again changes nothing. Raises InvalidValue for
    anything else, LedgerError without whylogs.
    """
    measured = measure(profile, timestamp, reference, lookback_hours, drift_share)
    return measured.record(db, model_name=model_name, model_version=model_version)


def measure(
    profile: Any,
    timestamp: datetime | None = None,
    reference: Any = None,
    lookback_hours: float | None = None,
    drift_share: float = 0.5,
) -> Measured:
    """Return the metrics, and the drift report, that a profile is."""
    view = _view("profile", profile)
    at = checked_timestamp("timestamp", timestamp or view.dataset_timestamp)
    measured = Measured("whylogs")
    columns = {name: column.to_summary_dict() for name, column in view.get_columns().items()}
    rows = max((each.get("counts/n", 0) for each in columns.values()), default=None)
    measured.add("row_count", rows, at, "data_quality")
    for name, summary in columns.items():
        _add_column(measured, str(name), summary, at)
    if reference is not None:
        if lookback_hours is None:
            raise InvalidValue("lookback_hours", "is needed with a reference")
        scores = _scores(view, _view("reference", reference))
        report = drift_fields(scores, drift_share, measured.left_out)
        measured.drift_reports.append(
            {"timestamp": at, "lookback_hours": lookback_hours, **report, "current_size": rows}
        )
    return measured


def drift_fields(
    scores: dict[str, dict[str, Any] | None], drift_share: float, left_out: dict[str, str]
) -> dict[str, Any]:
    """Return the fields of a drift report from whylogs' drift scores with thresholds.

    Columns without a score are passed to `left_out`. Raises InvalidValue for an algorithm whose
    values might be p-values or distances, and when no column has a score.
    """
    features = []
    for column, score in scores.items():
        if score is None or why_not(score.get(_judged_by(column, score))) is not None:
            left_out[f"drift of {column}"] = "whylogs has no score"
            continue
        features.append(_feature(column, score))
    if not features:
        raise InvalidValue("reference", "no column of both profiles can be compared")
    return {"method": "whylogs", **verdict(features, drift_share)}


def _judged_by(column: str, score: dict[str, Any]) -> str:
    name = score["algorithm"]
    if name in _DISTANCES:
        return "statistic"
    if name not in _P_VALUES:
        raise InvalidValue("reference", f"algorithm {name} of column {column} is not known")
    return "pvalue"


def _feature(column: str, score: dict[str, Any]) -> dict[str, Any]:
    name, drift = score["algorithm"], score["thresholds"]["DRIFT"]
    found = {"feature": column, "drifted": score["drift_category"] == "DRIFT", "method": name}
    if name in _DISTANCES:
        return found | {"score": float(score["statistic"]), "threshold": float(drift[0])}
    statistic = score.get("statistic")
    return found | {
        "p_value": float(score["pvalue"]),
        "statistic": None if statistic is None or why_not(statistic) else float(statistic),
        "threshold": float(drift[1]),
    }


def _add_column(measured: Measured, name: str, summary: dict[str, Any], at: datetime) -> None:
    rows = summary.get("counts/n") or 0
    for word, key in (("missing", "null"), ("nan", "nan"), ("infinite", "inf")):
        count = summary.get(f"counts/{key}")
        share = count / rows if rows and count is not None else None
        measured.add(f"{word}_share.{name}", share, at, "data_quality")
    if "cardinality/est" in summary:
        measured.add(f"unique_values.{name}", summary["cardinality/est"], at, "data_quality")
    # Without numbers whylogs says 0 for a mean.
    if summary.get("distribution/n"):
        for word, key in _STATISTICS.items():
            measured.add(f"{word}.{name}", summary.get(key), at, "data_quality")


def _view(field: str, given: Any) -> Any:
    view = given.view() if hasattr(given, "view") else given
    if hasattr(view, "get_columns"):
        return view
    if not isinstance(given, (str, Path)):
        raise InvalidValue(field, "must be a profile of whylogs, or the path of one")
    try:
        from whylogs.core.view.dataset_profile_view import DatasetProfileView
    except ModuleNotFoundError:
        raise LedgerError("this needs whylogs: pip install whylogs") from None
    try:
        return DatasetProfileView.read(str(given))
    except Exception as error:
        raise InvalidValue(field, f"cannot be read: {type(error).__name__}") from None


def _scores(view: Any, reference: Any) -> dict[str, dict[str, Any] | None]:
    try:
        from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores
    except ModuleNotFoundError:
        raise LedgerError("drift needs the extra of whylogs: pip install 'whylogs[viz]'") from None
    found: dict[str, dict[str, Any] | None] = calculate_drift_scores(
        view, reference, with_thresholds=True
    )
    return found
