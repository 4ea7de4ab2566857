"""The counters of prediction loggers among the metrics of their services."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, multiprocess

from mlops_ledger import Database, ModelVersionRepository, PredictionLogger
from mlops_ledger.contrib.prometheus import LoggerMetrics

WORKER = """
import sys
from mlops_ledger import PredictionLogger
from mlops_ledger.contrib.prometheus import LoggerMetrics

metrics = LoggerMetrics()
with PredictionLogger(model_name="m", model_version="1") as log:
    metrics.watch(log, name="m")
    for number in range(int(sys.argv[1])):
        log(prediction=number)
metrics.close()
"""


@pytest.fixture
def version(dsn: str) -> str:
    """A ledger with a version to log for."""
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
    return dsn


def test_counters_are_copied_once(version: str, tmp_path: Path) -> None:
    registry = CollectorRegistry()
    metrics = LoggerMetrics(registry=registry)
    labels = {"logger": "name"}
    with PredictionLogger(
        version, model_name="m", model_version="1", spool_dir=tmp_path, on_refused="count"
    ) as log:
        metrics.watch(log, name="name")
        for _ in range(5):
            log(prediction=1.0)
        log(probability=2.0)
        log.flush(timeout=60)
        metrics.update()
        metrics.update()
    metrics.close()
    for name, expected in (("accepted", 5), ("stored", 5), ("refused", 1), ("dropped", 0)):
        assert registry.get_sample_value(f"mlops_ledger_logger_{name}_total", labels) == expected
    assert registry.get_sample_value("mlops_ledger_logger_buffered", labels) == 0


def test_the_counters_of_several_processes_add_up(version: str, tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    for number in (3, 4):
        subprocess.run(
            [sys.executable, "-c", WORKER, str(number)],
            env={
                **os.environ,
                "DATABASE_URL": version,
                "MLOPS_LEDGER_HOME": str(tmp_path),
                "PROMETHEUS_MULTIPROC_DIR": str(folder),
            },
            check=True,
            timeout=60,
        )
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))
    found = registry.get_sample_value("mlops_ledger_logger_stored_total", {"logger": "m"})
    assert found == 7
