"""Takes records in: into the spool, or into memory and from there into the spool."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from ..errors import InvalidValue, LedgerError, Unavailable
from .buffer import Buffer
from .causes import CauseLog
from .options import Options
from .spool import Spool, SpoolFull, has_room
from .waiters import OnDelivery, Waiters

# Records that go from memory into the spool in one go: a call must not pay for many others.
_PIECE: Final = 100
# Seconds until a call retries a write where there only seemed to be room.
_RETRY: Final = 0.1


class Intake:
    """The records of one logger in one process that are not in the database yet."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.wake = threading.Event()
        self.buffer = Buffer()
        self.refused = 0
        self.closed = False
        self.spool: Spool | None = None
        self.last_error: str | None = None
        self._memory = options.durability == "memory"
        # At level database the calls wait for the delivery.
        self._wake_at = 1 if options.durability == "database" else options.batch_rows
        self._lock = threading.RLock()
        self.waiters = Waiters(self._lock)
        self._since_wake = 0
        # The number of the last record at the last look for those that are left unsynced.
        self._left = 0
        # What was dropped without ever being kept.
        self._turned_away = 0
        self._blocked: str | None = None
        self._retry_at = 0.0
        self._drops = CauseLog(logging.ERROR, "predictions are being dropped")
        self._refusals = CauseLog(logging.WARNING, "predictions are refused and not logged")

    @property
    def accepted(self) -> int:
        """The number of records that were taken, or dropped in the place of others."""
        spooled = self.spool.taken if self.spool else 0
        return (self.buffer.entered if self._memory else spooled) + self._turned_away

    @property
    def dropped(self) -> int:
        """The number of records that are accepted and lost."""
        spooled = self.spool.dropped if self.spool else 0
        return self.buffer.dropped + spooled + self._turned_away

    def accept(
        self,
        payloads: Sequence[bytes],
        *,
        wait: bool = True,
        on_delivery: OnDelivery | None = None,
    ) -> int:
        """Keep records, all or none, and return the number of the last, or 0 when it has none.

        `on_delivery` is called for each once it is in the database, or refused. Raises Unavailable
        when there is no room, SpoolFull instead of waiting for room without `wait`.
        """
        while True:
            try:
                return self.keep(payloads, on_delivery)
            except SpoolFull as full:
                if not self._make_room(full, len(payloads), wait):
                    return 0

    def keep(self, payloads: Sequence[bytes], on_delivery: OnDelivery | None = None) -> int:
        """Keep records as `accept` does where there is room. Raises SpoolFull."""
        count = len(payloads)
        last = 0
        with self._lock:
            # Within the lock: what is kept after `finish` nobody would send.
            if self.closed:
                raise LedgerError("the prediction logger is closed: make another")
            if self._memory:
                while self.buffer.pending + count > self.options.buffer_rows:
                    if not self._spill_piece():
                        break
                self.buffer.extend(payloads)
            else:
                last = (self.spool or self._spool()).append(payloads)
            if on_delivery is not None:
                self.waiters.add(range(last - count + 1, last + 1), on_delivery)
            self._since_wake += count
            if self._since_wake >= self._wake_at:
                self._since_wake = 0
                self.wake.set()
        return last

    def begin(self) -> None:
        """Have `wake` set when another batch is there: what is there now is about to be sent."""
        self.wake.clear()
        self._since_wake = 0

    def refuse(self, error: InvalidValue) -> None:
        """Count a prediction that was not taken for its values, and say so in the log."""
        with self._lock:
            self.refused += 1
        self._refusals.add(str(error))

    def sync(self, number: int) -> None:
        """Return when a record is on the disk. Raises Unavailable."""
        while number and self.spool is not None:
            try:
                self.spool.sync(number)
                return
            except SpoolFull as full:
                if self.options.overflow == "raise" or self.closed:
                    raise Unavailable(f"{full}: the prediction may not survive a crash") from None
                self._make_room(full, 0, wait=True)

    def sync_left(self) -> None:
        """Sync what was there at the last call: what is there still, its own call has left.

        That was cancelled, or interrupted by a signal.
        """
        if self.spool is not None:
            before, self._left = self._left, self.spool.last
            # The calls that come find out that the disk is full, and retry.
            with suppress(SpoolFull):
                self.spool.sync(before)

    def take(self, limit: int) -> tuple[UUID, list[bytes]] | None:
        """Return a batch from memory; see `Buffer.take`. Never of what is being spilled."""
        with self._lock:
            return self.buffer.take(limit)

    def spill(self, *, batch_too: bool = False) -> None:
        """Move memory into the spool, piece by piece; the batch first, when asked to.

        Raises SpoolFull.
        """
        if batch_too:
            with self._lock:
                if self.buffer.batch is not None:
                    self._move(batch := self.buffer.batch[1], batch)
                    self.buffer.taken()
        while True:
            with self._lock:
                if not self._spill_piece():
                    return

    def relieve(self) -> None:
        """Move memory into the spool when it is half full."""
        if self.buffer.pending > self.options.buffer_rows // 2:
            try:
                self.spill(batch_too=True)
            except SpoolFull as full:
                self.last_error = str(full)

    @property
    def spooled(self) -> int:
        """The number of records in the spool."""
        return self.spool.waiting() if self.spool else 0

    def finish(self) -> None:
        """Take nothing more; leave what is there in the spool, on the disk."""
        with self._lock:
            self.closed = True
            try:
                self.spill(batch_too=True)
            except SpoolFull as full:
                self._say_dropped(self.buffer.clear(), f"lost at exit: {full}")
            if self.spool is not None:
                try:
                    self.spool.sync()
                except SpoolFull as full:
                    self._say_dropped(self.spool.discard(), f"lost at exit: {full}")
                self.spool.release()

    def _spill_piece(self) -> bool:
        """Move the oldest records into the spool; return whether there were any."""
        if piece := self.buffer.oldest(_PIECE):
            self._move(piece, self.buffer.records)
        return bool(piece)

    def _move(self, records: Sequence[bytes], out_of: list[bytes]) -> None:
        """Move records into the spool, in the place of older ones where that is the policy."""
        while True:
            try:
                self._append(records, out_of)
                return
            except SpoolFull as full:
                may_drop = self.options.overflow == "drop_oldest"
                dropped = self.spool.drop_oldest() if may_drop and self.spool else 0
                if not self._say_dropped(dropped, str(full)):
                    raise
                self._blocked = None

    def _append(self, records: Sequence[bytes], out_of: list[bytes]) -> None:
        """Move records; while the disk is known to be full, raise SpoolFull without a try."""
        if self._blocked is not None:
            too_early = time.monotonic() < self._retry_at
            if too_early or not has_room(self.options.spool_root):
                raise SpoolFull(self._blocked)
        try:
            self._spool().append(records, out_of=out_of)
        except SpoolFull as full:
            self._blocked = str(full)
            if has_room(self.options.spool_root):
                self._retry_at = time.monotonic() + _RETRY
            raise
        self._blocked = None

    def _spool(self) -> Spool:
        if self.spool is None:
            try:
                self.spool = Spool.create(
                    self.options.spool_root,
                    self.options.spool_bytes,
                    target=self.options.target,
                    durable=self.options.durability == "disk",
                )
            except OSError as error:
                raise SpoolFull(f"the spool cannot be made: {error.strerror}") from None
        return self.spool

    def _make_room(self, full: SpoolFull, count: int, wait: bool) -> bool:
        """Apply the policy for a full spool to so many new records; return whether to retry."""
        self.wake.set()
        if self.options.overflow == "drop_oldest":
            return self._drop_oldest(str(full), count)
        if self.options.overflow == "raise":
            raise Unavailable(
                f"{full} and the database does not take the records: the prediction was not logged"
            )
        if not wait:
            raise full
        time.sleep(0.02)
        return True

    def _drop_oldest(self, why: str, count: int) -> bool:
        with self._lock:
            if self._memory:
                dropped = self.buffer.discard(count)
            else:
                dropped = self.spool.drop_oldest() or self.spool.discard() if self.spool else 0
            if self._say_dropped(dropped, why):
                return True
            # Nothing older can go, so it is the new ones.
            self._turned_away += count
            self._say_dropped(count, why)
        return False

    def _say_dropped(self, count: int, why: str) -> int:
        if count:
            self.last_error = f"predictions were dropped: {why}"
            self._drops.add(why, count)
        return count
