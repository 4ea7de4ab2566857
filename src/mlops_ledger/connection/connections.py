"""What every connection of the ledger has in common, whether sync or async."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
import weakref
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, TypeVar

import orjson
import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads

from ..checks.plain import kind
from ..errors import InvalidValue, LedgerError, PoolExhausted, SchemaError, Unavailable
from ..errors.translate import raise_alone, translate
from . import session
from .bounded import BoundedConnection
from .config import Settings
from .conninfo import describe, resolve

_Wanted = TypeVar("_Wanted")

VERSION: Final = version("mlops-ledger")

# The pool warns of every connection that a restart has cost; unless the application logs, that
# would go to the screen.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

# libpq waits without end for a peer that vanished: keepalives find it while we wait for an
# answer, tcp_user_timeout while what we sent is not acknowledged. Both are needed.
_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": f"mlops-ledger/{VERSION}",
    "tcp_user_timeout": 10_000,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


_POOLER: Final = (
    "this needs a direct connection to PostgreSQL, because a pooler such as PgBouncer keeps no "
    "session; give the server's own host and port"
)


@dataclass(frozen=True, slots=True)
class Probe:
    """What one direct connection found out about the server.

    `schema_version` is None when the database was never migrated; `latency` is the time of one
    query in seconds; `pooled` says that a transaction pooler stands in between.
    """

    found: session.Found
    schema_version: int | None
    latency: float
    pooled: bool


class Owner:
    """The process that opened a pool; no other may use it."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def forked(self) -> bool:
        """Return whether this process is a child of the one that opened the pool."""
        return self._pid != os.getpid()

    def is_here(self) -> bool:
        """Return whether the pool can be used here."""
        return not self.forked()


class AsyncOwner(Owner):
    """The event loop that opened a pool, whose tasks end with it."""

    def __init__(self) -> None:
        super().__init__()
        self._loop: asyncio.AbstractEventLoop | None = None

    def is_here(self) -> bool:
        """Return whether the pool can be used here; the first loop to ask is the owner.

        Raises LedgerError when it is another loop's that still lives.
        """
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self.forked() or self._loop is loop:
            return not self.forked()
        if not self._loop.is_closed():
            raise LedgerError(
                "an AsyncDatabase belongs to the event loop that used it first: "
                "make another for each loop"
            )
        return False


def direct(settings: Settings, conninfo: str) -> str:
    """Resolve a connection string, and add the network settings that it does not set itself."""
    found = resolve(conninfo)
    # Zero says that none was given.
    if found.get("connect_timeout", "0") == "0":
        found["connect_timeout"] = str(settings.connect_timeout)
    return make_conninfo("", **{**_DEFAULTS, **found})


def limits(settings: Settings) -> dict[str, str]:
    """Return the limits of a session that serves an application."""
    milliseconds = str(round(settings.statement_timeout * 1000))
    found = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": "60s",
    }
    if settings.read_only:
        found["default_transaction_read_only"] = "on"
    return found


def connect(conninfo: str, **parameters: Any) -> Connection[Any]:
    """Open a session outside of any pool, in autocommit mode and without time limits.

    It waits for a statement for as long as the server answers anybody. `conninfo` is a resolved
    one. Raises Unavailable when the server cannot be reached, SchemaError for a pooler,
    ConfigError when the session cannot be made what it should be.
    """
    return open_session(conninfo, **parameters)[0]


def open_session(conninfo: str, **parameters: Any) -> tuple[Connection[Any], session.Found]:
    """Open a session as `connect` does; return also what was found out about it."""
    try:
        connection = BoundedConnection.connect(
            session.pin(conninfo), autocommit=True, prepare_threshold=None, **parameters
        )
    except psycopg.Error as error:
        if session.refuses_options(error):
            raise_alone(SchemaError(_POOLER))
        raise_alone(translate(error, connecting=True, target=describe(conninfo)))
    try:
        found = look(connection, conninfo)
        if found.backend != connection.info.backend_pid:
            raise SchemaError(_POOLER)
        complete(connection, found)
    except BaseException:
        connection.close()
        raise
    return connection, found


def look(connection: Connection[Any], conninfo: str) -> session.Found:
    """Look at a session: who answers, where the ledger is, what is left to set."""
    with connection.cursor(row_factory=class_row(session.Found)) as cursor:
        [found] = cursor.execute(*session.look(conninfo))
        return found


def complete(connection: Connection[Any], found: session.Found) -> None:
    """Set what startup options could not, or what came after them."""
    settings = {**session.corrections(connection), **found.settings()}
    try:
        connection.execute(*session.setting(settings))
    except psycopg.Error as error:
        raise_alone(session.refused(error, settings))


def prepare(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Set up a new connection of the pool."""
    set_json_loads(orjson.loads, connection)
    _inherited.add(connection)


def require_lender(db: Any, package: str = "mlops_ledger._sync") -> Any:
    """Return what lends connections to the repositories of a package, `_sync` or `_async`.

    Raises InvalidValue for anything else, and for what belongs to the other package.
    """
    if isinstance(db, type) or not callable(getattr(db, "connection", None)):
        raise InvalidValue(
            "db",
            f"must be a database or a transaction, not {kind(db)}: "
            "Database(url) makes one of a connection string",
        )
    home = type(db).__module__.rpartition(".")[0]
    if home != package and home.rpartition(".")[2] in ("_sync", "_async"):
        world = "asynchronous" if home.endswith("_async") else "synchronous"
        raise InvalidValue("db", f"is {world} and the repository is not: both must be alike")
    return db


def require_database(db: Any, wanted: type[_Wanted]) -> _Wanted:
    """Return a database for what a transaction is not enough for; raises InvalidValue."""
    if not isinstance(db, wanted):
        raise InvalidValue("db", f"must be an instance of {wanted.__name__}, not {kind(db)}")
    return db


def require_intact(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Raise unless the connection's transaction can still be committed.

    After a failed statement PostgreSQL answers COMMIT with a rollback and no error: whoever caught
    the exception inside the transaction would take it for written.
    """
    if connection.closed:
        raise Unavailable(
            "the connection was lost during the transaction and nothing was written: run it again"
        )
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        raise LedgerError(
            "a call in the transaction failed, so nothing was written: let the exception "
            "leave the block, or put the call into a tx.transaction() of its own"
        )


def nothing_to_lend(settings: Settings, name: str, size: int) -> Unavailable:
    """Say why a pool of `size` connections lent none in time although the server answers."""
    waited = f"{settings.pool_timeout:g} s"
    if size < settings.pool_max_size:
        return Unavailable(
            f"{name} answers, but no further connection was made within {waited}: "
            "the server or this machine is overloaded"
        )
    return PoolExhausted(
        f"all {settings.pool_max_size} connections were in use for {waited}: return them sooner, "
        "or raise MLOPS_POOL_MAX_SIZE"
    )


def is_quiet(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Return whether an idle connection has nothing to read.

    A server that went away leaves its farewell or the end of the stream in the socket: looking
    costs 4 µs where a query would cost a round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


_inherited: weakref.WeakSet[Connection[Any] | AsyncConnection[Any]] = weakref.WeakSet()


def _disown() -> None:
    """Cut a forked child off the connections of its parent.

    Two processes on one socket read each other's answers. Closing would say goodbye to the
    server for the parent too, so the child's file descriptors get a socket that is at its end.
    """
    ended, other = socket.socketpair()
    other.close()
    for connection in list(_inherited):
        if not connection.closed:
            os.dup2(ended.fileno(), connection.fileno())
    ended.close()
    _inherited.clear()


os.register_at_fork(after_in_child=_disown)
