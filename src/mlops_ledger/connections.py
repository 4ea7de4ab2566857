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
from typing import Any, Final

import orjson
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, TransactionStatus
from psycopg.types.json import set_json_loads

from .config import Settings
from .errors import LedgerError, Unavailable

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


@dataclass(frozen=True, slots=True)
class Probe:
    """What one direct connection found out about the server.

    `schema_version` is None when the database was never migrated; `latency` is the time of one
    query in seconds; `pooled` says that a transaction pooler stands in between.
    """

    server_version: str
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
    """Complete a connection string with the network settings that it does not set itself."""
    given = conninfo_to_dict(conninfo)
    return make_conninfo(
        conninfo, **{"connect_timeout": settings.connect_timeout, **_DEFAULTS, **given}
    )


def with_session_settings(settings: Settings, conninfo: str) -> str:
    """Add the session's time zone and timeouts to a connection string, below its own options."""
    own = conninfo_to_dict(conninfo).get("options") or ""
    milliseconds = round(settings.statement_timeout * 1000)
    options = (
        f"-c TimeZone=UTC -c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
        " -c idle_in_transaction_session_timeout=60s -c client_connection_check_interval=2s"
    )
    return make_conninfo(conninfo, options=f"{options} {own}".strip())


def libpq_environment(conninfo: str) -> dict[bytes, bytes]:
    """Return a connection string as the environment variables of libpq, for another program."""
    options = Conninfo.parse(conninfo.encode())
    return {o.envvar: o.val for o in options if o.envvar and o.val is not None}


def prepare(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Set up a new connection of the pool."""
    set_json_loads(orjson.loads, connection)
    _inherited.add(connection)


def require_intact(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Raise unless the connection's transaction can still be committed.

    After a failed statement PostgreSQL answers COMMIT with a rollback and no error: whoever caught
    the exception inside the transaction would take it for written.
    """
    if connection.closed:
        raise Unavailable(
            "the connection was lost during the transaction and nothing of it was written: "
            "run it again"
        )
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        raise LedgerError(
            "a call in the transaction failed, so nothing of it was written: let the exception "
            "leave the block, or put the call into a tx.transaction() of its own"
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
