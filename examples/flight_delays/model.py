"""The classifier: how likely is a flight to arrive more than 15 minutes late?"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss, roc_auc_score
from threadpoolctl import threadpool_limits

from .data import FEATURES, Window

# A tree over so few flights is done before a second thread has started to help.
threadpool_limits(limits=1, user_api="openmp")

MODEL_NAME = "flight-delays"
ALGORITHM = HistGradientBoostingClassifier.__name__
HYPERPARAMETERS: dict[str, Any] = {
    "max_iter": 80,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 100,
    "l2_regularization": 10.0,
    # Stopping early would hold back a random part of the training window.
    "early_stopping": False,
    "random_state": 2013,
}


@lru_cache(maxsize=2)
def train(window: Window) -> HistGradientBoostingClassifier:
    """Fit a model on the labelled flights of a window; the same window gives the same model."""
    flights = window.flights()
    classifier = HistGradientBoostingClassifier(
        categorical_features="from_dtype", **HYPERPARAMETERS
    )
    return classifier.fit(flights[FEATURES], flights["late"])


def predict(classifier: HistGradientBoostingClassifier, flights: pd.DataFrame) -> np.ndarray:
    """Return the probability that each flight arrives late."""
    return classifier.predict_proba(flights[FEATURES])[:, 1]


def evaluate(late: pd.Series, probability: np.ndarray) -> dict[str, float]:
    """Score predicted probabilities against what happened."""
    return {
        "roc_auc": roc_auc_score(late, probability),
        "brier_score": brier_score_loss(late, probability),
        "calibration_error": calibration_error(late, probability),
    }


def calibration_error(late: pd.Series, probability: np.ndarray) -> float:
    """Return the expected calibration error over ten equal-width bins of probability.

    That is |mean probability - share of late flights| of each bin of scikit-learn's
    calibration_curve, weighted by its flights (Naeini, Cooper and Hauskrecht, "Obtaining Well
    Calibrated Probabilities Using Bayesian Binning", AAAI 2015).
    """
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], probability)
    surplus = np.bincount(bins, weights=probability - late.to_numpy())
    return np.abs(surplus).sum() / len(late)


def digest(flights: pd.DataFrame) -> str:
    """Return a checksum of the rows that a model is trained on."""
    rows = pd.util.hash_pandas_object(flights[["predicted_at", "late", *FEATURES]], index=False)
    return f"sha256:{sha256(rows.to_numpy().tobytes()).hexdigest()}"
