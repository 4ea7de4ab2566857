"""What both kinds of prediction logger are: their options, their calls, and their life."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

from ..checks import values
from ..checks.plain import kind
from ..checks.rows import listed, row_of
from ..connection.config import Settings
from ..database import AsyncDatabase, Database
from ..errors import InvalidValue, LedgerError, NotFound, Unavailable
from ..rows.predictions import PredictionFields
from . import lifetime
from .counters import Counters, Flushed
from .flusher import Flusher
from .intake import Intake
from .options import Options, folder_of
from .records import UnknownField, encode
from .registration import Registration

log = logging.getLogger("mlops_ledger.logger")

# Seconds that entering a `with` block may wait to hear whether the version is registered.
_ASKING: Final = 1.0
_POLL: Final = 0.01

Target: TypeAlias = Database | AsyncDatabase | Settings | str | None


class LoggerBase:
    """Makes its spool and its flusher at the first call in each process."""

    def __init__(
        self,
        db: Target = None,
        *,
        model_name: str,
        model_version: str,
        durability: str = "process",
        overflow: str | None = None,
        on_refused: str = "raise",
        batch_rows: int = 1000,
        flush_interval: float = 0.25,
        buffer_rows: int = 10_000,
        commit_timeout: float = 10.0,
        spool_dir: Path | str | None = None,
        spool_bytes: int = 1_000_000_000,
    ) -> None:
        self._settings = settings_of(db)
        self._registration = Registration(
            values.text("model_name", model_name), values.text("model_version", model_version)
        )
        self._durability = durability
        self._options = Options(
            durability=durability,
            overflow=overflow,
            on_refused=on_refused,
            batch_rows=batch_rows,
            buffer_rows=buffer_rows,
            flush_interval=flush_interval,
            commit_timeout=commit_timeout,
            target=self._settings.target,
            spool_root=folder_of(spool_dir, self._settings.spool),
            spool_bytes=spool_bytes,
        )
        self._raises = on_refused == "raise"
        self._closed = False
        self._inherited: list[object] = []
        self._lock = threading.RLock()
        self._intake: Intake | None = None
        self._flusher: Flusher | None = None
        self._final: Counters | None = None
        self._flushed = Counters()
        lifetime.register(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        version = "{model_name} {model_version}".format(**self._registration.version)
        return f"<{type(self).__name__} {state}: {version}, {self._durability}>"

    @property
    def counters(self) -> Counters:
        """What became of the records that this process logged."""
        return self._final or self._count()

    def _hurry(self) -> None:
        """Spend no more time on sending: what is left goes into the spool at once."""
        if self._flusher is not None:
            self._flusher.hurry()

    def _forget(self) -> None:
        """In a forked child: leave everything to the parent, and start over at the next call."""
        if self._intake is not None and self._intake.spool is not None:
            self._intake.spool.disown()
        # Kept, because collecting it would touch what is the parent's.
        self._inherited.append((self._intake, self._flusher))
        self._lock = threading.RLock()
        self._intake = self._flusher = self._final = None
        self._flushed = Counters()
        self._registration = self._registration.fresh()

    def _enter(self) -> None:
        """Start, and wait briefly for the database to say whether it knows the version."""
        self._start()
        if self._raises:
            try:
                self._registration.wait(_ASKING)
            except NotFound:
                self._close(_POLL)
                raise

    def _refuse(self, intake: Intake, error: InvalidValue) -> None:
        """Raise why a prediction was refused, or count it."""
        if isinstance(error, UnknownField):
            # Also where refusals are counted: the mistake is in the program.
            raise TypeError(f"there is no argument {error.field!r}") from None
        if self._raises:
            raise error
        intake.refuse(error)

    def _encode_row(self, intake: Intake, row: str, given: object) -> tuple[UUID, bytes] | None:
        """Check one of several predictions; return None when it was refused and counted."""
        try:
            return encode(self._registration, row_of(row, given), self._raises)
        except InvalidValue as error:
            if not self._raises:
                intake.refuse(error)
                return None
            if error.field == row:
                raise
            raise InvalidValue(f"{row}.{error.field}", error.problem) from None

    def _encode_many(
        self, intake: Intake, predictions: Iterable[PredictionFields]
    ) -> tuple[list[UUID | None], list[bytes]]:
        """Check predictions and return their ids, and the records of those that are right."""
        ids: list[UUID | None] = []
        payloads = []
        for place, each in enumerate(self._listed(intake, predictions)):
            encoded = self._encode_row(intake, f"predictions[{place}]", each)
            ids.append(encoded[0] if encoded else None)
            if encoded:
                payloads.append(encoded[1])
        return ids, payloads

    def _listed(self, intake: Intake, predictions: object) -> list[Any]:
        try:
            return listed("predictions", predictions)
        except InvalidValue as error:
            if self._raises:
                raise
            intake.refuse(error)
            return []

    def _close(self, timeout: float) -> Counters:
        timeout = values.number("timeout", timeout)
        with self._lock:
            self._closed = True
            if self._intake is not None and self._final is None:
                self._intake.closed = True
                assert self._flusher is not None
                self._flusher.stop(timeout)
                self._intake.finish()
                self._final = self._count()
                log.info("prediction logger closed: %s", self._final)
            # Last: what was interrupted before is finished at exit.
            lifetime.release(self)
        return self.counters

    def _flush(self, timeout: float) -> Flushed:
        timeout = values.number("timeout", timeout)
        intake, flusher = self._intake, self._flusher
        arrived = True
        if intake is not None and flusher is not None:
            with flusher.pace.awaited():
                arrived = self._wait(intake, flusher, timeout)
        now = self.counters
        waiting = 0 if arrived else now.buffered + now.spooled
        with self._lock:
            before, self._flushed = self._flushed, now
        return now.since(before, waiting=waiting)

    def _wait(self, intake: Intake, flusher: Flusher, timeout: float) -> bool:
        """Wait until what is there now has arrived; return whether it has."""
        deadline = time.monotonic() + timeout
        have_left_memory = intake.buffer.mark()
        number: int | None = None
        while True:
            if number is None and have_left_memory():
                # What did not go to the database has gone into the spool.
                number = intake.spool.last if intake.spool else 0
            if number is not None and flusher.has_delivered(number):
                return True
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
                self._flusher = Flusher(self._settings, intake, self._registration)
                self._flusher.start()
                lifetime.hold(self)
                # Last: whoever finds it finds the thread running.
                self._intake = intake
            return self._intake

    def _count(self) -> Counters:
        flusher = self._flusher
        return Counters() if flusher is None else flusher.counters()


def not_committed(options: Options) -> Unavailable:
    """Say that a record waits in the spool."""
    return Unavailable(
        f"the prediction was not committed within {options.commit_timeout:g} s: it waits in the "
        "spool and will be written once the database takes it; do not log it again"
    )


def settings_of(db: object) -> Settings:
    """Return where the database is; the logger makes connections of its own to it."""
    if isinstance(db, Settings):
        return db
    if not isinstance(db, Database | AsyncDatabase | str | None):
        problem = f"must be a database, Settings or a connection string, not {kind(db)}"
        raise InvalidValue("db", problem)
    return (db if isinstance(db, Database | AsyncDatabase) else Database(db)).settings
