"""Turns the driver's errors into the ledger's, in one place.

The class of a driver error says little: OperationalError covers lost connections as well as
values that are too large. The SQLSTATE decides, then whether the connection is closed. Only text
that the server cannot fill with row contents or passwords is passed on.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

import psycopg

from . import (
    AppendOnly,
    BelowMinimum,
    Conflict,
    ConnectionLost,
    InvalidValue,
    LedgerError,
    LoginRefused,
    MissingPartition,
    NotFound,
    NothingListens,
    PermissionDenied,
    PromotionRefused,
    SchemaError,
    TimedOut,
    Unavailable,
)
from .constraints import explain
from .violations import CHECK, NOT_NULL, Violation, violation
from .workers import LOST, worker_away

# Raised by the functions and triggers of the schema; their messages are written for people.
OWN: Final[dict[str, type[LedgerError]]] = {
    "MLNF0": NotFound,
    "MLCF0": Conflict,
    "MLPR0": PromotionRefused,
    "MLAO0": AppendOnly,
    "MLPD0": BelowMinimum,
    "MLUN0": Unavailable,
}

_FILE_MISSING: Final = "the server misses one of its files; it may need a restart"
BY_SQLSTATE: Final[dict[str, tuple[type[LedgerError], str]]] = {
    "42P01": (
        SchemaError,
        "a table is missing: run mlops-ledger init, unless the statement is your own",
    ),
    "42703": (SchemaError, "a column is missing: run mlops-ledger migrate status"),
    "42883": (SchemaError, "a function is missing: run mlops-ledger migrate status"),
    "57014": (TimedOut, "the statement ran into its timeout or was cancelled"),
    "55P03": (TimedOut, "a lock was not granted in time: another transaction holds it"),
    "40001": (Unavailable, "a concurrent transaction got in the way: run the transaction again"),
    "40P01": (Unavailable, "the transaction was the victim of a deadlock: run it again"),
    "25P02": (
        LedgerError,
        "an earlier call in the transaction failed, so it can only be rolled back: begin another, "
        "or put a call that may fail into a tx.transaction() of its own",
    ),
    "25006": (Unavailable, "the server is read-only: it is a standby, or was just demoted"),
    "53100": (Unavailable, "the server's disk is full"),
    # Its locks have a table of their own, which fills in a transaction of many tables.
    "53200": (
        Unavailable,
        "the server is out of memory, or of room for locks: raise max_locks_per_transaction",
    ),
    "53300": (Unavailable, "the server has no connection left"),
    "54000": (InvalidValue, "a value is larger than PostgreSQL can store"),
    "54001": (InvalidValue, "a value is nested deeper than the server can read"),
    "P0001": (Conflict, "a trigger of the database refuses it"),
    "58030": (Unavailable, "the server cannot read or write one of its disks"),
    "58P01": (Unavailable, _FILE_MISSING),
}

_ATTRIBUTES: Final = "no server is of the kind that target_session_attrs demands"
_OPTIONS: Final = (
    "options, PGOPTIONS, PGTZ, PGDATESTYLE or PGGEQO sets what the server does not know, or to a "
    "wrong value"
)
# libpq gives no SQLSTATE for a failed connection, only text, and the text may quote a password.
CONNECT: Final = (
    ("password authentication failed", "the password or the user name is wrong"),
    ("no password supplied", "a password is needed and none was given"),
    ("pg_hba.conf", "the server does not admit this user, host or database"),
    ("role '' does not exist", "the user does not exist"),
    ("role '' is not permitted to log in", "the user may not log in"),
    ("database '' does not exist", "the database does not exist: run mlops-ledger init"),
    ("could not parse network address", "hostaddr is not an IP address"),
    ("could not translate host name", "the host name cannot be resolved"),
    ("name or service not known", "the host name cannot be resolved"),
    ("failed to resolve host", "the host name cannot be resolved"),
    ("connection refused", "nothing listens at that host and port"),
    ("failed: no such file or directory", "nothing listens at that socket"),
    ("no such file or directory", _FILE_MISSING),
    ("timeout", "no answer within the connect timeout"),
    ("too many clients", "the server has no connection left"),
    ("too many connections", "the server has no connection left"),
    ("remaining connection slots", "the server has no connection left"),
    ("starting up", "the server is starting up"),
    ("shutting down", "the server is shutting down"),
    ("in recovery mode", "the server is recovering from a crash"),
    ("closed the connection", "the server ended the connection"),
    ("session is read-only", _ATTRIBUTES),
    ("session is not read-only", _ATTRIBUTES),
    ("hot standby mode", _ATTRIBUTES),
    ("authentication method requirement", "the server asks for another login than require_auth"),
    ("channel binding", "the server has no channel binding, which channel_binding demands"),
    ("gssapi", "there is no GSSAPI encryption, which gssencmode demands"),
    ("unrecognized configuration parameter", _OPTIONS),
    ("invalid value for parameter", _OPTIONS),
    ("requires a", _OPTIONS),
    ("invalid command-line argument", _OPTIONS),
    ("certificate", "a certificate is missing, unreadable or not trusted"),
    ("ssl", "the server and the sslmode setting do not agree"),
)
# Of these, what is so until somebody changes it.
_LOGIN: Final = frozenset(reason for _, reason in CONNECT[:6])
# What the server says, after a word for how grave it is.
_SAID: Final = re.compile(r"failed: \S+:  (.{1,300})")
# Names of hosts, users and databases, which could look like one of the phrases.
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")

# A time as the server writes it, whose sessions are in UTC.
_UTC: Final = re.compile(r"\b(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00\b")


class NoAnswer(psycopg.OperationalError):
    """The server has not answered a statement within so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds


def translate(
    error: psycopg.Error,
    *,
    connecting: bool = False,
    target: str = "the database",
    lost: bool = False,
) -> LedgerError:
    """Return the ledger's exception for a driver error.

    `connecting` says that it came from a connection attempt, `target` names the server for the
    message, and `lost` says that the connection was closed when the error came.
    """
    if connecting:
        reason = _connect_reason(error)
        return connect_failure(reason)(f"cannot connect to {target}: {reason}")
    state = error.sqlstate or ""
    if state.startswith("ML"):
        return _own(state, error)
    broken = violation(error)
    if broken.constraint and (known := explain(broken.constraint)):
        return known
    if isinstance(error, NoAnswer):
        return ConnectionLost(
            f"the server has not answered for {error.seconds:g} s, so whether it was committed is "
            "unknown: repeat it with the same id once the server answers again"
        )
    # A worker that died may have ended the client's connection, too: then that is what counts.
    if not lost and (away := worker_away(error)):
        return away
    if state.startswith(LOST) or (lost and not state):
        return ConnectionLost(
            "the connection was lost during the call, so whether it was committed is unknown: "
            "repeat it with the same id"
        )
    return _by_state(broken, error)


def raise_alone(failure: LedgerError) -> NoReturn:
    """Raise an exception without the driver's behind it, whose text may quote a row."""
    try:
        raise failure from None
    finally:
        # "from None" only hides the context; loggers and error trackers would still find it.
        failure.__context__ = None


def _own(state: str, error: psycopg.Error) -> LedgerError:
    message, hint = error.diag.message_primary or "", error.diag.message_hint
    message = _UTC.sub(r"\1T\2Z", message)
    if hint:
        message = f"{message}. {hint}"
    if state == "MLIV0":
        field, _, problem = message.partition(": ")
        return InvalidValue(field, problem)
    return OWN[state](message)


def _by_state(broken: Violation, error: psycopg.Error) -> LedgerError:
    state = broken.sqlstate
    if state in BY_SQLSTATE:
        kind, message = BY_SQLSTATE[state]
        return InvalidValue("value", message) if kind is InvalidValue else kind(message)
    if state == NOT_NULL:
        return InvalidValue(broken.column or "value", "is required")
    if state == CHECK and not broken.constraint:
        return MissingPartition(
            "there is no partition for that time: make it with ensure_partitions"
        )
    if state == "42501":
        return PermissionDenied(f"the database user lacks the right: {error.diag.message_primary}")
    if state.startswith("22"):
        return InvalidValue("value", f"does not fit the type of its column (SQLSTATE {state})")
    if state.startswith("23"):
        name = broken.constraint or "that a worker does not name"
        return Conflict(f"the constraint {name} of the database refuses it")
    kind_name = type(error).__name__
    return LedgerError(f"unexpected database error {kind_name} (SQLSTATE {state or 'none'})")


def connect_failure(reason: str) -> type[Unavailable]:
    """Return what a reason of `CONNECT` is raised as: some do not pass by waiting."""
    if reason.startswith("nothing listens"):
        return NothingListens
    return LoginRefused if reason in _LOGIN else Unavailable


def _connect_reason(error: psycopg.Error) -> str:
    text = _QUOTED.sub("''", str(error).lower())
    if known := next((reason for phrase, reason in CONNECT if phrase in text), None):
        return known
    # Of another language; a server has not been told the password, so it cannot quote it.
    said = _SAID.search(str(error))
    words = "".join(each if each.isprintable() else "?" for each in said[1]) if said else ""
    return f"the server refused it: {words}" if words else "the server refused it"
