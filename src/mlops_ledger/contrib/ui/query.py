"""What a page is asked for: text of an address, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from ...checks.windows import require_order
from ...errors import InvalidValue
from .charts import Span

PAGE: Final = 50
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of an address; an empty one counts as none."""

    given: Mapping[str, str]

    def text(self, name: str) -> str | None:
        """Return a parameter. Raises InvalidValue when it cannot be in the ledger."""
        value = self.given.get(name) or None
        if value is not None and (len(value) > _LONGEST or "\0" in value):
            raise InvalidValue(name, "cannot be in the ledger")
        return value

    def required(self, name: str) -> str:
        """Return a parameter that there must be."""
        value = self.text(name)
        if value is None:
            raise InvalidValue(name, "is missing in the address")
        return value

    def uuid(self, name: str) -> UUID | None:
        """Return an id."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return UUID(value)
        except ValueError:
            raise InvalidValue(name, "must be a UUID") from None

    def id(self) -> UUID:
        """Return the id of what the page is about."""
        found = self.uuid("id")
        if found is None:
            raise InvalidValue("id", "is missing in the address")
        return found

    def integer(self, name: str) -> int | None:
        """Return a number that counts something."""
        value = self.text(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            raise InvalidValue(name, "is not a number")
        return int(value)

    def timestamp(self, name: str) -> datetime | None:
        """Return a date or a time, in UTC unless it says otherwise."""
        value = self.text(name)
        if value is None:
            return None
        try:
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            raise InvalidValue(name, "is not a date such as 2026-05-31") from None
        if not 1900 <= at.year <= 9000:
            raise InvalidValue(name, "is not within the years 1900 to 9000")
        return at

    def span(self, default: Span) -> Span:
        """Return the window that the page is about."""
        since, until = self.timestamp("since"), self.timestamp("until")
        span = Span(since or default.since, until or default.until)
        if since is not None and until is None and since >= default.until:
            raise InvalidValue("since", "must be before the latest activity of the model")
        require_order(span.since, span.until)
        return span

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """Return a parameter that is one of a few words."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise InvalidValue(name, f"is none of {', '.join(choices)}")
        return value


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be rendered: template, title, what it shows and the statements behind it."""

    template: str
    title: str
    shown: dict[str, Any]
    statements: tuple[str, ...]
