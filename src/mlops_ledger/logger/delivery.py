"""Sends the batches of a spool to the database and finds the rows that it refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from ..errors import Conflict, InvalidValue, LedgerError, NotFound
from ..rows import Written
from .causes import CauseLog
from .dead_letters import write_dead_letters
from .intake import Intake
from .pace import Pace
from .reader import SpoolReader
from .segments import Record
from .sink import Sink


class Delivery:
    """Sends the batches of a reader; counts what became of the records.

    `intake` hears what became of each record, if there is one.
    """

    def __init__(
        self,
        reader: SpoolReader,
        sink: Sink,
        root: Path,
        *,
        intake: Intake | None = None,
        causes: CauseLog | None = None,
    ) -> None:
        self.reader = reader
        self.stored = 0
        self.duplicates = 0
        self.dead_lettered = 0
        self.batches = 0
        self.dead: Exception | None = None
        self._sink = sink
        self._root = root
        self._intake = intake
        self._causes = causes
        self._renewed = False
        self._written: Written | None = None

    @property
    def delivered(self) -> int:
        """The number of records that are done with."""
        return self.stored + self.duplicates + self.dead_lettered

    def step(self, *, least: int = 1, pace: Pace | None = None) -> bool:
        """Send a batch of at least so many records; return whether there was one.

        Raises LedgerError when the database does not take it, OSError when the spool cannot be
        read.
        """
        records = self.reader.batch(pace=pace)
        if len(records) < min(least, self.reader.limit):
            return False
        idempotency_key = self.reader.begin(records)
        try:
            self._written = self._send(records, idempotency_key, pace)
        except (InvalidValue, TypeError, ValueError, OverflowError) as error:
            self._refused(records, idempotency_key, error, pace)
        except NotFound as error:
            # All records of a spool are of one version.
            self._acknowledge(records, dict.fromkeys(range(len(records)), error))
        except Conflict as error:
            if self._renewed:
                self._divide(records, error)
            else:
                # A damaged segment gave other rows than those that the id was made for.
                self._renewed = True
                self.reader.renew()
        else:
            self._acknowledge(records, {})
        return True

    def close(self) -> None:
        """Give the spool back, with what is not delivered yet."""
        self.reader.close()
        self.reader.spool.release()

    def _send(self, records: list[Record], idempotency_key: UUID, pace: Pace | None) -> Written:
        payloads = [record.payload for record in records]
        written = self._sink.store(payloads, idempotency_key=idempotency_key, pace=pace)
        self.batches += 1
        return written

    def _refused(
        self, records: list[Record], idempotency_key: UUID, error: Exception, pace: Pace | None
    ) -> None:
        """Send what can be seen to be right; the rest become dead letters, or are narrowed down."""
        payloads = [record.payload for record in records]
        refused = self._sink.refused(payloads, pace=pace)
        if not refused:
            self._divide(records, error)
            return
        right = [record for place, record in enumerate(records) if place not in refused]
        try:
            # Sent already, when only its dead letters could not be written the last time.
            if right and self._written is None:
                self._written = self._send(right, idempotency_key, pace)
        except (InvalidValue, Conflict):
            # The server refuses more; nothing is done yet.
            self.reader.divide(len(records) // 2)
        else:
            self._acknowledge(records, refused)

    def _divide(self, records: list[Record], error: Exception) -> None:
        """Make a dead letter of the one record that is refused, or send half of them."""
        if len(records) == 1:
            self._acknowledge(records, {0: error})
        else:
            self.reader.divide(len(records) // 2)

    def _acknowledge(self, records: list[Record], refused: Mapping[int, Exception]) -> None:
        """Acknowledge a batch, of which those at some places were refused."""
        if refused:
            letters = [(records[place].payload, refused[place]) for place in refused]
            write_dead_letters(self._root, letters, target=self.reader.spool.folder.target)
            self.dead = refused[max(refused)]
            self.dead_lettered += len(refused)
            self._warn(refused.values())
        if self._written is not None:
            self.stored += self._written.stored
            self.duplicates += self._written.duplicates
        self._written = None
        self._renewed = False
        self.reader.acknowledge(records)
        if self._intake is not None:
            for place, error in refused.items():
                number = records[place].sequence
                self._intake.waiters.notify(number - 1, None)
                self._intake.waiters.notify(number, _told(error))
            self._intake.waiters.notify(records[-1].sequence, None)

    def _warn(self, errors: Iterable[Exception]) -> None:
        if self._causes is not None:
            for cause, count in Counter(map(str, errors)).items():
                self._causes.add(cause, count)


def _told(error: Exception) -> LedgerError:
    return error if isinstance(error, LedgerError) else LedgerError(str(error))
