"""A database for a short while: what tools, tests and benchmarks share."""

from __future__ import annotations

import atexit
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger.migrations import Migrator

_sessions: dict[str, psycopg.Connection] = {}


@contextmanager
def scratch_database(
    server: str, template: str = "template0", *, keep: Callable[[], bool] = lambda: False
) -> Iterator[str]:
    """Create a copy of a template for the length of a `with` block, or longer if `keep()` says."""
    name = sql.Identifier(f"scratch_{uuid.uuid4().hex}")
    # Copying files takes a third of the CPU of writing them through the log, the default.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _run(server, create.format(name, sql.Identifier(template)))
    try:
        yield make_conninfo(server, dbname=name.as_string().strip('"'))
    finally:
        if not keep():
            _run(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _run(server: str, statement: sql.Composed) -> None:
    """Run a statement in a session that is kept: a new one takes half as long as what it does."""
    if server in _sessions:
        with suppress(psycopg.OperationalError):
            _sessions[server].execute(statement)
            return
        # Somebody has ended it.
        _sessions.pop(server).close()
    _sessions[server] = psycopg.connect(server, autocommit=True)
    # The driver warns of a session that is left open at the end.
    atexit.register(_sessions[server].close)
    _sessions[server].execute(statement)


@contextmanager
def migrated_database(server: str) -> Iterator[str]:
    """Create a database with the ledger's schema for the length of a `with` block."""
    with scratch_database(server) as conninfo:
        Migrator(conninfo).up()
        yield conninfo
