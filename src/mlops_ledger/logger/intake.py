"""Takes records in: into the spool, or into memory and from there into the spool."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from uuid import UUID

from ..errors import LedgerError, Unavailable
from ..ids import new_id
from .options import Options
from .spool import Spool, SpoolFull

logger = logging.getLogger("mlops_ledger.logger")

# Called when a record is in the database, or with the reason why it never will be.
OnDelivery = Callable[[LedgerError | None], None]


class Intake:
    """The records of one logger in one process that are not in the database yet."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.wake = threading.Event()
        self.accepted = 0
        self.dropped = 0
        self.closed = False
        self.spool: Spool | None = None
        self._memory = options.durability == "memory"
        self._eager = options.durability == "database"
        self._lock = threading.RLock()
        self._buffer: deque[bytes] = deque()
        self._batch: tuple[UUID, list[bytes]] | None = None
        self._waiters: list[tuple[int, int, OnDelivery]] = []
        self._order = itertools.count()
        self._since_wake = 0
        self._entered = 0

    def accept(
        self, payloads: Sequence[bytes], *, wait: bool = True, on_delivery: OnDelivery | None = None
    ) -> int:
        """Keep records, all or none, and return the number of the last, or 0 when it has none.

        `on_delivery` is called for each once it is in the database, or refused. Raises Unavailable
        when there is no room, SpoolFull instead of waiting for room without `wait`.
        """
        number = 0
        while True:
            try:
                number = self._keep(payloads, on_delivery)
                break
            except SpoolFull as full:
                if not self._make_room(full, len(payloads), wait):
                    break
        self._since_wake += len(payloads)
        if self._eager or self._since_wake >= self.options.batch_rows:
            self._since_wake = 0
            self.wake.set()
        return number

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

    def tell(self, last: int, reason: LedgerError | None) -> None:
        """Call whoever waits for records up to a number."""
        while True:
            with self._lock:
                if not self._waiters or self._waiters[0][0] > last:
                    return
                _, _, on_delivery = heapq.heappop(self._waiters)
            on_delivery(reason)

    def take(self) -> tuple[UUID, list[bytes]] | None:
        """Return a batch from memory with its id: the same until it is given to `taken`."""
        with self._lock:
            if self._batch is None and self._buffer:
                count = min(len(self._buffer), self.options.batch_rows)
                self._batch = new_id(), [self._buffer.popleft() for _ in range(count)]
            return self._batch

    def taken(self) -> None:
        """Forget the batch that `take` returned."""
        self._batch = None

    def spill(self, *, batch_too: bool = False) -> None:
        """Move memory into the spool, the batch that was taken only when asked to.

        Raises SpoolFull.
        """
        with self._lock:
            taken = self._batch[1] if self._batch and batch_too else []
            if pending := [*taken, *self._buffer]:
                self._spool().append(pending)
                self._buffer.clear()
            if batch_too:
                self._batch = None

    def mark(self) -> Callable[[], bool]:
        """Return what tells whether the records that are in memory now have left it."""
        with self._lock:
            batch, entered = self._batch, self._entered

        def have_left() -> bool:
            with self._lock:
                # Those dropped meanwhile may be younger than the batch.
                sent = batch is None or self._batch is not batch
                return sent and self._entered - self.buffered >= entered

        return have_left

    def ease(self) -> None:
        """Move memory into the spool when it is half full."""
        if len(self._buffer) > self.options.buffer_rows // 2:
            try:
                self.spill(batch_too=True)
            except SpoolFull:
                logger.debug("no room in the spool, memory goes on filling")

    @property
    def holds_batch(self) -> bool:
        """Whether a batch was taken and not yet sent."""
        return self._batch is not None

    @property
    def buffered(self) -> int:
        """The number of records in memory."""
        with self._lock:
            return len(self._buffer) + (len(self._batch[1]) if self._batch else 0)

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
                lost = self.buffered
                self._drop(lost, f"lost at exit: {full}")
                self._batch = None
                self._buffer.clear()
            if self.spool is not None:
                try:
                    self.spool.sync()
                except SpoolFull as full:
                    self._drop(self.spool.discard(), f"lost at exit: {full}")
                self.spool.release()

    def _keep(self, payloads: Sequence[bytes], on_delivery: OnDelivery | None) -> int:
        if self.closed:
            raise LedgerError("the prediction logger is closed: make another")
        with self._lock:
            last = 0
            if not self._memory:
                last = (self.spool or self._spool()).append(payloads)
            else:
                if len(self._buffer) + len(payloads) > self.options.buffer_rows:
                    self.spill()
                self._buffer.extend(payloads)
                self._entered += len(payloads)
            self.accepted += len(payloads)
            # Under the lock that `tell` takes too: they may be delivered at any time.
            if on_delivery is not None:
                for number in range(last - len(payloads) + 1, last + 1):
                    heapq.heappush(self._waiters, (number, next(self._order), on_delivery))
        return last

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
        """Apply the policy for a full spool to so many new records; return whether to try again."""
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
            if self._memory and self._buffer:
                dropped = min(len(self._buffer), count)
                for _ in range(dropped):
                    self._buffer.popleft()
            else:
                dropped = self.spool.drop_oldest() or self.spool.discard() if self.spool else 0
            if dropped:
                self._drop(dropped, why)
                return True
            # Nothing older can go, so it is the new ones.
            self.accepted += count
            self._drop(count, why)
        return False

    def _drop(self, count: int, why: str) -> None:
        if count and not self.dropped:
            logger.error("predictions are being dropped: %s", why)
        self.dropped += count
