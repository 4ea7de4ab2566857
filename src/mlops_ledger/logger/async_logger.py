"""AsyncPredictionLogger: the same for asyncio; nothing that may wait runs in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, Self, Unpack
from uuid import UUID

from ..errors import InvalidValue, LedgerError
from ..rows.predictions import PredictionFields
from .base import LoggerBase, not_committed
from .counters import Counters, Flushed
from .intake import Intake
from .records import encode
from .spool import SpoolFull
from .waiters import OnDelivery

_WAIT: Final = ("disk", "database")


class AsyncPredictionLogger(LoggerBase):
    """Logs the predictions of one version of a model; see `PredictionLogger`.

    At "memory" and "process" a call does not suspend: it is as quick as in a thread.
    """

    _syncing: asyncio.Task[None] | None = None

    async def __call__(self, **prediction: Unpack[PredictionFields]) -> UUID | None:
        """Log a prediction and return its id; the arguments are those of `insert`.

        Raises InvalidValue for a value that is refused, NotFound for a version that is not
        registered, and Unavailable when the record could not be made as durable as was asked for.
        With `on_refused="count"` a value that is refused is counted and None returned.
        """
        intake = self._intake or self._start()
        try:
            id, record = encode(self._registration, prediction, self._raises)
        except InvalidValue as error:
            self._refuse(intake, error)
            return None
        if self._durability in _WAIT:
            await self._take(intake, (record,))
            return id
        # Coroutines that wait for nothing would cost as much as the checks.
        try:
            intake.keep((record,))
        except SpoolFull:
            await self._accept(intake, (record,))
        return id

    async def many(self, predictions: Iterable[PredictionFields]) -> list[UUID | None]:
        """Log predictions, each a mapping of the arguments of a call, and return their ids.

        They become durable together, so it costs one sync or one commit for all. Nothing is
        logged when a value is refused, unless refusals are counted: their ids are None then.
        Raises as a call does.
        """
        intake = self._intake or self._start()
        ids, payloads = self._encode_many(intake, predictions)
        if payloads:
            await self._take(intake, payloads)
        return ids

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._enter)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def flush(self, timeout: float = 5.0) -> Flushed:
        """Wait up to `timeout` seconds until all that was accepted so far is in the database.

        Returns what became of the records since the flush before, as counts. It is false when some
        wait still or were dropped; dead letters count as done, and are counted.
        """
        return await asyncio.to_thread(self._flush, timeout)

    async def close(self, timeout: float = 5.0) -> Counters:
        """Send what can be sent within `timeout` seconds, leave the rest in the spool."""
        return await asyncio.to_thread(self._close, timeout)

    async def _take(self, intake: Intake, payloads: Sequence[bytes]) -> None:
        if self._durability == "database":
            await self._commit(intake, payloads)
            return
        number = await self._accept(intake, payloads)
        if self._durability == "disk":
            await self._sync(intake, number)

    async def _accept(
        self, intake: Intake, payloads: Sequence[bytes], on_delivery: OnDelivery | None = None
    ) -> int:
        try:
            return intake.accept(payloads, wait=False, on_delivery=on_delivery)
        except SpoolFull:
            return await asyncio.to_thread(intake.accept, payloads, on_delivery=on_delivery)

    async def _sync(self, intake: Intake, number: int) -> None:
        """Share a sync with the other calls that wait for one."""
        spool = intake.spool
        while spool is not None and spool.synced < number:
            if self._syncing is None or self._syncing.done():
                self._syncing = asyncio.create_task(asyncio.to_thread(intake.sync, number))
            # Shielded: the others wait for it too.
            await asyncio.shield(self._syncing)

    async def _commit(self, intake: Intake, payloads: Sequence[bytes]) -> None:
        """Wait until all are committed. Raises the reason why the first was refused, if any was."""
        loop = asyncio.get_running_loop()
        done: asyncio.Queue[LedgerError | None] = asyncio.Queue()

        def on_delivery(reason: LedgerError | None) -> None:
            # Nobody waits any more when the loop is over.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.put_nowait, reason)

        await self._accept(intake, payloads, on_delivery)
        try:
            async with asyncio.timeout(self._options.commit_timeout):
                outcomes = [await done.get() for _ in payloads]
        except TimeoutError:
            raise not_committed(self._options) from None
        for reason in outcomes:
            if reason is not None and self._raises:
                raise reason

    def _forget(self) -> None:
        super()._forget()
        self._syncing = None
