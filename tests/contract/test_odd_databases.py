"""Whatever a public function is given as its database, only the package's exceptions come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from mlops_ledger import (
    AsyncDatabase,
    AsyncPredictionLogger,
    Database,
    InvalidValue,
    PredictionLogger,
    async_events,
    events,
)
from mlops_ledger.admin.verify import verify
from mlops_ledger.contrib.fastapi import ledger_lifespan
from mlops_ledger.contrib.measured import Measured
from mlops_ledger.contrib.mlflow import import_mlflow, mirror
from mlops_ledger.contrib.ui import write_report
from mlops_ledger.contrib.ui.app import create_app
from mlops_ledger.monitoring import run_monitoring

pytestmark = pytest.mark.once

VERSION: Final[dict[str, Any]] = {"model_name": "m", "model_version": "1"}
ODD: Final[dict[str, Any]] = {
    "class": Database,
    "async class": AsyncDatabase,
    "number": 5,
    "another's": object(),
}


async def _async_events(db: Any) -> None:
    async for _ in async_events(db, follow=False):
        pass


FUNCTIONS: Final[dict[str, Callable[[Any], object]]] = {
    "PredictionLogger": lambda db: PredictionLogger(db, **VERSION),
    "AsyncPredictionLogger": lambda db: AsyncPredictionLogger(db, **VERSION),
    "events": lambda db: list(events(db, follow=False)),
    "async_events": lambda db: asyncio.run(_async_events(db)),
    "run_monitoring": run_monitoring,
    "write_report": lambda db: write_report(db, Path("unwritten"), model_name="m"),
    "create_app": create_app,
    "ledger_lifespan": ledger_lifespan,
    "mirror": lambda db: mirror(db=db, **VERSION),
    "import_mlflow": lambda db: import_mlflow(db, "sqlite:///none", dry_run=True),
    "record": lambda db: Measured("test").record(db, model_name="m"),
    "verify": verify,
}


@pytest.mark.parametrize("given", ODD.values(), ids=ODD)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_is_no_database_is_refused(function: Callable[[Any], object], given: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^(db|settings): must be ") as refused:
        function(given)
    if isinstance(given, type):
        assert f"not the class {given.__name__}" in str(refused.value)


@pytest.mark.parametrize("name", ["events", "write_report", "create_app"])
def test_a_transaction_is_no_database(db: Database, name: str) -> None:
    with db.transaction() as tx, pytest.raises(InvalidValue, match="an instance of Database"):
        FUNCTIONS[name](tx)
