"""The types that the package ships hold in a user's script: `mypy --strict` finds what is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

SCRIPT = """\
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from mlops_ledger import (
    AsyncDatabase,
    AsyncPredictionLogger,
    AsyncPredictionsRepository,
    Connections,
    Database,
    GroundTruthRepository,
    LedgerError,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    PoolExhausted,
    PredictionLogger,
    PredictionsRepository,
    new_id,
)
from mlops_ledger.rows import ModelVersion, PerformanceMetric, Prediction

now = datetime.now(UTC)


def register(db: Connections, metrics: Mapping[str, float]) -> ModelVersion:
    models = ModelVersionRepository(db)
    version = models.get_or_insert(model_name="m", model_version="1", metrics=metrics)
    models.promote(model_name="m", model_version=version.model_version, at=now)
    live = models.live(model_name="m")
    return version if live is None else live


def score(db: Database) -> float | None:
    predictions = PredictionsRepository(db)
    id: UUID = predictions.insert(model_name="m", model_version="1", features=[1, 2.5])
    rows: list[Prediction] = list(predictions.iter_predictions(model_name="m", limit=10))
    with PredictionLogger(db, model_name="m", model_version="1") as log:
        log(features={"a": 1.0}, predicted_label="late")
        log.many([{"probability": 0.5}])
    truth = GroundTruthRepository(db)
    truth.insert(prediction_id=id, actual_label="late")
    found = truth.performance(model_name="m", model_version="1", since=now, record=True)
    return found.roc_auc if rows else None


def worst(db: Database) -> PerformanceMetric | None:
    metrics = PerformanceMetricsRepository(db)
    metrics.insert(model_name="m", model_version="1", metric_name="rmse", metric_value=1)
    every = metrics.iter_metrics(model_name="m", since=now - timedelta(days=1))
    return max(every, key=lambda each: each.metric_value, default=None)


async def serve() -> list[UUID]:
    async with AsyncDatabase() as db, db.transaction() as tx:
        predictions = AsyncPredictionsRepository(tx)
        found = [each.id async for each in predictions.iter_predictions(model_name="m")]
    async with AsyncPredictionLogger(model_name="m", model_version="1") as log:
        await log(prediction=1.0)
    return found


try:
    with Database() as db, db.transaction() as tx:
        print(register(tx, {"roc_auc": 0.9}).accuracy, score(db), worst(db), new_id())
except PoolExhausted as error:
    print(error)
except LedgerError:
    raise
"""
MISTAKES = """\
models = ModelVersionRepository(Database())
models.insert(model_name=5)  # wrong
models.promote(model="m")  # wrong
models.live(model_name="m").model_version  # wrong
for prediction in PredictionsRepository().iter_predictions(model_name=1):  # wrong
    prediction.nothing  # wrong
PredictionLogger(model_name="m", model_version="1")(predicted="late")  # wrong
"""


def check(tmp_path: Path, script: str) -> tuple[set[int], str]:
    """Return the lines of a user's script that mypy complains about, and what it says."""
    (tmp_path / "script.py").write_text(script, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^script\.py:(\d+): error", done.stdout, re.MULTILINE)
    return {int(line) for line in found}, done.stdout


def test_a_right_script_passes(tmp_path: Path) -> None:
    lines, said = check(tmp_path, SCRIPT)
    assert not lines, said
    assert said.startswith("Success")


def test_mistakes_are_found_before_they_run(tmp_path: Path) -> None:
    script = SCRIPT + MISTAKES
    wrong = {n for n, line in enumerate(script.splitlines(), 1) if line.endswith("# wrong")}
    lines, said = check(tmp_path, script)
    assert lines == wrong, said
