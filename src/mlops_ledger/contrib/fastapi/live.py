"""Dependencies that follow what is live: the logger of the version, and the model itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from starlette.requests import HTTPConnection

from ...errors import LedgerError, NotFound, Unavailable
from ...logger import AsyncPredictionLogger
from ...repositories import AsyncModelVersionRepository
from .state import Ledger, ledger_of, log

# Seconds after which the ledger is asked again which version is live.
_REFRESH: Final = 30.0
# Seconds that the first request waits for the answer, when there is a version to go on with.
_PATIENCE: Final = 1.0

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class LiveModel(Generic[Model]):
    """The version that a request is answered with: its number, what was loaded, its logger."""

    version: str
    model: Model
    log: AsyncPredictionLogger


def live_model(
    model_name: str,
    load: Callable[[str], Model],
    *,
    initial_version: str | None = None,
    slot: str = "production",
    refresh: float = _REFRESH,
    **options: Any,
) -> Callable[[HTTPConnection], Awaitable[LiveModel[Model]]]:
    """Return a dependency that gives the model of the live version, loaded, with its logger.

    `load` makes a model of a version number, in a thread. After a promotion the next version is
    loaded beside the requests, which the one before answers meanwhile; one that cannot be loaded
    is logged, and loaded again at the next look. The other arguments are those of
    `live_prediction_logger`. Until the first model is loaded, requests wait, or raise what `load`
    raised.
    """
    live = _by_ledger(lambda: _Live(model_name, load, slot, initial_version, refresh))

    async def model(connection: HTTPConnection) -> LiveModel[Model]:
        ledger = ledger_of(connection)
        version, loaded = await live(ledger).current(ledger)
        return LiveModel(version, loaded, ledger.logger(model_name, version, **options))

    return model


def live_prediction_logger(
    model_name: str,
    *,
    initial_version: str | None = None,
    slot: str = "production",
    refresh: float = _REFRESH,
    **options: Any,
) -> Callable[[HTTPConnection], Awaitable[AsyncPredictionLogger]]:
    """Return a dependency that gives the logger of a model's live version.

    The first request waits for the ledger's answer, up to a second; later it is asked every
    `refresh` seconds, beside the requests. While it is away the last answer counts, and
    `initial_version` before there is one. Without that the first request raises Unavailable when
    the ledger is away, and NotFound when nothing is live. `options` are those of
    `prediction_logger`.
    """
    live = _by_ledger(lambda: _Live[None](model_name, None, slot, initial_version, refresh))

    async def logger(connection: HTTPConnection) -> AsyncPredictionLogger:
        ledger = ledger_of(connection)
        version, _ = await live(ledger).current(ledger)
        return ledger.logger(model_name, version, **options)

    return logger


def _by_ledger(make: Callable[[], _Live[Model]]) -> Callable[[Ledger], _Live[Model]]:
    """Give each ledger its own: services, and starts of one, differ in what is live."""
    made: WeakKeyDictionary[Ledger, _Live[Model]] = WeakKeyDictionary()

    def of(ledger: Ledger) -> _Live[Model]:
        if ledger not in made:
            made[ledger] = make()
        return made[ledger]

    return of


class _Live(Generic[Model]):
    """The version that holds a slot, as far as the ledger could be asked, and its model."""

    def __init__(
        self,
        model_name: str,
        load: Callable[[str], Model] | None,
        slot: str,
        initial_version: str | None,
        refresh: float,
    ) -> None:
        self._model_name, self._load, self._slot = model_name, load, slot
        self._initial, self._refresh = initial_version, refresh
        self._current: tuple[str, Model] | None = None
        self._ask_at = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()

    async def current(self, ledger: Ledger) -> tuple[str, Model]:
        if self._current is None:
            async with self._beginning:
                if self._current is None:
                    await self._begin(ledger)
        if monotonic() >= self._ask_at:
            self._ask_at = monotonic() + self._refresh
            # Kept, because the loop holds only a weak reference.
            self._asking = asyncio.create_task(self._follow(ledger))
        assert self._current is not None
        return self._current

    async def _begin(self, ledger: Ledger) -> None:
        """Take the version that is live; the given one while that is not known."""
        version = self._initial
        try:
            async with asyncio.timeout(None if version is None else _PATIENCE):
                version = await self._ask(ledger) or version
        except (LedgerError, TimeoutError):
            if version is None:
                raise
        self._ask_at = monotonic() + self._refresh
        if version is None:
            raise NotFound(f"no version of model {self._model_name} is in slot {self._slot}")
        await self._take(version)

    async def _follow(self, ledger: Ledger) -> None:
        try:
            version = await self._ask(ledger)
            # An empty slot says nothing about the version that goes on answering.
            if version is not None and self._current is not None and version != self._current[0]:
                await self._take(version)
        except Unavailable:
            pass
        except LedgerError as error:
            log.warning("the live version of model %s is not known: %s", self._model_name, error)
        except Exception:
            log.exception("the live version of model %s cannot be loaded", self._model_name)

    async def _ask(self, ledger: Ledger) -> str | None:
        found = await AsyncModelVersionRepository(ledger.db).production_at(
            model_name=self._model_name, slot=self._slot
        )
        return None if found is None else found.model_version

    async def _take(self, version: str) -> None:
        loaded: Any = None
        if self._load is not None:
            loaded = await asyncio.to_thread(self._load, version)
        self._current = version, loaded
