"""Whom a candidate has to beat: what its rival predicted for the held-out flights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_ledger import Database, GroundTruthRepository, PredictionsRepository
from mlops_ledger.errors import NotFound
from mlops_ledger.rows import ModelVersion

from .data import LATE, Window, prediction_ids
from .model import evaluate


@dataclass(frozen=True)
class Rival:
    """Its probability for each held-out flight that has landed, and how good these were."""

    name: str
    probability: np.ndarray
    roc_auc: float
    brier_score: float


def answers_of(db: Database, version: ModelVersion, held_out: Window) -> Rival:
    """Look up what the version answered when it was asked: nothing is predicted again."""
    window: dict[str, Any] = {
        "model_name": version.model_name,
        "model_version": version.model_version,
        "since": held_out.start,
        "until": held_out.end,
    }
    scores = GroundTruthRepository(db).performance(
        **window, as_of=held_out.known_at, positive_label=LATE
    )
    if scores.roc_auc is None or scores.brier_score is None:
        raise NotFound(f"no labels of both kinds for version {version.model_version}")
    answers = PredictionsRepository(db).fetch_pandas(**window, columns=["id", "probability"])
    probability = answers.set_index("id")["probability"]
    return Rival(
        name="version in production",
        probability=probability.loc[prediction_ids(held_out.flights())].to_numpy(),
        # Sums in the database may differ in their last digits from one time to the next.
        roc_auc=round(scores.roc_auc, 9),
        brier_score=round(scores.brier_score, 9),
    )


def base_rate(training: Window, held_out: Window) -> Rival:
    """Predict for every flight the share of late ones in the training window."""
    late = held_out.flights()["late"]
    probability = np.full(len(late), training.flights()["late"].mean())
    scores = evaluate(late, probability)
    return Rival(
        name="share of late flights in the training window",
        probability=probability,
        roc_auc=scores["roc_auc"],
        brier_score=scores["brier_score"],
    )
