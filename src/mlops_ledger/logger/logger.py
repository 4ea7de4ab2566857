"""PredictionLogger: one call takes microseconds and never waits for the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Self, Unpack
from uuid import UUID

from ..errors import InvalidValue, LedgerError
from ..rows.predictions import PredictionFields
from .base import LoggerBase, not_committed
from .counters import Counters, Flushed
from .intake import Intake
from .records import encode


class PredictionLogger(LoggerBase):
    """Logs the predictions of one version of a model.

    A call returns when its record has reached what `durability` names: "memory" (lost when the
    process is killed), "process" (in the spool: survives the process, not the machine), "disk"
    (synced: survives the machine), "database" (committed). A thread of its own brings the records
    to the database, in order and exactly once, and keeps them in the spool while that is away.
    When the spool is full, `overflow` decides: "drop_oldest" (counted), "block" or "raise".

    A value that is refused raises at the call. So does a version that is not registered, and
    features that do not fit it, from when the database was first asked; before, the record becomes
    a dead letter, with a warning in the log. With `on_refused="count"` nothing of this raises:
    a service answers its requests whatever it logs.
    """

    def __call__(self, **prediction: Unpack[PredictionFields]) -> UUID | None:
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
        self._take(intake, (record,))
        return id

    def many(self, predictions: Iterable[PredictionFields]) -> list[UUID | None]:
        """Log predictions, each a mapping of the arguments of a call, and return their ids.

        They become durable together, so it costs one sync or one commit for all. Nothing is
        logged when a value is refused, unless refusals are counted: their ids are None then.
        Raises as a call does.
        """
        intake = self._intake or self._start()
        ids, payloads = self._encode_many(intake, predictions)
        if payloads:
            self._take(intake, payloads)
        return ids

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self, timeout: float = 5.0) -> Flushed:
        """Wait up to `timeout` seconds until all that was accepted so far is in the database.

        Returns what became of the records since the flush before, as counts. It is false when some
        wait still or were dropped; dead letters count as done, and are counted.
        """
        return self._flush(timeout)

    def close(self, timeout: float = 5.0) -> Counters:
        """Send what can be sent within `timeout` seconds, leave the rest in the spool.

        Returns the counters. Nothing can be logged afterwards.
        """
        return self._close(timeout)

    def _take(self, intake: Intake, payloads: Sequence[bytes]) -> None:
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
            if reason is not None and self._raises:
                raise reason
