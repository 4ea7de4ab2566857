"""What both kinds of prediction logger are: their options, their life, and forks and exits."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import threading
import time
import weakref
from collections.abc import Iterable
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

from ..checks import values
from ..config import Settings
from ..database import AsyncDatabase, Database
from ..errors import InvalidValue, LedgerError, Unavailable
from ..rows.predictions import PredictionFields
from .counters import Counters
from .flusher import Flusher
from .intake import Intake
from .options import Options
from .records import encode

log = logging.getLogger("mlops_ledger.logger")

# Seconds to send what is left when the process ends, or a `with` block.
_AT_EXIT: Final = 5.0
_POLL: Final = 0.01

Target: TypeAlias = Database | AsyncDatabase | Settings | str | None


class LoggerBase:
    """Makes its spool and its flusher at the first call, in each process anew."""

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
        self._settings = settings_of(db)
        self._version = {
            "model_name": values.text("model_name", model_name),
            "model_version": values.text("model_version", model_version),
        }
        self._durability = durability
        self._options = Options(
            durability=durability,
            overflow=overflow or ("raise" if durability == "database" else "drop_oldest"),
            batch_rows=batch_rows,
            buffer_rows=buffer_rows,
            flush_interval=flush_interval,
            commit_timeout=commit_timeout,
            target=self._settings.target,
            spool_root=Path(spool_dir or self._settings.spool).absolute(),
            spool_bytes=spool_bytes,
        )
        self._closed = False
        self._inherited: list[object] = []
        self._lock = threading.RLock()
        self._intake: Intake | None = None
        self._flusher: Flusher | None = None
        self._final: Counters | None = None
        _live.add(self)

    @property
    def counters(self) -> Counters:
        """What became of the records that this process logged."""
        return self._final or self._count()

    def _encode(self, predictions: Iterable[PredictionFields]) -> tuple[list[UUID], list[bytes]]:
        """Check predictions and return their ids and records."""
        ids, payloads = [], []
        for place, each in enumerate(predictions):
            try:
                id, payload = encode(self._version, each)
            except InvalidValue as error:
                raise InvalidValue(f"predictions[{place}].{error.field}", error.problem) from None
            ids.append(id)
            payloads.append(payload)
        return ids, payloads

    def _close(self, timeout: float) -> Counters:
        with self._lock:
            self._closed = True
            if self._intake is not None and self._final is None:
                self._intake.closed = True
                assert self._flusher is not None
                self._flusher.stop(timeout)
                self._intake.finish()
                self._final = self._count()
                log.info("prediction logger closed: %s", self._final)
            _live.discard(self)
        return self.counters

    def _flush(self, timeout: float) -> bool:
        intake, flusher = self._intake, self._flusher
        if intake is None or flusher is None:
            return True
        deadline = time.monotonic() + timeout
        dropped = intake.dropped
        have_left_memory = intake.mark()
        number: int | None = None
        while True:
            if number is None and have_left_memory():
                # What did not go to the database has gone into the spool.
                number = intake.spool.last if intake.spool else 0
            if number is not None and flusher.has_delivered(number):
                return intake.dropped == dropped
            if self._final is not None or time.monotonic() >= deadline:
                return False
            intake.wake.set()
            time.sleep(_POLL)

    def _start(self) -> Intake:
        with self._lock:
            if self._intake is None:
                if self._closed:
                    raise LedgerError("the prediction logger is closed: make another")
                intake = Intake(self._options)
                self._flusher = Flusher(self._settings, intake)
                self._flusher.start()
                _close_with_child()
                # Last: whoever finds it finds the thread running.
                self._intake = intake
            return self._intake

    def _count(self) -> Counters:
        flusher = self._flusher
        return Counters() if flusher is None else flusher.counters()

    def _forget(self) -> None:
        """In a forked child: leave everything to the parent, and begin anew at the next call."""
        if self._intake is not None and self._intake.spool is not None:
            self._intake.spool.disown()
        # Kept, because collecting it would touch what is the parent's.
        self._inherited.append((self._intake, self._flusher))
        self._lock = threading.RLock()
        self._intake = self._flusher = self._final = None


def not_committed(options: Options) -> Unavailable:
    """Say that a record waits in the spool."""
    return Unavailable(
        f"the prediction was not committed within {options.commit_timeout:g} s: it waits in the "
        "spool and will be written once the database takes it; do not log it again"
    )


def settings_of(db: Target) -> Settings:
    """Return where the database is; the logger makes connections of its own to it."""
    if isinstance(db, Settings):
        return db
    return (db if isinstance(db, Database | AsyncDatabase) else Database(db)).settings


_live: weakref.WeakSet[LoggerBase] = weakref.WeakSet()


def _forget_all() -> None:
    for each in list(_live):
        each._forget()


@atexit.register
def _close_all() -> None:
    for each in list(_live):
        each._close(_AT_EXIT)


def _close_with_child() -> None:
    """Have the loggers closed at the end of a child of multiprocessing, which skips atexit."""
    if multiprocessing.parent_process() is not None:
        Finalize(None, _close_all, exitpriority=100)


os.register_at_fork(after_in_child=_forget_all)
