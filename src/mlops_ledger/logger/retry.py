"""Which failures go away when a batch is sent again."""

from __future__ import annotations

from ..errors import (
    Conflict,
    EmbeddedServerError,
    InvalidValue,
    LedgerError,
    NotFound,
    Unavailable,
)


def is_refusal(error: Exception) -> bool:
    """Return whether the database objects to the rows themselves, so that no retry helps."""
    return isinstance(error, InvalidValue | NotFound | Conflict)


def is_outage(error: Exception) -> bool:
    """Return whether it may be over soon; a missing right or table is not."""
    return isinstance(error, Unavailable | EmbeddedServerError) or not isinstance(
        error, LedgerError
    )
