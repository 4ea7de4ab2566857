"""Records in memory, and the batch of them that is on its way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from uuid import UUID

from ..ids import new_id


class Buffer:
    """The records that are neither in the spool nor in the database, oldest first."""

    def __init__(self) -> None:
        self.batch: tuple[UUID, list[bytes]] | None = None
        self._records: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._entered = 0

    def __len__(self) -> int:
        """Count all, those of the batch too."""
        with self._lock:
            return self._count()

    @property
    def pending(self) -> int:
        """The number of records that are not in the batch."""
        return len(self._records)

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add records."""
        with self._lock:
            self._records.extend(payloads)
            self._entered += len(payloads)

    def take(self, limit: int) -> tuple[UUID, list[bytes]] | None:
        """Return a batch of at most `limit` records with its idempotency key.

        It is the same until it is given to `taken`.
        """
        with self._lock:
            if self.batch is None and self._records:
                count = min(len(self._records), limit)
                self.batch = new_id(), [self._records.popleft() for _ in range(count)]
            return self.batch

    def taken(self) -> None:
        """Forget the batch that `take` returned."""
        with self._lock:
            self.batch = None

    def oldest(self, count: int) -> list[bytes]:
        """Return the oldest records that are not in the batch."""
        with self._lock:
            return list(islice(self._records, count))

    def discard(self, count: int) -> int:
        """Forget that many of the oldest that are not in the batch; return how many there were."""
        with self._lock:
            count = min(count, len(self._records))
            for _ in range(count):
                self._records.popleft()
            return count

    def mark(self) -> Callable[[], bool]:
        """Return what tells whether the records that are here now have left."""
        with self._lock:
            batch, entered = self.batch, self._entered

        def have_left() -> bool:
            with self._lock:
                # Those dropped meanwhile may be younger than the batch.
                sent = batch is None or self.batch is not batch
                return sent and self._entered - self._count() >= entered

        return have_left

    def _count(self) -> int:
        return len(self._records) + (len(self.batch[1]) if self.batch else 0)
