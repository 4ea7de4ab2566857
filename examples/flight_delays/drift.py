"""Drift: how far the features that the service saw are from those that the model learned from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from .data import CATEGORIES, FEATURES, NUMBERS

DRIFTED_PSI = 0.25
# The weather of one week never looks like that of many, so a few drifted features are normal.
DRIFTED_FEATURES = 5
SMALLEST_SHARE = 1e-4


def logged_features(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the features of predictions that were read from the ledger, a column each."""
    numbers = pd.DataFrame(np.vstack(predictions["feature_values"]), columns=NUMBERS)
    categories = pd.DataFrame(map(json.loads, predictions["inputs"]), columns=CATEGORIES)
    return pd.concat([numbers, categories], axis=1)


def compare(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, Any]:
    """Compare the features of two samples, in the columns of `drift_reports`."""
    psi = {name: feature_drift(reference[name], current[name]) for name in FEATURES}
    drifted = [name for name, value in psi.items() if value >= DRIFTED_PSI]
    return {
        "method": "psi",
        "threshold": DRIFTED_PSI,
        "features": [
            {"feature": name, "score": value, "drifted": name in drifted}
            for name, value in psi.items()
        ],
        "drifted_features": drifted,
        "drift_score": max(psi.values()),
        "drift_detected": len(drifted) >= DRIFTED_FEATURES,
        "reference_size": len(reference),
        "current_size": len(current),
    }


def monitoring_columns(report: dict[str, Any]) -> dict[str, Any]:
    """Sum a report up in the columns of `monitoring_metrics`."""
    return {
        "num_features": len(report["features"]),
        "num_drifted_features": len(report["drifted_features"]),
        "drifted_features": report["drifted_features"],
        "dataset_drift_detected": report["drift_detected"],
    }


def feature_drift(reference: pd.Series, current: pd.Series) -> float:
    """Return the population stability index between two samples of a feature.

    A bin is a category, or one of ten quantiles of the reference; missing values have their own.
    """
    if reference.name in CATEGORIES:
        # Both know the same categories, so unsorted counts come in the same order.
        current = current.astype(reference.dtype)
        expected = reference.value_counts(normalize=True, sort=False).to_numpy()
        actual = current.value_counts(normalize=True, sort=False).to_numpy()
    else:
        edges = np.unique(reference.quantile(np.arange(1, 10) / 10))
        expected, actual = shares(reference, edges), shares(current, edges)
    return population_stability_index(expected, actual)


def shares(values: pd.Series, edges: np.ndarray) -> np.ndarray:
    """Return the share of the values between the edges; missing ones come last."""
    bins = np.where(values.isna(), len(edges) + 1, np.searchsorted(edges, values))
    return np.bincount(bins, minlength=len(edges) + 2) / len(values)


def population_stability_index(expected: np.ndarray, actual: np.ndarray) -> float:
    """Return the sum over the bins of (actual - expected) * ln(actual / expected).

    By convention a population is stable below 0.1 and has changed from 0.25 on (N. Siddiqi,
    "Credit Risk Scorecards", Wiley 2006). An empty bin counts as a share of 0.0001, because the
    logarithm of zero is infinite.
    """
    expected = np.maximum(expected, SMALLEST_SHARE)
    actual = np.maximum(actual, SMALLEST_SHARE)
    return ((actual - expected) * np.log(actual / expected)).sum()
