# Generated from src/mlops_ledger/_async/events.py by tools/unasync.py: edit that file, then run `make sync`.
"""What happened, in the order in which it was committed, and how far each consumer has come."""

from __future__ import annotations

from collections.abc import Sequence

from ..checks.values import integer, page_size
from ..rows import Event, EventConsumer, EventType
from .repository import Repository


class EventsRepository(Repository):
    """Reads events in pages and remembers how far consumers are; `events()` does both at once."""

    _file = "events"

    def head(self) -> int:
        """Return the number up to which events can be read; 0 before the first."""
        seq: int = self._value("head", {})
        return seq

    def list_events(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        types: Sequence[str] | None = None,
        model_name: str | None = None,
        limit: int = 100,
    ) -> list[Event]:
        """Return events with after < seq <= until, oldest first.

        At most `limit` (1 to 1000); the next page is `after` the seq of the last.
        """
        limit = page_size(limit)
        return self._rows("list_events", Event, locals())

    def before_latest(
        self,
        *,
        types: Sequence[str] | None = None,
        model_name: str | None = None,
        limit: int = 100,
    ) -> int:
        """Return the number after which the last `limit` events come."""
        limit = page_size(limit)
        seq: int = self._value("before_latest", locals())
        return seq

    def list_types(self) -> list[EventType]:
        """Return the types of events."""
        return self._rows("list_types", EventType, {})

    def start_consumer(self, *, consumer: str, after: int = 0) -> EventConsumer:
        """Return where a consumer is; one that is new begins after an event.

        Raises Conflict when another role has made it.
        """
        return self._one("start_consumer", EventConsumer, locals())

    def move_consumer(self, *, consumer: str, seq: int) -> EventConsumer:
        """Remember that a consumer has dealt with all events up to `seq`; it never goes back.

        In the transaction that writes what an event leads to, each event has its effect once.
        Raises NotFound for an unknown consumer, Conflict when another role has made it.
        """
        seq = integer(64)("seq", seq)
        return self._one("move_consumer", EventConsumer, locals())

    def remove_consumer(self, *, consumer: str) -> None:
        """Forget a consumer; otherwise as `move_consumer`."""
        self._value("remove_consumer", locals())

    def list_consumers(self) -> list[EventConsumer]:
        """Return all consumers by name."""
        return self._rows("list_consumers", EventConsumer, {})
