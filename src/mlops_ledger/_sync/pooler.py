# Generated from src/mlops_ledger/_async/pooler.py by tools/unasync.py: edit that file, then run `make sync`.
"""Connections by way of a transaction pooler, where no setting outlives its transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from psycopg import Copy, Cursor, Transaction
from psycopg.pq import TransactionStatus

from ..connection import session
from ..connection.bounded import BoundedConnection


class PoolerConnection(BoundedConnection):
    """A connection whose transactions begin with the session's settings.

    `preamble` is the query that sets them. In autocommit mode each statement gets a transaction of
    its own, because the pooler may hand the next one to another session.
    """

    preamble: bytes = b""

    def begin_with(self, preamble: str) -> None:
        """Let each transaction begin with a query from here on."""
        self.preamble = preamble.encode()
        self.cursor_factory = PoolerCursor

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[Transaction]:
        """Begin a transaction, or a savepoint within one."""
        begins = self.info.transaction_status == TransactionStatus.IDLE
        with super().transaction(savepoint_name, force_rollback) as transaction:
            if begins:
                self.execute(self.preamble)
            yield transaction


def open_pooled(conninfo: str, limits: Mapping[str, str]) -> PoolerConnection:
    """Open a connection outside of any pool; `limits` are the time limits of its transactions."""
    connection = PoolerConnection.connect(
        session.without_options(conninfo), autocommit=True, prepare_threshold=None
    )
    connection.begin_with(session.as_statement(conninfo, limits, {}))
    return connection


@contextmanager
def _within(cursor: Cursor[Any]) -> Iterator[None]:
    """Give a statement a transaction if there is none."""
    connection = cursor.connection
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield
    else:
        with connection.transaction():
            yield


class PoolerCursor(Cursor[Any]):
    """A cursor of such a connection."""

    def execute(self, *arguments: Any, **options: Any) -> Self:
        """Execute a statement, in a transaction with the session's settings."""
        with _within(self):
            return super().execute(*arguments, **options)

    def executemany(self, *arguments: Any, **options: Any) -> None:
        """Execute a statement with each of some parameters, in one transaction."""
        with _within(self):
            super().executemany(*arguments, **options)

    @contextmanager
    def copy(self, *arguments: Any, **options: Any) -> Iterator[Copy]:
        """Copy rows, in a transaction with the session's settings."""
        with _within(self), super().copy(*arguments, **options) as copy:
            yield copy
