"""Storing metrics of models and hosts, against `\\copy` and against MLflow on the same server.

`python -m benchmarks.metrics`: all variants in turn, medians of rounds. MLflow takes part where
it is installed: `pip install mlflow-skinny alembic`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    SystemMetricsRepository,
)
from mlops_ledger.cli.output import echo_table
from mlops_ledger.embedded import find_binaries

from .meter import Cost, Meter, middle
from .results import Result, echo_results
from .rows import DAY
from .scratch import database

ROWS = 100_000
MLFLOW_ROWS = 10_000
# The most that MLflow takes at once.
MLFLOW_BATCH = 1000
ROUNDS = 5
NAMES = 10
MLFLOW = "MLflow log_batch"
TABLES = {
    "performance_metrics": "id, timestamp, model_name, model_version_id, metric_type, metric_name,"
    " metric_value, stage, step, dataset_version, slice, metadata",
    "system_metrics": "id, timestamp, host, metric_name, metric_value, unit, attributes",
}


def performance_rows(version_id: Any) -> Iterator[dict[str, Any]]:
    """Make ten metrics of each step of a training."""
    for number in range(ROWS):
        yield {
            "model_name": "m",
            "model_version_id": version_id,
            "metric_name": f"metric_{number % NAMES}",
            "metric_value": number / ROWS,
            "timestamp": DAY + timedelta(seconds=number // NAMES),
            "step": number // NAMES,
            "stage": "training",
        }


def system_rows() -> Iterator[dict[str, Any]]:
    """Make ten metrics of a host for each second."""
    for number in range(ROWS):
        yield {
            "host": "web-1",
            "metric_name": f"metric_{number % NAMES}",
            "metric_value": number / ROWS,
            "timestamp": DAY + timedelta(seconds=number // NAMES),
            "unit": "percent",
        }


def psql(dsn: str, table: str, folder: Path) -> None:
    """Copy a file of all rows into a table."""
    command = f"\\copy {table} ({TABLES[table]}) FROM '{folder / table}' (FORMAT binary)"
    environment = {**os.environ, "PGPASSWORD": str(conninfo_to_dict(dsn)["password"])}
    program = find_binaries() / "psql"
    subprocess.run([program, "-qX", dsn, "-c", command], check=True, env=environment)


def save(connection: psycopg.Connection[Any], table: str, folder: Path) -> None:
    """Write the rows of a table to a file for psql."""
    copied = f"COPY (SELECT {TABLES[table]} FROM {table}) TO STDOUT (FORMAT binary)"  # noqa: S608
    with connection.cursor().copy(copied) as copy:
        (folder / table).write_bytes(b"".join(copy))


@contextmanager
def mlflow(dsn: str, rows: list[dict[str, Any]]) -> Iterator[Callable[[], None]]:
    """Make a database of MLflow on the same server and yield what logs rows to a run there."""
    from mlflow.entities import Metric
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow_benchmark")
    parts = conninfo_to_dict(dsn, dbname="mlflow_benchmark")
    uri = "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format(**parts)
    with tempfile.TemporaryDirectory() as folder:
        # Its functions have no types.
        make_store: Any = SqlAlchemyStore
        store = make_store(uri, folder)
        run = store.create_run("0", "bench", 0, [], "bench").info.run_id
        metrics = [
            Metric(
                row["metric_name"],
                row["metric_value"],
                int(row["timestamp"].timestamp() * 1000),
                row["step"],
            )
            for row in rows
        ]

        def log() -> None:
            for start in range(0, len(metrics), MLFLOW_BATCH):
                store.log_batch(run, metrics[start : start + MLFLOW_BATCH], [], [])

        yield log
        store.engine.dispose()


def measure(dsn: str, stack: ExitStack) -> dict[str, Cost]:
    """Measure every way of storing the rows of both tables, and MLflow's."""
    meter = Meter(dsn)
    admin = stack.enter_context(meter.connection)
    db = stack.enter_context(Database(dsn))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-bench-")))
    version_id = ModelVersionRepository(db).insert(model_name="m")
    stored: dict[str, tuple[Any, list[dict[str, Any]]]] = {
        "performance_metrics": (
            PerformanceMetricsRepository(db),
            list(performance_rows(version_id)),
        ),
        "system_metrics": (SystemMetricsRepository(db), list(system_rows())),
    }
    admin.execute("ALTER TABLE performance_metrics DISABLE TRIGGER performance_metrics_no_truncate")
    ways: dict[str, tuple[Callable[[], object], int]] = {}
    for table, (repository, rows) in stored.items():
        repository.insert_many(rows=rows)
        save(admin, table, folder)
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        ways[f"{table}: psql \\copy binary"] = partial(psql, dsn, table, folder), ROWS
        ways[f"{table}: insert_many"] = partial(repository.insert_many, rows=rows), ROWS
        ways[f"{table}: insert_columns"] = partial(repository.insert_columns, columns=columns), ROWS
    if find_spec("mlflow") and find_spec("alembic"):
        rows = stored["performance_metrics"][1][:MLFLOW_ROWS]
        ways[MLFLOW] = stack.enter_context(mlflow(dsn, rows)), MLFLOW_ROWS
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (work, size) in ways.items():
            admin.execute("TRUNCATE performance_metrics, system_metrics")
            costs[name].append(meter.cost(work, size))
    return {name: middle(each) for name, each in costs.items()}


def main() -> list[Result]:
    """Measure all ways, print them and return the ratios."""
    with database() as dsn, ExitStack() as stack:
        found = measure(dsn, stack)
    echo_table(
        ("rows by", "rows/s", "client µs", "server µs", "WAL B"),
        [
            (
                name,
                f"{1e6 / cost.wall:,.0f}",
                f"{cost.client:.2f}",
                f"{cost.server:.1f}",
                f"{cost.wal:.0f}",
            )
            for name, cost in found.items()
        ],
    )
    many = found["performance_metrics: insert_many"]
    results = []
    if MLFLOW in found:
        ratio = found[MLFLOW].wall / many.wall
        results.append(Result("metrics: insert_many / MLflow log_batch, rows/s", ratio, ">= 15"))
    for table in TABLES:
        psql_wall = found[f"{table}: psql \\copy binary"].wall
        for way in ("insert_many", "insert_columns"):
            wall = found[f"{table}: {way}"].wall
            results.append(Result(f"{table}: {way} / \\copy binary", psql_wall / wall, ">= 0.7"))
    return results


if __name__ == "__main__":
    echo_results(main())
