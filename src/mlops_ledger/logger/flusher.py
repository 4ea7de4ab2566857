"""The thread that brings records to the database, again and again until they are there."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import replace

from .._sync.predictions import PredictionsRepository
from ..config import Settings
from ..database import Database
from ..errors import LedgerError
from .delivery import Delivery, is_refusal, unpack
from .drain import Drain
from .intake import Intake
from .spool import Spool, SpoolFull, folders

logger = logging.getLogger("mlops_ledger.logger")

_ADOPT_EVERY = 60.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0


class Flusher(threading.Thread):
    """Sends what the intake holds, by size and age, and what earlier processes left."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        super().__init__(name="mlops-ledger-logger", daemon=True)
        # Connections of its own: the service's pool may be in use to the last.
        settings = replace(settings, pool_min_size=0, pool_max_size=1, pool_timeout=1.0)
        self.db = Database(settings)
        self.intake = intake
        self.stored = 0
        self.duplicates = 0
        self.batches = 0
        self.failures = 0
        self.replayed = 0
        self.adopted_folders = 0
        self.last_error: str | None = None
        self.circuit_open = False
        self.own: Delivery | None = None
        self._sink = PredictionsRepository(self.db)
        self._adopted: list[Delivery] = []
        self._adopt_next = 0.0
        self._pause = 0.0
        self._stopping = threading.Event()
        self._last_tries = 10
        self._deadline: float | None = None
        self._behind_since: float | None = None

    @property
    def oldest_unsent_age(self) -> float:
        """Seconds for which there has always been something unsent, 0 when there is nothing."""
        since = self._behind_since
        return 0.0 if since is None else time.monotonic() - since

    def run(self) -> None:
        """Work until `stop`."""
        while True:
            if self._pause and self._deadline is not None:
                time.sleep(min(self._pause, _FIRST_PAUSE))
            elif self._pause:
                self._stopping.wait(self._pause)
            else:
                self.intake.wake.wait(self.intake.options.flush_interval)
            self.intake.wake.clear()
            stopping = self._stopping.is_set()
            try:
                self._work()
            except Exception as error:
                self._failed(error)
            else:
                self._succeeded()
            if stopping and self._give_up():
                break

    def stop(self, seconds: float) -> None:
        """Send what can be sent in so many seconds, and end."""
        self._deadline = time.monotonic() + seconds
        self._stopping.set()
        self.intake.wake.set()
        if self.is_alive():
            self.join(seconds + 1)
        for delivery in [*self._adopted, *([self.own] if self.own else [])]:
            delivery.drain.close()
        for delivery in self._adopted:
            delivery.drain.spool.release()
        if not self.is_alive():
            self.db.close()

    def _work(self) -> None:
        if self._deadline is None and time.monotonic() >= self._adopt_next:
            self._adopt()
        if self.intake.buffered + self.intake.spooled and self._behind_since is None:
            self._behind_since = time.monotonic()
        # A first batch of any size, then only such that are worth a transaction.
        least = 1
        patient = self._deadline is None
        while self._time_left() and self._step(least, patient):
            self._succeeded()
            if patient and self.intake.options.durability != "database":
                least = self.intake.options.batch_rows // 2
        if not self.intake.buffered + self.intake.spooled:
            self._behind_since = None

    def _step(self, least: int, patient: bool) -> bool:
        """Send a batch, of our own and of an earlier process; return whether there was any."""
        if self.intake.holds_batch:
            self._send_memory(patient)
        done = self._own_delivery(least, patient)
        if not done and self.intake.buffered >= least:
            done = self._send_memory(patient)
        if self._deadline is None:
            done = self._replay(patient) or done
        return done

    def _own_delivery(self, least: int, patient: bool) -> bool:
        if self.intake.spool is None:
            return False
        if self.own is None:
            options = self.intake.options
            drain = Drain(self.intake.spool, options.batch_rows)
            self.own = Delivery(drain, self._sink, options.spool_root, self.intake)
        done = self.own.step(least=least, patient=patient)
        if self.own.dead is not None:
            self._note(self.own.dead)
            self.own.dead = None
        return done

    def _send_memory(self, patient: bool) -> bool:
        if (batch := self.intake.take()) is None:
            return False
        write_id, payloads = batch
        try:
            rows = unpack(payloads, patient=patient)
            written = self._sink.insert_many(rows=rows, write_id=write_id)
        except LedgerError as error:
            if not is_refusal(error):
                raise
            # In the spool it is divided until the rows that are refused are found.
            self.intake.spill(batch_too=True)
            return True
        self.stored += written.stored
        self.duplicates += written.duplicates
        self.batches += 1
        self.intake.taken()
        return True

    def _adopt(self) -> None:
        self._adopt_next = time.monotonic() + _ADOPT_EVERY
        options = self.intake.options
        for folder in folders(options.spool_root):
            if (spool := Spool.adopt(folder)) is not None:
                self.adopted_folders += 1
                drain = Drain(spool, options.batch_rows)
                self._adopted.append(Delivery(drain, self._sink, options.spool_root))

    def _replay(self, patient: bool) -> bool:
        """Send a batch that an earlier process left; return whether there was one."""
        while self._adopted:
            delivery = self._adopted[0]
            before = delivery.settled
            if delivery.step(patient=patient):
                self.replayed += delivery.settled - before
                return True
            delivery.drain.close()
            delivery.drain.spool.release()
            self._adopted.pop(0)
        return False

    def _give_up(self) -> bool:
        """Return whether all is sent, time is up, or the last tries before the end failed too."""
        self._last_tries -= 1
        return not (self.circuit_open and self._time_left() and self._last_tries)

    def _time_left(self) -> bool:
        return self._deadline is None or time.monotonic() < self._deadline

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._note(error)
        if not self.circuit_open:
            logger.warning("predictions wait for the database: %s", self.last_error)
        self.circuit_open = True
        self._pause = min(max(_FIRST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)
        self._pause *= random.uniform(0.8, 1.2)
        self.intake.ease()

    def _succeeded(self) -> None:
        if self.circuit_open:
            logger.warning("predictions are written to the database again")
        self.circuit_open = False
        self._pause = 0.0

    def _note(self, error: Exception) -> None:
        known = isinstance(error, LedgerError | SpoolFull)
        text = str(error) if known else f"{type(error).__name__}"
        self.last_error = text
