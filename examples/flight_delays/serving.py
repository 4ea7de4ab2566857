"""The service around the model: it predicts each flight and logs what it answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from mlops_ledger import Database, PredictionLogger
from mlops_ledger.errors import Unavailable
from mlops_ledger.rows import ModelVersion

from . import model
from .data import CATEGORIES, LATE, NUMBERS, ON_TIME, Window, prediction_ids


def serve(db: Database, version: ModelVersion, flights: pd.DataFrame) -> int:
    """Predict flights with a version and log each prediction; return how many were new.

    Raises Unavailable when they are not all in the ledger; the spool keeps the others.
    """
    classifier = model.train(Window.of_training(version))
    probabilities = model.predict(classifier, flights).tolist()
    with PredictionLogger(
        db, model_name=version.model_name, model_version=version.model_version
    ) as log:
        for request, probability in zip(requests(flights), probabilities, strict=True):
            label = LATE if probability >= 0.5 else ON_TIME
            log(**request, probability=probability, predicted_label=label)
        # A service need not wait, but here the monitoring job of the week runs next.
        counters = log.close(timeout=60)
    if counters.stored + counters.duplicates < counters.accepted:
        raise Unavailable(f"not all predictions are in the ledger: {counters.last_error}")
    return counters.stored


def requests(flights: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield what the logger is told about each flight besides the answer."""
    columns = {
        "id": prediction_ids(flights),
        "request_id": flights["request_id"],
        "predicted_at": flights["predicted_at"].dt.to_pydatetime(),
        "features": flights[NUMBERS].to_dict("records"),
        "inputs": flights[CATEGORIES].to_dict("records"),
    }
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))
