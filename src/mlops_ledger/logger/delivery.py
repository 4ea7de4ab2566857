"""Sends the batches of a spool to the database and finds the rows that it refuses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from ..errors import Conflict, InvalidValue, LedgerError, NotFound
from ..rows import Written
from .deadletters import bury
from .drain import Drain
from .intake import Intake
from .records import decode
from .segments import Record

_ROW: Final = re.compile(r"rows\[(\d+)\]\.?(.*)")
# The interpreter lets another thread run every 5 ms only: rest before a caller has to wait.
_AT_ONCE: Final = 16
_REST: Final = 5e-5


class Sink(Protocol):
    """Where batches go."""

    def insert_many(self, *, rows: Iterable[Mapping[str, Any]], write_id: UUID) -> Written:
        """Store rows in one transaction, once for each `write_id`."""


class Delivery:
    """The batches of one drain on their way; counts what became of the records.

    `intake` hears of each record that is settled, if there is one.
    """

    def __init__(self, drain: Drain, sink: Sink, root: Path, intake: Intake | None = None) -> None:
        self.drain = drain
        self.stored = 0
        self.duplicates = 0
        self.dead_lettered = 0
        self.batches = 0
        self.dead: Exception | None = None
        self._sink = sink
        self._root = root
        self._intake = intake

    @property
    def settled(self) -> int:
        """The number of records that are done with."""
        return self.stored + self.duplicates + self.dead_lettered

    def step(self, *, least: int = 1, patient: bool = True) -> bool:
        """Send a batch of at least so many records; return whether there was one.

        `patient` leaves room for the threads of the service. Raises LedgerError when the database
        does not take it, OSError when the spool cannot be read.
        """
        records = self.drain.batch()
        if len(records) < min(least, self.drain.limit):
            return False
        write_id = self.drain.begin(records)
        rows = unpack([record.payload for record in records], patient=patient)
        try:
            written = self._sink.insert_many(rows=rows, write_id=write_id)
        except Conflict:
            # A damaged segment gave other rows than those that the id was made for.
            self.drain.renew()
            raise
        except LedgerError as error:
            if not is_refusal(error):
                raise
            self._refused(records, error)
        except (TypeError, ValueError, OverflowError) as error:
            self._refused(records, error)
        else:
            self.batches += 1
            self.stored += written.stored
            self.duplicates += written.duplicates
            self._settle(records, None)
        return True

    def _refused(self, records: list[Record], error: Exception) -> None:
        """Bury the record that was refused, or narrow down which it is."""
        named = _ROW.match(error.field) if isinstance(error, InvalidValue) else None
        place = int(named[1]) if named else None
        if isinstance(error, NotFound):
            # All records of a spool are of one version.
            self._bury(records, error)
        elif place == 0 or len(records) == 1:
            self._bury(records[:1], _of_one_row(error))
        else:
            self.drain.divide(len(records) // 2 if place is None else place)

    def _bury(self, records: list[Record], error: Exception) -> None:
        bury(self._root, records, error)
        self.dead = error
        self.dead_lettered += len(records)
        self._settle(records, error if isinstance(error, LedgerError) else LedgerError(str(error)))

    def _settle(self, records: list[Record], reason: LedgerError | None) -> None:
        self.drain.settle(records)
        if self._intake is not None:
            self._intake.tell(records[-1].sequence, reason)


def is_refusal(error: LedgerError) -> bool:
    """Return whether the database objects to the rows themselves, so that no retry helps."""
    return isinstance(error, InvalidValue | NotFound)


def unpack(payloads: list[bytes], *, patient: bool) -> Iterator[dict[str, Any]]:
    """Yield records as rows, resting in between."""
    for number, payload in enumerate(payloads, 1):
        if patient and number % _AT_ONCE == 0:
            time.sleep(_REST)
        yield decode(payload)


def _of_one_row(error: Exception) -> Exception:
    if isinstance(error, InvalidValue) and (named := _ROW.match(error.field)):
        return InvalidValue(named[2] or "row", error.problem)
    return error
