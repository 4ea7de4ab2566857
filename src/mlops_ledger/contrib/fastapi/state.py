"""What a service keeps while it runs: its database and its loggers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from time import monotonic
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from ...admin.create import initialise as create_and_migrate
from ...connection.config import Settings
from ...database import AsyncDatabase
from ...errors import LedgerError
from ...logger import AsyncPredictionLogger
from ...rows import Health

log = logging.getLogger("mlops_ledger.fastapi")

Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]

# Seconds that the start waits for the first try to make and migrate the database.
_PATIENCE: Final = 15.0
_FIRST_RETRY: Final = 1.0
_LAST_RETRY: Final = 30.0
# A look at the database costs a connection, so that probes share one (seconds).
_FRESH: Final = 1.0


class Ledger:
    """The database and the prediction loggers of a running service."""

    def __init__(self, db: AsyncDatabase) -> None:
        self.db = db
        self._loggers: dict[tuple[object, ...], AsyncPredictionLogger] = {}
        self._looking = asyncio.Lock()
        self._health: Health | None = None
        self._looked_at = 0.0

    def logger(self, model_name: str, model_version: str, **options: Any) -> AsyncPredictionLogger:
        """Return the logger of a version, one for all requests.

        `options` are those of `PredictionLogger`. What the ledger would refuse is counted, not
        raised, unless `on_refused` says otherwise.
        """
        key = model_name, model_version, *sorted(options.items())
        if key not in self._loggers:
            options = {"on_refused": "count", **options}
            self._loggers[key] = AsyncPredictionLogger(
                self.db, model_name=model_name, model_version=model_version, **options
            )
        return self._loggers[key]

    async def health(self) -> Health:
        """Look at the database, at most once a second."""
        async with self._looking:
            if self._health is None or monotonic() - self._looked_at > _FRESH:
                self._health = await self.db.health()
                self._looked_at = monotonic()
            return self._health

    def count(self, counter: str) -> int:
        """Return a counter of all loggers together."""
        return sum(getattr(each.counters, counter) for each in self._loggers.values())

    @property
    def is_failing(self) -> bool:
        """Whether a logger could not store its predictions when it last tried."""
        return any(each.counters.circuit_open for each in self._loggers.values())

    async def close(self) -> None:
        """Send what the loggers still hold, leave the rest in the spool, and disconnect."""
        await asyncio.gather(*(each.close() for each in self._loggers.values()))
        await self.db.close()


def ledger_lifespan(
    db: AsyncDatabase | Settings | str | None = None, *, initialise: bool = False
) -> Lifespan:
    """Return a lifespan for `FastAPI(lifespan=...)` that opens the ledger and closes it.

    Takes what `AsyncDatabase` takes, or one, which it closes too. A service starts although the
    database is away: it connects at first use, and predictions wait in the spool. `initialise`
    makes and migrates the database, and goes on trying while it is away. A service with a lifespan
    of its own enters this one: `async with ledger_lifespan()(app):`. Raises ConfigError for
    settings that are wrong.
    """
    settings = db.settings if isinstance(db, AsyncDatabase) else AsyncDatabase(db).settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # A closed one stays closed, and tests start a service more than once.
        ledger = app.state.ledger = Ledger(
            db if isinstance(db, AsyncDatabase) else AsyncDatabase(settings)
        )
        tried = asyncio.Event()
        making = asyncio.create_task(_initialise(settings, tried)) if initialise else None
        try:
            if making is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(tried.wait(), _PATIENCE)
            yield
        finally:
            if making is not None:
                making.cancel()
                with suppress(asyncio.CancelledError):
                    await making
            await ledger.close()

    return lifespan


def ledger_of(connection: HTTPConnection) -> Ledger:
    """Return what the lifespan made. Raises LedgerError when the service has none."""
    found = getattr(connection.app.state, "ledger", None)
    if not isinstance(found, Ledger):
        raise LedgerError("the service has no ledger: FastAPI(lifespan=ledger_lifespan())")
    return found


async def _initialise(settings: Settings, tried: asyncio.Event) -> None:
    """Try until it succeeds; the event says that a try is over."""
    pause = _FIRST_RETRY
    while True:
        try:
            await asyncio.to_thread(create_and_migrate, settings)
            return
        except LedgerError as error:
            log.warning("the database is not ready, next try in %.0f s: %s", pause, error)
        finally:
            tried.set()
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST_RETRY)
