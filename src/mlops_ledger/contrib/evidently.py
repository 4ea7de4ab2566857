"""Drift that Evidently 0.7 computed, as fields of a drift report. Needs no extra.

run = Report([DataDriftPreset()]).run(current, reference)
DriftReportsRepository(db).insert(
    model_name="churn", timestamp=until, lookback_hours=24, **drift_fields(run.dict())
)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import InvalidValue

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


def drift_fields(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a drift report from the dict of an Evidently run with drift metrics.

    The score is the share of drifted columns. Raises InvalidValue for a dict without the metrics of
    DataDriftPreset, and for a method whose values might be p-values or distances.
    """
    metrics = report.get("metrics") if isinstance(report, Mapping) else None
    if not isinstance(metrics, list):
        raise InvalidValue("report", "must be the dict() of an Evidently run")
    features, counts = [], []
    for metric in metrics:
        config = metric.get("config") or {}
        name = str(config.get("type", "")).rpartition(":")[2]
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
    return {
        "method": "evidently",
        "drift_detected": found["share"] >= drift_share,
        "drift_score": found["share"],
        "threshold": drift_share,
        "features": features,
    }


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
