"""The exceptions that callers see: one root, and a class wherever a caller would act differently.

Messages are written for the person who reads them: what was wrong, then what to do. They never
carry a password or the contents of a row, so they are safe in a log.
"""

from __future__ import annotations

import re
from typing import Final

# Letters of a message that is cut: what was wrong, then what to do.
_BEGIN: Final = 1500
_END: Final = 500
# Longer than any name may be; what follows a name is left.
_LONG_WORD: Final = re.compile(r"(\S{100})\S{500,}?(?=[^\s\w]{0,3}(?:\s|$))")


def brief(message: str) -> str:
    """Cut words of more than 600 letters in a message, and a message of 2000, with a mark."""
    if len(message) < 600:
        return message
    short = _LONG_WORD.sub(r"\1…", message)
    return short if len(short) <= _BEGIN + _END else f"{short[:_BEGIN]}…{short[-_END:]}"


class LedgerError(Exception):
    """Base class of everything that mlops-ledger raises on purpose.

    What somebody gave is repeated in a message, but not at any length.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(brief(each) if isinstance(each, str) else each for each in arguments))


class ConfigError(LedgerError):
    """A setting is missing or malformed; the message names the setting, never its value."""


class InvalidValue(LedgerError, ValueError):
    """A value was refused; nothing was written.

    `field` is the name of the column or argument, with the path inside a JSON document.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = brief(field)
        self.problem = brief(problem)


class NotFound(LedgerError, LookupError):
    """The model, version, decision or run that was named is not in the ledger."""


class Conflict(LedgerError):
    """The ledger already holds something that contradicts this; nothing was written."""


class DuplicateId(Conflict):
    """The id of a new row already names one that is there."""


class PromotionRefused(Conflict):
    """The decision given for a promotion does not allow it."""


class AppendOnly(LedgerError):
    """History was about to be changed or deleted; record a new fact instead."""


class PermissionDenied(LedgerError):
    """The database user lacks a right; an operator grants it, see `mlops-ledger roles`."""


class BelowMinimum(PermissionDenied):
    """An answer needs summaries of too few predictions for this role to see."""


class SchemaError(LedgerError):
    """The schema of the database is missing, or older or newer than that of this release."""


class NotMigrated(SchemaError):
    """The database has no schema of the ledger; `mlops-ledger init` makes it."""


class MigrationError(LedgerError):
    """A migration could not be applied; the message names its file and, where known, the line."""


class BackupError(LedgerError):
    """A backup could not be made, is not whole, or cannot be restored there."""


class ClusterError(LedgerError):
    """The tables cannot be spread over a cluster, or brought back; the message says why."""


class EmbeddedServerError(LedgerError):
    """The local PostgreSQL could not be found, started or stopped."""


class Unavailable(LedgerError):
    """The database cannot be reached or gave up.

    Retry later with the same id: a write that did arrive is not repeated.
    """


class ConnectionLost(Unavailable):
    """The connection broke during a call, so whether it was committed is unknown.

    Retry with the same id: a write that did arrive is not repeated.
    """


class NothingListens(Unavailable):
    """The server's machine refused the connection: the server is stopped or was never there."""


class LoginRefused(Unavailable):
    """The server answers but does not admit the user, or has no such database."""


class PoolExhausted(Unavailable):
    """Every connection of the pool is in use and none was returned in time."""


class MissingPartition(Unavailable):
    """A row's time lies in no partition; nothing was written."""


class TimedOut(Unavailable):
    """The server cancelled the statement because a timeout ran out; nothing was written."""
