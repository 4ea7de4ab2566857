"""Events and who reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Row):
    """Something that happened to a model; `seq` increases in the order of commits."""

    seq: int
    type: str
    time: datetime
    database: str
    subject: str
    model_name: str | None
    data: dict[str, Any]

    def cloud_event(self) -> dict[str, Any]:
        """Return it as a CloudEvent 1.0, to be written as JSON.

        The ids of a source increase in the order of commits.
        Source: https://github.com/cloudevents/spec, JSON event format.
        """
        return {
            "specversion": "1.0",
            "id": str(self.seq),
            "source": f"/mlops-ledger/{quote(self.database, safe='')}",
            "type": self.type,
            "subject": self.subject,
            "time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": self.data,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType(Row):
    """A type of events, and the fields of their data."""

    type: str
    description: str
    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConsumer(Row):
    """Who reads events under which name; `seq` is the last event dealt with, 0 for none."""

    consumer: str
    seq: int
    db_role: str
    created_at: datetime
    moved_at: datetime
