"""What the monitoring job measures over the predictions of a week."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from .data import CATEGORIES, FEATURES, landed_by
from .model import evaluate

DRIFTED_PSI = 0.25
# The weather of one week never looks like that of many, so a few drifted features are normal.
DRIFTED_FEATURES = 5
SMALLEST_SHARE = 1e-4


def measure(
    flights: pd.DataFrame, probability: np.ndarray, reference: pd.DataFrame, now: datetime
) -> dict[str, Any]:
    """Describe a week of predictions in the columns of `monitoring_metrics`.

    `reference` holds the flights that the model was trained on; a label counts if known by `now`.
    """
    known = landed_by(flights, now)
    psi = {name: feature_drift(reference[name], flights[name]) for name in FEATURES}
    drifted = [name for name, value in psi.items() if value >= DRIFTED_PSI]
    return {
        "num_predictions": len(flights),
        "positive_rate": (probability >= 0.5).mean(),
        "probability_mean": probability.mean(),
        "probability_std": probability.std(),
        "entropy": entropy(probability),
        "num_features": len(psi),
        "num_drifted_features": len(drifted),
        "feature_drift_ratio": len(drifted) / len(psi),
        "drifted_features": drifted,
        "dataset_drift_detected": len(drifted) >= DRIFTED_FEATURES,
        "labeled_samples": known.sum(),
        "coverage_pct": 100 * known.mean(),
        "metadata": {"psi": psi, **evaluate(flights.loc[known, "late"], probability[known])},
    }


def entropy(probability: np.ndarray) -> float:
    """Return the mean entropy of the predictions in bits: 0 is certain, 1 a coin toss."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()


def feature_drift(reference: pd.Series, current: pd.Series) -> float:
    """Return the population stability index between two samples of a feature.

    A bin is a category, or one of ten quantiles of the reference; missing values have their own.
    """
    if reference.name in CATEGORIES:
        # Both know the same categories, so unsorted counts come in the same order.
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
