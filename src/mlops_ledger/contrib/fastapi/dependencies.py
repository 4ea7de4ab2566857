"""Dependencies of routes: the database, and the logger of a version that was loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import HTTPConnection

from ...database import AsyncDatabase
from ...logger import AsyncPredictionLogger
from .state import ledger_of


def database(connection: HTTPConnection) -> AsyncDatabase:
    """Return the service's database: `Annotated[AsyncDatabase, Depends(database)]`."""
    return ledger_of(connection).db


def prediction_logger(
    model_name: str, model_version: str, **options: Any
) -> Callable[[HTTPConnection], AsyncPredictionLogger]:
    """Return a dependency that gives the logger of a version, the one that the service loaded.

    `options` are those of `PredictionLogger`. What the ledger would refuse is counted, not raised,
    unless `on_refused` says otherwise.
    """

    def logger(connection: HTTPConnection) -> AsyncPredictionLogger:
        return ledger_of(connection).logger(model_name, model_version, **options)

    return logger
