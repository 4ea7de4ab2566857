"""The types that the package ships hold in a user's script, for mypy and pyright."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
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


def mypy(script: Path) -> set[int]:
    """Return the lines that mypy complains about."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert re.search("^Success|^Found", done.stdout, re.MULTILINE), done.stdout
    return set(map(int, re.findall(r"^script\.py:(\d+): error", done.stdout, re.MULTILINE)))


def pyright(script: Path) -> set[int]:
    """Return the lines that pyright complains about."""
    # It runs on Node.js, which the driver of Playwright brings along.
    driver = pytest.importorskip("playwright._impl._driver")
    node, _ = driver.compute_driver_executable()
    path = os.pathsep.join([str(Path(node).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(
        [*command, script.name],
        cwd=script.parent,
        env={**os.environ, "PATH": path, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    return {each["range"]["start"]["line"] + 1 for each in report["generalDiagnostics"]}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_only_mistakes_are_found(tmp_path: Path, checker: Callable[[Path], set[int]]) -> None:
    script = tmp_path / "script.py"
    lines = ("# pyright: strict\n" + SCRIPT + MISTAKES).splitlines()
    script.write_text("\n".join(lines), "utf-8")
    assert checker(script) == {n for n, line in enumerate(lines, 1) if line.endswith("# wrong")}
