"""The thread that brings records to the database, again and again until they are there."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..connection.config import Settings
from ..database import Database
from ..errors import LedgerError, PoolExhausted
from .adoption import Adoption
from .causes import CauseLog
from .counters import Counters
from .delivery import Delivery
from .intake import Intake
from .pace import Pace
from .reader import SpoolReader
from .registration import Registration
from .retry import is_outage, is_refusal
from .sink import Sink
from .spool import SpoolFull

logger = logging.getLogger("mlops_ledger.logger")

_REPORT_EVERY = 60.0
_PARTITIONS_EVERY = 3600.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
# Seconds beyond the deadline for what is on its way.
_GRACE = 1.0
# After what only a person can mend, such as a right that is missing.
_LONG_PAUSE = 30.0


class Flusher(threading.Thread):
    """Sends what the intake holds, by size and age, and what earlier processes left."""

    def __init__(self, settings: Settings, intake: Intake, registration: Registration) -> None:
        super().__init__(name="mlops-ledger-logger", daemon=True)
        # Connections of its own: the service's pool may be in use to the last.
        settings = replace(settings, pool_min_size=0, pool_max_size=1, pool_timeout=1.0)
        self.db = Database(settings)
        self.intake = intake
        self.stored = 0
        self.duplicates = 0
        self.batches = 0
        self.failures = 0
        self.circuit_open = False
        self.own: Delivery | None = None
        self.pace = Pace(intake)
        self._sink = Sink(self.db)
        self._registration = registration
        self._causes = CauseLog(logging.WARNING, "predictions become dead letters")
        self._adoption = Adoption(intake.options, self._sink, self._causes)
        self._partitions_next = 0.0
        self._report_next = time.monotonic() + _REPORT_EVERY
        self._reported: Counters | None = None
        self._pause = 0.0
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._last_tries = 10
        self._deadline: float | None = None
        self._behind_since: float | None = None

    @property
    def oldest_unsent_age(self) -> float:
        """Seconds for which there has always been something unsent, 0 when there is nothing."""
        since = self._behind_since
        return 0.0 if since is None else time.monotonic() - since

    def has_delivered(self, number: int) -> bool:
        """Return whether no record up to a number waits in our spool."""
        spool = self.intake.spool
        return spool is None or not spool.waiting() or spool.position >= number

    def counters(self) -> Counters:
        """Take a snapshot of what was done so far."""
        intake, own = self.intake, self.own
        return Counters(
            accepted=intake.accepted,
            stored=self.stored + (own.stored if own else 0),
            duplicates=self.duplicates + (own.duplicates if own else 0),
            dead_lettered=own.dead_lettered if own else 0,
            dropped=intake.dropped,
            refused=intake.refused,
            buffered=len(intake.buffer),
            spooled=intake.spooled,
            replayed=self._adoption.replayed,
            adopted_folders=self._adoption.folders,
            batches=self.batches + (own.batches if own else 0),
            failures=self.failures,
            spool_bytes=intake.spool.bytes if intake.spool else 0,
            oldest_unsent_age_seconds=round(self.oldest_unsent_age, 3),
            circuit_open=self.circuit_open,
            last_error=intake.last_error,
        )

    def run(self) -> None:
        """Work until `stop`."""
        while True:
            if self._pause and self._deadline is not None:
                time.sleep(min(self._pause, _FIRST_PAUSE))
            elif self._pause:
                self._stopping.wait(self._pause)
            else:
                self.intake.wake.wait(self.intake.options.flush_interval)
            self.intake.begin()
            self.intake.sync_left()
            stopping = self._stopping.is_set()
            try:
                self._work()
            except Exception as error:
                self._failed(error)
            self._report()
            if stopping and self._give_up():
                break

    def hurry(self) -> None:
        """Have `stop` return soon."""
        if self._deadline is not None:
            self._deadline = min(self._deadline, time.monotonic() - _GRACE)

    def stop(self, seconds: float) -> None:
        """Send what can be sent in so many seconds, and end."""
        self._deadline = time.monotonic() + seconds
        self.pace.closing = True
        self._stopping.set()
        self.intake.wake.set()
        while self.is_alive() and time.monotonic() < self._deadline + _GRACE:
            # In short steps: the deadline may move.
            self.join(_FIRST_PAUSE)
        self._adoption.close()
        if self.own is not None:
            self.own.reader.close()
        if not self.is_alive():
            self.db.close()

    def _work(self) -> None:
        self._registration.ask(self.db)
        if self._deadline is None:
            self._adoption.look()
        if len(self.intake.buffer) + self.intake.spooled and self._behind_since is None:
            self._behind_since = time.monotonic()
        # A first batch of any size, then only such that are worth a transaction.
        least = 1
        while self._time_left():
            sent = self._step(least)
            self._succeeded()
            if not sent:
                break
            self._prepare_partitions()
            if self._deadline is None and self.intake.options.durability != "database":
                least = self.intake.options.batch_rows // 2
        if not len(self.intake.buffer) + self.intake.spooled:
            self._behind_since = None

    def _step(self, least: int) -> bool:
        """Send a batch, of our own and of an earlier process; return whether there was any."""
        self.pace.look()
        try:
            done = self._send_own(least)
        except LedgerError as error:
            # Another version's may be taken all the same.
            while not is_outage(error) and self._replay():
                pass
            raise
        return self._replay() or done

    def _send_own(self, least: int) -> bool:
        if self.intake.buffer.batch is not None:
            self._send_memory()
        done = self._own_delivery(least)
        if not done and len(self.intake.buffer) >= least:
            # What went into the spool is older.
            done = self._own_delivery(1) or self._send_memory()
        return done

    def _own_delivery(self, least: int) -> bool:
        if self.intake.spool is None:
            return False
        if self.own is None:
            options = self.intake.options
            reader = SpoolReader(self.intake.spool, options.batch_rows)
            root = options.spool_root
            self.own = Delivery(reader, self._sink, root, intake=self.intake, causes=self._causes)
        done = self.own.step(least=least, pace=self.pace)
        if self.own.dead is not None:
            self._note(self.own.dead)
            self.own.dead = None
        return done

    def _send_memory(self) -> bool:
        if (batch := self.intake.take(self.intake.options.batch_rows)) is None:
            return False
        idempotency_key, payloads = batch
        try:
            written = self._sink.store(payloads, idempotency_key=idempotency_key, pace=self.pace)
        except LedgerError as error:
            if not is_refusal(error):
                raise
            # In the spool it is divided until the rows that are refused are found.
            self.intake.spill(batch_too=True)
            return True
        self.stored += written.stored
        self.duplicates += written.duplicates
        self.batches += 1
        self.intake.buffer.taken()
        return True

    def _replay(self) -> bool:
        """Send a batch that an earlier process left; return whether there was one."""
        if self._deadline is not None:
            return False
        try:
            return self._adoption.step(self.pace)
        finally:
            if self._adoption.problem is not None:
                self._note(self._adoption.problem)
                self._adoption.problem = None

    def _prepare_partitions(self) -> None:
        """Make tomorrow's partition ahead, so that midnight's first write need not wait for it."""
        if time.monotonic() < self._partitions_next:
            return
        self._partitions_next = time.monotonic() + _PARTITIONS_EVERY
        try:
            self._sink.ensure_partitions(until=datetime.now(UTC) + timedelta(days=1))
        except LedgerError as error:
            logger.debug("tomorrow's partition was not made: %s", error)

    def _report(self) -> None:
        """Write the counters into the log, once a minute when they changed."""
        if time.monotonic() < self._report_next:
            return
        self._report_next = time.monotonic() + _REPORT_EVERY
        counters = replace(self.counters(), oldest_unsent_age_seconds=0.0)
        if counters not in (self._reported, Counters()):
            logger.info("prediction logger: %s", self.counters())
        self._reported = counters

    def _give_up(self) -> bool:
        """Return whether all is sent, the timeout has passed, or the last attempts failed too."""
        self._last_tries -= 1
        return not (self.circuit_open and self._time_left() and self._last_tries)

    def _time_left(self) -> bool:
        return self._deadline is None or time.monotonic() < self._deadline

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        before, self._problem = self._problem, self._note(error)
        outage = is_outage(error)
        if self._problem != before:
            if outage:
                logger.warning("predictions wait for the database: %s", self._problem)
            else:
                logger.error("predictions cannot be stored and wait: %s", self._problem)
        self.circuit_open = True
        if outage:
            self._pause = min(max(_FIRST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)
        else:
            self._pause = _LONG_PAUSE
        self._pause *= random.uniform(0.8, 1.2)
        self.intake.relieve()
        if self.intake.spool is not None:
            self.intake.spool.folder.note_problem(self._problem)

    def _succeeded(self) -> None:
        if self.circuit_open:
            logger.warning("predictions are written to the database again")
            if self.intake.spool is not None:
                self.intake.spool.folder.note_problem(None)
        self.circuit_open = False
        self._problem = None
        self._pause = 0.0

    def _note(self, error: Exception) -> str:
        known = isinstance(error, LedgerError | SpoolFull)
        text = str(error) if known else type(error).__name__
        if isinstance(error, PoolExhausted):
            # Its advice is for the pool of the service; this one has a single user.
            text = "the connection to the database is not back yet"
        self.intake.last_error = text
        return self.intake.last_error
