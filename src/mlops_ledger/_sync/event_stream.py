# Generated from src/mlops_ledger/_async/event_stream.py by tools/unasync.py: edit that file, then run `make sync`.
"""Events one after the other, with a durable cursor, for as long as somebody wants them."""

from __future__ import annotations

import logging
from time import sleep
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import Connection

from ..checks.values import integer, number, texts
from ..connection import connections
from ..errors import InvalidValue, LedgerError, Unavailable
from ..rows import Event
from .database import Database
from .events import EventsRepository

logger = logging.getLogger("mlops_ledger.events")

# Entries of the log that are read at once; what a killed consumer sees again at most.
_PAGE: Final = 500
# A cursor is saved at the end of a page, and within a page no more often than so (seconds).
_SAVED_EVERY: Final = 0.2


def events(
    db: Database,
    *,
    consumer: str | None = None,
    after: int = 0,
    types: Sequence[str] | None = None,
    model_name: str | None = None,
    follow: bool = True,
    poll: float = 1.0,
) -> Iterator[Event]:
    """Yield events in the order in which they were committed, and wait for more with `follow`.

    With `consumer` the database remembers under that name what was dealt with: an event is dealt
    with when the next one is asked for. A consumer that died goes on there and sees at most 500
    events again; none is missed. A new one, and whoever gives no name, begins `after` an event, by
    default before the first. `types` and `model_name` say which events.

    New events are looked for every `poll` seconds, and at once when the server announces them,
    which no transaction pooler lets through. A follower waits for a database that is away. Raises
    Conflict when another role has made the consumer, InvalidValue for an unknown type.
    """
    if not 0 < number("poll", poll) <= 3600:
        raise InvalidValue("poll", "must be above 0 and at most 3600 seconds")
    db = connections.require_database(db, Database)
    cursor, waker = _Cursor(db, consumer, after), Waker(db, poll)
    if types is not None:
        cursor.require_known(types)
    cursor.start()
    try:
        while True:
            try:
                until = cursor.save_and_look()
                is_new = until > cursor.seq
                page = cursor.page(until, types, model_name) if is_new else []
            except Unavailable as error:
                if not follow:
                    raise
                logger.warning("events: %s", error)
                sleep(poll)
                continue
            for event in page:
                yield event
                cursor.move(event.seq)
            # Entries at the end of the page that are no events are dealt with too.
            cursor.seq = until
            if not is_new:
                if not follow:
                    return
                waker.wait()
    finally:
        waker.close()
        cursor.close()


class _Cursor:
    """Where a reader of events is, and how much of that the database knows."""

    def __init__(self, db: Database, consumer: str | None, after: int) -> None:
        self._db = db
        self._repository = EventsRepository(db)
        self._consumer = consumer
        self.seq = integer(64)("after", after)
        self._saved, self._saved_at = self.seq, monotonic()

    def require_known(self, types: Sequence[str]) -> None:
        """Refuse types that no event has: they would never arrive."""
        known = {one.type for one in self._repository.list_types()}
        if unknown := [name for name in texts("types", types) if name not in known]:
            raise InvalidValue("types", f"{unknown[0]} is no type of events, see list_types()")

    def start(self) -> None:
        """Find out where the consumer is."""
        if self._consumer is not None:
            found = self._repository.start_consumer(consumer=self._consumer, after=self.seq)
            self.seq = self._saved = found.seq

    def save_and_look(self) -> int:
        """Save the cursor, and return the number up to which a page can be read."""
        self._save()
        return max(self.seq, min(self._repository.head(), self.seq + _PAGE))

    def page(
        self, until: int, types: Sequence[str] | None, model_name: str | None
    ) -> list[Event]:
        """Return what comes after the cursor, up to a number."""
        return self._repository.list_events(
            after=self.seq, until=until, types=types, model_name=model_name, limit=_PAGE
        )

    def move(self, seq: int) -> None:
        """Go on to an event that was dealt with; a save that fails is made up for later."""
        self.seq = seq
        if monotonic() - self._saved_at >= _SAVED_EVERY:
            try:
                self._save()
            except Unavailable as error:
                logger.warning("events: %s", error)

    def close(self) -> None:
        """Save the cursor if that can still be done."""
        if self._db.is_open:
            try:
                self._save()
            except LedgerError as error:
                logger.warning("events: %s", error)

    def _save(self) -> None:
        if self._consumer is not None and self.seq > self._saved:
            self._repository.move_consumer(consumer=self._consumer, seq=self.seq)
            self._saved, self._saved_at = self.seq, monotonic()


class Waker:
    """Waits until there may be something new, on a connection of its own."""

    def __init__(self, db: Database, poll: float) -> None:
        self._db = db
        self._poll = poll
        self._connection: Connection[Any] | None = None

    def wait(self) -> None:
        """Return when the server announces something, or after a while."""
        if self._db.preamble is not None:
            # A transaction pooler keeps no session that could listen.
            sleep(self._poll)
            return
        try:
            if self._connection is None:
                # What was announced before is found by looking once more.
                self._listen()
            else:
                for _ in self._connection.notifies(timeout=self._poll, stop_after=1):
                    pass
        except (psycopg.Error, Unavailable):
            self.close()
            sleep(self._poll)

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listen(self) -> None:
        conninfo = self._db.conninfo()
        self._connection = Connection.connect(conninfo, autocommit=True)
        connections.prepare(self._connection)
        self._connection.execute("LISTEN mlops_ledger_events")
