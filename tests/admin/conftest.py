"""A ledger with something in every corner, and a backup of it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fix_db import new_database

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.admin.backup import backup


def fill(dsn: str) -> None:
    """Put something in every corner of a ledger: deployments, partitions, labels that wait."""
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


@pytest.fixture
def filled(dsn: str) -> str:
    """A database with something in every corner."""
    fill(dsn)
    return dsn


@pytest.fixture(scope="module")
def saved_once(server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of such a database, to be copied."""
    file = tmp_path_factory.mktemp("backup") / "saved"
    with new_database(server_dsn, template) as dsn:
        fill(dsn)
        backup(Settings(conninfo=dsn), file)
    return file


@pytest.fixture
def saved(saved_once: Path, tmp_path: Path) -> Path:
    """A backup, with which a test may do as it likes."""
    return shutil.copy(saved_once, tmp_path / "saved")
