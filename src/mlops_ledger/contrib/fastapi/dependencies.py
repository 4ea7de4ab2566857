"""Dependencies of routes: the database, and the logger of a version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

from starlette.requests import HTTPConnection

from ...database import AsyncDatabase
from ...errors import LedgerError, NotFound, Unavailable
from ...logger import AsyncPredictionLogger
from ...repositories import AsyncModelVersionRepository
from .state import Ledger, ledger_of, log

# Seconds after which the ledger is asked again which version is live.
_REFRESH: Final = 30.0


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


def live_prediction_logger(
    model_name: str,
    *,
    initial_version: str | None = None,
    slot: str = "production",
    refresh: float = _REFRESH,
    **options: Any,
) -> Callable[[HTTPConnection], Awaitable[AsyncPredictionLogger]]:
    """Return a dependency that gives the logger of a model's live version.

    The ledger is asked every `refresh` seconds, beside the requests; while it is away the last
    answer counts. `initial_version` is taken before there is one: without it the first request
    waits for the answer. That raises Unavailable when the ledger is away then, and NotFound when
    nothing is live. `options` are those of `prediction_logger`.
    """
    live = _LiveVersion(model_name, slot, initial_version, refresh)

    async def logger(connection: HTTPConnection) -> AsyncPredictionLogger:
        ledger = ledger_of(connection)
        return ledger.logger(model_name, await live.version(ledger), **options)

    return logger


class _LiveVersion:
    """The version that holds a slot, as far as the ledger could be asked."""

    def __init__(
        self, model_name: str, slot: str, initial_version: str | None, refresh: float
    ) -> None:
        self._model_name, self._slot = model_name, slot
        self._version, self._refresh = initial_version, refresh
        self._ask_at = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def version(self, ledger: Ledger) -> str:
        if self._version is None:
            await self._ask(ledger)
        elif monotonic() >= self._ask_at:
            self._ask_at = monotonic() + self._refresh
            # Kept, because the loop holds only a weak reference.
            self._asking = asyncio.create_task(self._ask_quietly(ledger))
        if self._version is None:
            raise NotFound(f"no version of model {self._model_name} is in slot {self._slot}")
        return self._version

    async def _ask(self, ledger: Ledger) -> None:
        found = await AsyncModelVersionRepository(ledger.db).production_at(
            model_name=self._model_name, slot=self._slot
        )
        # An empty slot says nothing about the version that goes on answering.
        if found is not None:
            self._version = found.model_version
        self._ask_at = monotonic() + self._refresh

    async def _ask_quietly(self, ledger: Ledger) -> None:
        try:
            await self._ask(ledger)
        except Unavailable:
            pass
        except LedgerError as error:
            log.warning("the live version of model %s is not known: %s", self._model_name, error)
