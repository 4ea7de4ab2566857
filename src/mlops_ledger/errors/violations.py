"""Which constraint a driver error names, also where the row was refused by a worker of Citus.

A worker's error reaches the client without the names that the protocol has for them, after a COPY
even without its SQLSTATE, and constraints of a shard end in its number. The message remains: it is
the one thing that tells a repeated id from a missing partition.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import psycopg

from .workers import REMOTE

NOT_NULL: Final = "23502"
UNIQUE: Final = "23505"
CHECK: Final = "23514"

# In English: `distribute` refuses workers that speak another language.
_MESSAGES: Final = (
    (UNIQUE, re.compile(r'duplicate key value violates unique constraint "(.+)"')),
    (CHECK, re.compile(r'new row for relation ".+" violates check constraint "(.+)"')),
    (CHECK, re.compile(r'no partition of relation ".+" found for row()')),
    (NOT_NULL, re.compile(r'null value in column "(.+)" of relation ".+" violates .+')),
)
_AMBIGUOUS: Final = {"XX000", NOT_NULL, UNIQUE, CHECK}
_SHARD: Final = re.compile(r"_\d{6,}\Z")


class Violation(NamedTuple):
    """A SQLSTATE and the constraint or column that was violated.

    A missing partition is a check without a name.
    """

    sqlstate: str
    constraint: str | None = None
    column: str | None = None


def violation(error: psycopg.Error) -> Violation:
    """Return what a driver error says was violated, whichever server says it."""
    state, diag = error.sqlstate or "", error.diag
    if diag.constraint_name:
        return Violation(state, _SHARD.sub("", diag.constraint_name), diag.column_name)
    if state not in _AMBIGUOUS:
        return Violation(state, None, diag.column_name)
    for meant, pattern in _MESSAGES:
        if found := pattern.fullmatch(diag.message_primary or ""):
            name = _SHARD.sub("", found[1]) or None
            return (
                Violation(meant, None, name) if meant == NOT_NULL else Violation(meant, name, None)
            )
    if state == CHECK and (diag.context or "").startswith(REMOTE):
        # Not to be taken for a missing partition, which would be made and retried.
        return Violation("23000")
    return Violation(state, None, diag.column_name)
