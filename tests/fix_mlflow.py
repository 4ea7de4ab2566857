"""A real MLflow store in SQLite, with everything in it that an import stumbles over."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow", reason="needs the extra mlflow")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import sqlalchemy
    from mlflow import MlflowClient
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.model_registry.dbmodels import models as registry
    from mlflow.store.tracking.dbmodels import models as tracking
    from sqlalchemy import CheckConstraint
    from sqlalchemy.schema import CreateTable

# 1 January 2026, in the milliseconds of MLflow.
NEW_YEAR = 1_767_225_600_000
HOUR = 3_600_000
MODEL = "churn"
LONG = "n" * 300


def make_store(uri: str) -> None:
    """Make the tables of a store; the ninety migrations of MLflow would take long."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(_get_alembic_config(uri)).get_current_head()
    engine = sqlalchemy.create_engine(uri)
    with engine.begin() as connection:
        for table in Base.metadata.tables.values():
            # SQLAlchemy 2.1 would make some checks several times, and indexes without columns.
            checks = (each for each in table.constraints if isinstance(each, CheckConstraint))
            table.constraints.difference_update(list(checks))
            connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
        connection.execute(
            sqlalchemy.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        )
        connection.execute(
            sqlalchemy.text("INSERT INTO alembic_version VALUES (:head)"), {"head": head}
        )
    engine.dispose()


class Store:
    """An MLflow store that tests fill, through its client or by rows."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.client = MlflowClient(uri, uri)
        self._engine = sqlalchemy.create_engine(uri)

    def run(self, experiment: str = "0", **given: Any) -> str:
        """Make a finished run with parameters, metrics as (step, value), and tags."""
        run = self.client.create_run(experiment, NEW_YEAR, given.get("tags", {}), given.get("name"))
        run_id: str = run.info.run_id
        for key, value in given.get("params", {}).items():
            self.client.log_param(run_id, key, value)
        for key, values in given.get("metrics", {}).items():
            for step, value in values:
                self.client.log_metric(run_id, key, value, NEW_YEAR + step * HOUR, step)
        self.client.set_terminated(run_id, "FINISHED", NEW_YEAR + HOUR)
        return run_id

    def rows(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows as they are."""
        model = {**_tables(registry), **_tables(tracking)}[table]
        with self._engine.begin() as connection:
            connection.execute(sqlalchemy.insert(model), rows)

    def touch(self, version: int, at: int, model_name: str = MODEL) -> None:
        """Say when a version was last updated."""
        self.execute(
            "UPDATE model_versions SET last_updated_time = :at WHERE name = :name AND version = :v",
            at=at, name=model_name, v=version,
        )  # fmt: skip

    def execute(self, statement: str, **values: Any) -> None:
        """Execute a statement."""
        with self._engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement), values)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """Make an empty store and yield it."""
    uri = f"sqlite:///{folder}/mlflow.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_store(uri)
        store = Store(uri)
        try:
            yield store
        finally:
            store.close()


def _tables(module: Any) -> dict[str, Any]:
    return {
        each.__tablename__: each
        for each in vars(module).values()
        if isinstance(each, type) and hasattr(each, "__tablename__")
    }
