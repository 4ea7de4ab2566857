"""A transaction that several repositories share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from ..connection import connections
from ..connection.bounded import AsyncBoundedConnection
from ..errors import LedgerError
from ..errors.translate import raise_alone, translate


class AsyncTransaction:
    """One transaction, to be handed to repositories in place of a database."""

    def __init__(self, connection: AsyncBoundedConnection) -> None:
        self._connection: AsyncBoundedConnection | None = connection

    def __repr__(self) -> str:
        state = "over" if self._connection is None else "open"
        return f"<{type(self).__name__} {state}>"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncBoundedConnection]:
        """Lend the transaction's connection; driver errors are raised as the ledger's."""
        connection = self._open_connection()
        try:
            yield connection
        except psycopg.Error as error:
            raise_alone(translate(error, lost=connection.closed))

    async def be_patient(self) -> None:
        """Let the statements that follow take their time: neither server nor client ends them.

        A server that answers nobody any more is still given up. Lasts for the transaction.
        """
        async with self.connection() as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            connection.patience = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncTransaction]:
        """Begin a savepoint: what fails inside it leaves the outer transaction usable."""
        async with begin(self._open_connection()) as nested:
            yield nested

    def _open_connection(self) -> AsyncBoundedConnection:
        if self._connection is None:
            raise LedgerError("the transaction is over: begin another with db.transaction()")
        return self._connection

    def _end(self) -> None:
        self._connection = None


@asynccontextmanager
async def begin(connection: AsyncBoundedConnection) -> AsyncIterator[AsyncTransaction]:
    """Begin a transaction, or a savepoint within one; commit it unless the block raises."""
    transaction = AsyncTransaction(connection)
    patience = connection.patience
    try:
        async with connection.transaction():
            yield transaction
            connections.require_intact(connection)
    except psycopg.Error as error:
        raise_alone(translate(error, lost=connection.closed))
    finally:
        connection.patience = patience
        transaction._end()
