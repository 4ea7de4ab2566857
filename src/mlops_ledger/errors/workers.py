"""Which worker of Citus a server says it cannot reach.

The coordinator passes on what ended its own connection to a worker, with the SQLSTATE of that,
after a COPY even without one. The connection of the client goes on.
"""

from __future__ import annotations

import re
from typing import Final

import psycopg

from . import Unavailable

# What ends a connection. A server says it of the client's as FATAL, or says nothing any more.
LOST: Final = ("08", "57P", "25P03", "25P04")
_STATES: Final = (*LOST, "58030", "XX000")

# In English: `distribute` refuses workers that speak another language. What the client library says
# of a connection that broke may have several lines.
_AWAY: Final = re.compile(
    "|".join(
        (
            "connection to the remote node ",
            "could not establish any connections to the node ",
            "could not connect to (?:any active placements|.+:[0-9]+ )",
            "failed to COPY to shard ",
            "failure on connection marked as essential: ",
            "terminating connection ",
            "the database system is ",
            "server closed the connection unexpectedly",
            "could not (?:receive data from|send data to) server: ",
            "SSL (?:error|SYSCALL error|connection has been closed)",
            "(?:no connection to the server|connection not open)",
            "cannot connect to ",
            "could not find an available connection",
            "could not commit transaction for shard ",
            "failed to prepare transaction ",
            'failed to read result ".+" from node ',
        )
    )
)
REMOTE: Final = "while executing command on "
# A user may stand before it.
_NAME: Final = re.compile(
    r"(?:remote node|to the node|(?:could not|cannot) connect to|essential:|on host|from node|"
    rf"to COPY to shard \d+ on|{REMOTE.strip()}) (?:[^\n]*?@)?([^\s@]+:\d+)\b"
)


def worker_away(error: psycopg.Error) -> Unavailable | None:
    """Return what to raise for an error that says a worker is away, None for any other."""
    if not (error.sqlstate or "").startswith(_STATES):
        return None
    diag = error.diag
    if diag.severity_nonlocalized != "ERROR" or not _AWAY.match(diag.message_primary or ""):
        return None
    return unreachable(f"{diag.message_primary}\n{diag.context}")


def unreachable(text: str) -> Unavailable:
    """Return what to raise for a worker that is away, whom the words of the server may name."""
    found = _NAME.search(text)
    worker = f"its worker {found[1]}" if found else "one of its workers"
    return Unavailable(
        f"the server cannot reach {worker}: see that it runs and lets the coordinator in, "
        "mlops-ledger distribute --status; a write may be repeated with the same id"
    )


def names_worker(text: str) -> bool:
    """Return whether the text of another driver's error says that a worker is away."""
    _, found, message = text.partition("ERROR:  ")
    return bool(found and _AWAY.match(message))
