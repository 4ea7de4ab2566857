"""What NannyML 0.13 computed, recorded. Needs nothing but the result.

result = UnivariateDriftCalculator(..., timestamp_column_name="timestamp").fit(reference)...
record_result(db, result.calculate(analysis), model_name="churn", model_version="3")
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .._sync.database import Connections
from ..errors import InvalidValue
from .measured import Measured, Recorded, verdict, why_not

_ESTIMATED: Final = "performance_estimation"
# The ledger's names are scikit-learn's.
_NAMES: Final = {"f1": "f1_score", "rows_count": "row_count"}
_OF_ALL: Final = ("reconstruction_error", "domain_classifier_auroc")
# NannyML names chunks by their last timestamp; a window of the ledger ends just after it.
_AFTER: Final = timedelta(microseconds=1)


def record_result(
    db: Connections,
    result: Any,
    *,
    model_name: str,
    model_version: str | None = None,
    method: str = "nannyml",
    drift_share: float = 0.5,
) -> Recorded:
    """Record a result of NannyML, each of its chunks of the analysis period as a window.

    Univariate drift becomes one drift report for each chunk: a feature has drifted when one of its
    methods alerts, and from a share of `drift_share` drifted features on the window has. NannyML's
    values are statistics and distances, never p-values. Multivariate drift becomes reports of its
    method. Realised and estimated performance (as `estimated_…`), data quality and summary
    statistics (as `missing_values_rate.age`) become metrics at the end of their chunk.

    Dates without a zone count as UTC. `method` tells apart what two calculators say of the same
    chunks. Recording a result again changes nothing. Raises InvalidValue for chunks without dates
    and for results of another kind.
    """
    measured = measure(result, method, drift_share)
    return measured.record(db, model_name=model_name, model_version=model_version)


def measure(result: Any, method: str = "nannyml", drift_share: float = 0.5) -> Measured:
    """Return the drift reports and metrics that a result is."""
    module = type(result).__module__
    if not module.startswith("nannyml.") or not hasattr(result, "to_df"):
        raise InvalidValue("result", "must be a result of NannyML")
    frame = result.to_df()
    measured = Measured("nannyml")
    for values in frame.itertuples(index=False, name=None):
        cells = dict(zip(frame.columns, values, strict=True))
        chunk = {key[-1]: value for key, value in cells.items() if key[0] == "chunk"}
        if chunk["period"] != "analysis":
            continue
        since, until = _window(chunk)
        groups = _groups(cells)
        if all(len(path) == 2 for path in groups):
            _add_features(measured, groups, since, until, method, drift_share)
            continue
        for (name,), group in groups.items():
            if name in _OF_ALL:
                _add_report(measured, name, group, since, until)
            else:
                shown, kind = _metric_name(result, module, name)
                measured.add(
                    shown, group["value"], until, kind, since=since, **_limits(group, "alert")
                )
    return measured


def _window(chunk: dict[str, Any]) -> tuple[datetime, datetime]:
    dates = [chunk["start_date"], chunk["end_date"]]
    if any(date is None or date != date for date in dates):
        why = "has no dates: give the calculator a timestamp_column_name"
        raise InvalidValue("result", f"chunk {chunk['key']} {why}")
    # Whole microseconds: what is finer is beyond the ledger.
    since, until = (
        datetime.fromisoformat(date.floor("us").isoformat(timespec="microseconds"))
        for date in dates
    )
    zoned = [date if date.tzinfo else date.replace(tzinfo=UTC) for date in (since, until)]
    return zoned[0], zoned[1] + _AFTER


def _groups(cells: dict[tuple[str, ...], Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return value, thresholds and alert by column, or by column and method."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for key, value in cells.items():
        if key[0] != "chunk":
            found.setdefault(key[:-1], {})[key[-1]] = value
    return found


def _add_features(
    measured: Measured,
    groups: dict[tuple[str, ...], dict[str, Any]],
    since: datetime,
    until: datetime,
    method: str,
    drift_share: float,
) -> None:
    """Add the report of a chunk; a feature shows its first method that alerts, or its first."""
    features: dict[str, dict[str, Any]] = {}
    for (column, name), group in groups.items():
        why = why_not(group["value"])
        if why is not None:
            measured.left_out[f"{column} {name} {until.isoformat()}"] = why
            continue
        feature = features.setdefault(column, {"feature": column, "drifted": False})
        feature.setdefault("statistics", {})[name] = float(group["value"])
        alerts = bool(group["alert"])
        if "method" not in feature or (alerts and not feature["drifted"]):
            feature |= {"drifted": alerts, "method": name, **_statistic(name, group)}
    if not features:
        return
    measured.drift_reports.append(
        {
            "timestamp": until,
            "window_start": since,
            "method": method,
            **verdict(list(features.values()), drift_share),
        }
    )


def _statistic(name: str, group: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a feature; chi2 is judged by a p-value that results do not have."""
    number = float(group["value"])
    if name == "chi2":
        return {"statistic": number, "score": None, "threshold": None}
    return {"statistic": number, "score": number, "threshold": _crossed(group)}


def _crossed(group: dict[str, Any]) -> float | None:
    """Return the threshold that was crossed; of a value between both the upper."""
    upper, lower = (
        None if why_not(group[name]) else float(group[name])
        for name in ("upper_threshold", "lower_threshold")
    )
    if upper is None or (lower is not None and group["value"] < lower):
        return lower
    return upper


def _add_report(
    measured: Measured, name: str, group: dict[str, Any], since: datetime, until: datetime
) -> None:
    why = why_not(group["value"])
    if why is not None:
        measured.left_out[f"{name} {until.isoformat()}"] = why
        return
    measured.drift_reports.append(
        {
            "timestamp": until,
            "window_start": since,
            "drift_detected": bool(group["alert"]),
            "drift_score": float(group["value"]),
            "threshold": _crossed(group),
            "method": name,
            "metadata": _limits(group),
        }
    )


def _limits(group: dict[str, Any], *names: str) -> dict[str, Any]:
    found = {
        name: float(group[name])
        for name in ("lower_threshold", "upper_threshold", "sampling_error")
        if why_not(group.get(name)) is None
    }
    return found | {name: bool(group[name]) for name in names if name in group}


def _metric_name(result: Any, module: str, name: str) -> tuple[str, str]:
    """Return the name and type of a metric; that of data quality ends in the column."""
    if f".{_ESTIMATED}." in module:
        return f"estimated_{_NAMES.get(name, name)}", "estimated_performance"
    if ".performance_calculation." in module:
        return _NAMES.get(name, name), "performance"
    kind = getattr(result, "data_quality_metric", None) or module.split(".")[-2]
    return _NAMES.get(name, f"{kind}.{name}"), "data_quality"
