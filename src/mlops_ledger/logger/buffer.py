"""Records in memory, and the batch of them that is on its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from uuid import UUID

from ..ids import new_id


class Buffer:
    """The records that are neither in the spool nor in the database, oldest first.

    A count changes together with what it counts, with no call in between: the handler of a signal
    may raise wherever one returns.
    """

    def __init__(self) -> None:
        self.batch: tuple[UUID, list[bytes]] | None = None
        # Those that are not in the batch; the spool takes them out of here.
        self.records: list[bytes] = []
        self.entered = 0
        self.dropped = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count all, those of the batch too."""
        with self._lock:
            return self._count()

    @property
    def pending(self) -> int:
        """The number of records that are not in the batch."""
        return len(self.records)

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add records."""
        with self._lock:
            self.entered += len(payloads)
            self.records += payloads

    def take(self, limit: int) -> tuple[UUID, list[bytes]] | None:
        """Return a batch of at most `limit` records with its idempotency key.

        It is the same until it is given to `taken`, or the spool has taken it.
        """
        with self._lock:
            if self.batch is not None and not self.batch[1]:
                self.batch = None
            if self.batch is None and self.records:
                self.batch = new_id(), self.records[:limit]
                del self.records[:limit]
            # A copy: it may go into the spool while it is on its way.
            return None if self.batch is None else (self.batch[0], list(self.batch[1]))

    def taken(self) -> None:
        """Forget the batch that `take` returned."""
        with self._lock:
            self.batch = None

    def oldest(self, count: int) -> list[bytes]:
        """Return the oldest records that are not in the batch."""
        with self._lock:
            return self.records[:count]

    def discard(self, count: int) -> int:
        """Drop that many of the oldest that are not in the batch; return how many there were."""
        with self._lock:
            count = min(count, len(self.records))
            self.dropped += count
            del self.records[:count]
            return count

    def clear(self) -> int:
        """Drop all, those of the batch too; return how many there were."""
        with self._lock:
            count = self._count()
            self.dropped += count
            self.batch = None
            del self.records[:]
            return count

    def mark(self) -> Callable[[], bool]:
        """Return what tells whether the records that are here now have left."""
        with self._lock:
            batch, entered = self.batch, self.entered

        def have_left() -> bool:
            with self._lock:
                # Those dropped meanwhile may be younger than the batch.
                sent = batch is None or self.batch is not batch
                return sent and self.entered - self._count() >= entered

        return have_left

    def _count(self) -> int:
        return len(self.records) + (len(self.batch[1]) if self.batch else 0)
