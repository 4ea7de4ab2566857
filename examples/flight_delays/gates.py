"""The six gates between a candidate and production, all on the same held-out flights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .model import evaluate
from .rival import Rival

Gate = dict[str, Any]

MIN_LABELLED_FLIGHTS = 5_000
MIN_LABEL_COVERAGE_PCT = 95.0
# A swap has its own risk, so a candidate must be better by more than noise.
REQUIRED_BRIER_RATIO = 0.99
MAX_CALIBRATION_ERROR = 0.06
MAX_AIRPORT_BRIER_INCREASE = 0.005


def six_gates(
    flights: pd.DataFrame, coverage_pct: float, candidate: np.ndarray, rival: Rival
) -> list[Gate]:
    """Judge the candidate's probabilities for labelled flights against those of its rival."""
    new = evaluate(flights["late"], candidate)
    worst_airport = max(brier_increase_by_airport(flights, candidate, rival.probability).values())
    return [
        at_least("labelled_flights", len(flights), MIN_LABELLED_FLIGHTS),
        at_least("label_coverage_pct", coverage_pct, MIN_LABEL_COVERAGE_PCT),
        at_least("roc_auc", new["roc_auc"], rival.roc_auc),
        at_most("brier_score", new["brier_score"], REQUIRED_BRIER_RATIO * rival.brier_score),
        at_most("calibration_error", new["calibration_error"], MAX_CALIBRATION_ERROR),
        at_most("worst_airport_brier_increase", worst_airport, MAX_AIRPORT_BRIER_INCREASE),
    ]


def brier_increase_by_airport(
    flights: pd.DataFrame, candidate: np.ndarray, rival: np.ndarray
) -> dict[str, float]:
    """Return how much worse the candidate predicts the flights of each New York airport."""
    late = flights["late"]
    increase = (candidate - late) ** 2 - (rival - late) ** 2
    return increase.groupby(flights["origin"], observed=True).mean().to_dict()


def at_least(gate: str, value: float, threshold: float) -> Gate:
    """Pass when the value reaches the threshold."""
    return {
        "gate": gate,
        "passed": value >= threshold,
        "value": value,
        "threshold": threshold,
        "higher_is_better": True,
    }


def at_most(gate: str, value: float, threshold: float) -> Gate:
    """Pass when the value stays within the threshold."""
    return {
        "gate": gate,
        "passed": value <= threshold,
        "value": value,
        "threshold": threshold,
        "higher_is_better": False,
    }
