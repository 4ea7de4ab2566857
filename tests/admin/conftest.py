"""A ledger with something in every corner, and a backup of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.admin.backup import backup


@pytest.fixture
def filled(dsn: str) -> str:
    """A database with something in every corner: deployments, partitions, labels that wait."""
    now = datetime.now(UTC)
    with Database(dsn) as db:
        models, predictions = ModelVersionRepository(db), PredictionsRepository(db)
        for _ in range(2):
            models.insert(model_name="m", metrics={"roc_auc": 0.5}, feature_names=["x"])
        for version in ("1", "2"):
            models.promote(model_name="m", model_version=version)
        models.rollback(model_name="m")
        rows = [
            {"id": new_id(at), "predicted_at": at, "features": [1.5], "inputs": {"t": "ü\n"}}
            for at in (now - timedelta(hours=hour) for hour in range(72))
        ]
        predictions.insert_many(rows=rows, model_name="m", model_version="1")
        truth = GroundTruthRepository(db)
        truth.insert(prediction_id=rows[0]["id"], actual_label="yes")
        truth.insert(request_id="never", actual_value=1.0)
    return dsn


@pytest.fixture
def saved(filled: str, tmp_path: Path) -> Path:
    """A backup of it."""
    backup(Settings(conninfo=filled), tmp_path / "saved")
    return tmp_path / "saved"
