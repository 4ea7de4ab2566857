"""What every connection of the ledger has in common, whether sync or async."""

from __future__ import annotations

import os
import select
import weakref
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import orjson
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import set_json_loads

from .config import Settings

VERSION: Final = version("mlops-ledger")

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


def prepare(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Set up a new connection of the pool."""
    set_json_loads(orjson.loads, connection)
    _inherited.add(connection)


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
    server for the parent too, so the child's file descriptors are pointed at /dev/null instead.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for connection in list(_inherited):
        if not connection.closed:
            os.dup2(null, connection.fileno())
    os.close(null)
    _inherited.clear()


os.register_at_fork(after_in_child=_disown)
