"""Connections by way of a transaction pooler, where no setting outlives its transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from psycopg import AsyncCopy, AsyncCursor, AsyncTransaction
from psycopg.pq import TransactionStatus

from ..connection import session
from ..connection.bounded import AsyncBoundedConnection


class AsyncPoolerConnection(AsyncBoundedConnection):
    """A connection whose transactions begin with the session's settings.

    `preamble` is the query that sets them. In autocommit mode each statement gets a transaction of
    its own, because the pooler may hand the next one to another session.
    """

    preamble: bytes = b""

    def begin_with(self, preamble: str) -> None:
        """Let each transaction begin with a query from here on."""
        self.preamble = preamble.encode()
        self.cursor_factory = AsyncPoolerCursor

    @asynccontextmanager
    async def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> AsyncIterator[AsyncTransaction]:
        """Begin a transaction, or a savepoint within one."""
        begins = self.info.transaction_status == TransactionStatus.IDLE
        async with super().transaction(savepoint_name, force_rollback) as transaction:
            if begins:
                await self.execute(self.preamble)
            yield transaction


async def open_pooled(conninfo: str, limits: Mapping[str, str]) -> AsyncPoolerConnection:
    """Open a connection outside of any pool; `limits` are the time limits of its transactions."""
    connection = await AsyncPoolerConnection.connect(
        session.without_options(conninfo), autocommit=True, prepare_threshold=None
    )
    connection.begin_with(session.as_statement(conninfo, limits, {}))
    return connection


@asynccontextmanager
async def _within(cursor: AsyncCursor[Any]) -> AsyncIterator[None]:
    """Give a statement a transaction if there is none."""
    connection = cursor.connection
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield
    else:
        async with connection.transaction():
            yield


class AsyncPoolerCursor(AsyncCursor[Any]):
    """A cursor of such a connection."""

    async def execute(self, *arguments: Any, **options: Any) -> Self:
        """Execute a statement, in a transaction with the session's settings."""
        async with _within(self):
            return await super().execute(*arguments, **options)

    async def executemany(self, *arguments: Any, **options: Any) -> None:
        """Execute a statement with each of some parameters, in one transaction."""
        async with _within(self):
            await super().executemany(*arguments, **options)

    @asynccontextmanager
    async def copy(self, *arguments: Any, **options: Any) -> AsyncIterator[AsyncCopy]:
        """Copy rows, in a transaction with the session's settings."""
        async with _within(self), super().copy(*arguments, **options) as copy:
            yield copy
