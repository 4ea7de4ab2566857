"""PredictionLogger: one call takes microseconds and never waits for the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Self, Unpack
from uuid import UUID

from ..errors import LedgerError
from ..rows.predictions import PredictionFields
from .base import LoggerBase, not_committed
from .counters import Counters
from .intake import Intake
from .records import encode


class PredictionLogger(LoggerBase):
    """Logs the predictions of one version of a model.

    A call returns when its record has reached what `durability` names: "memory" (lost when the
    process is killed), "process" (in the spool: survives the process, not the machine), "disk"
    (synced: survives the machine), "database" (committed). A thread of its own brings the records
    to the database, in order and exactly once, and keeps them in the spool while that is away.
    When the spool is full, `overflow` decides: "drop_oldest" (counted), "block" or "raise".
    """

    def __call__(self, **prediction: Unpack[PredictionFields]) -> UUID:
        """Log a prediction and return its id; the arguments are those of `insert`.

        Raises InvalidValue for a value that is refused, and Unavailable when the record could
        not be made as durable as was asked for.
        """
        id, payload = encode(self._version, prediction)
        self._take((payload,))
        return id

    def many(self, predictions: Iterable[PredictionFields]) -> list[UUID]:
        """Log predictions, each a mapping of the arguments of a call, and return their ids.

        They become durable together, so it costs one sync or one commit for all. Nothing is
        logged when a value is refused. Raises as a call does.
        """
        ids, payloads = self._encode(predictions)
        if payloads:
            self._take(payloads)
        return ids

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait up to `timeout` seconds until all that was accepted so far is in the database.

        Dead letters count as done. Returns False when the time was up before, or when records
        were dropped meanwhile.
        """
        return self._flush(timeout)

    def close(self, timeout: float = 5.0) -> Counters:
        """Send what can be sent within `timeout` seconds, leave the rest in the spool.

        Returns the counters. Nothing can be logged afterwards.
        """
        return self._close(timeout)

    def _take(self, payloads: Sequence[bytes]) -> None:
        intake = self._intake or self._start()
        if self._durability == "database":
            self._commit(intake, payloads)
            return
        number = intake.accept(payloads)
        if self._durability == "disk":
            intake.sync(number)

    def _commit(self, intake: Intake, payloads: Sequence[bytes]) -> None:
        """Wait until all are committed. Raises the reason why the first was refused, if any was."""
        done = threading.Semaphore(0)
        outcomes: list[LedgerError | None] = []

        def on_delivery(reason: LedgerError | None) -> None:
            outcomes.append(reason)
            done.release()

        intake.accept(payloads, on_delivery=on_delivery)
        deadline = time.monotonic() + self._options.commit_timeout
        for _ in payloads:
            if not done.acquire(timeout=max(deadline - time.monotonic(), 0)):
                raise not_committed(self._options)
        for reason in outcomes:
            if reason is not None:
                raise reason
