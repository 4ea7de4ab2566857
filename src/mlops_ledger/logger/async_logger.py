"""AsyncPredictionLogger: the same for asyncio; nothing that may wait runs in the event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self, Unpack
from uuid import UUID

from ..errors import LedgerError
from .counters import Counters
from .intake import Intake, Settled
from .logger import PredictionLogger, Target, not_committed, sync
from .records import Prediction, encode
from .spool import SpoolFull


class AsyncPredictionLogger:
    """Logs the predictions of one version of a model; see `PredictionLogger`.

    At "memory" and "process" a call does not suspend: it is as quick as in a thread.
    """

    def __init__(
        self,
        db: Target = None,
        *,
        model_name: str,
        model_version: str,
        durability: str = "process",
        overflow: str | None = None,
        batch_rows: int = 1000,
        flush_interval: float = 0.25,
        buffer_rows: int = 10_000,
        commit_timeout: float = 10.0,
        spool_dir: Path | str | None = None,
        spool_bytes: int = 1_000_000_000,
    ) -> None:
        self._logger = PredictionLogger(
            db,
            model_name=model_name,
            model_version=model_version,
            durability=durability,
            overflow=overflow,
            batch_rows=batch_rows,
            flush_interval=flush_interval,
            buffer_rows=buffer_rows,
            commit_timeout=commit_timeout,
            spool_dir=spool_dir,
            spool_bytes=spool_bytes,
        )
        self._durability = durability
        self._syncing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._logger.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def __call__(self, **prediction: Unpack[Prediction]) -> UUID:
        """Log a prediction and return its id; the arguments are those of `insert`.

        Raises InvalidValue for a value that is refused, and Unavailable when the record could
        not be made as durable as was asked for.
        """
        id, payload = encode(self._logger._version, prediction)
        intake = self._logger._intake or self._logger._start()
        if self._durability == "database":
            await self._commit(intake, payload)
            return id
        number = await self._accept(intake, payload)
        if self._durability == "disk":
            await self._sync(intake, number)
        return id

    @property
    def counters(self) -> Counters:
        """What became of the records that this process logged."""
        return self._logger.counters

    async def close(self, timeout: float = 5.0) -> Counters:
        """Send what can be sent within `timeout` seconds, leave the rest in the spool."""
        return await asyncio.to_thread(self._logger.close, timeout)

    async def _accept(self, intake: Intake, payload: bytes, settled: Settled | None = None) -> int:
        try:
            return intake.accept(payload, wait=False, settled=settled)
        except SpoolFull:
            return await asyncio.to_thread(intake.accept, payload, settled=settled)

    async def _sync(self, intake: Intake, number: int) -> None:
        """Share a sync with the other calls that wait for one."""
        spool = intake.spool
        while spool is not None and spool.synced < number:
            if self._syncing is None or self._syncing.done():
                self._syncing = asyncio.create_task(asyncio.to_thread(sync, intake, number))
            # Shielded: the others wait for it too.
            await asyncio.shield(self._syncing)

    async def _commit(self, intake: Intake, payload: bytes) -> None:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[LedgerError | None] = loop.create_future()

        def settled(reason: LedgerError | None) -> None:
            loop.call_soon_threadsafe(_resolve, outcome, reason)

        await self._accept(intake, payload, settled)
        options = self._logger._options
        try:
            reason = await asyncio.wait_for(outcome, options.commit_timeout)
        except TimeoutError:
            raise not_committed(options) from None
        if reason is not None:
            raise reason


def _resolve(future: asyncio.Future[LedgerError | None], reason: LedgerError | None) -> None:
    if not future.done():
        future.set_result(reason)
