"""Reads on hot standbys, as far as these answer and have replayed what a reader needs."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from psycopg.rows import class_row

from .. import health
from ..connection.bounded import AsyncBoundedConnection
from ..connection.replica import AWAY, POLL, Standby, behind, checked
from ..errors import LedgerError, PermissionDenied, Unavailable
from ..rows import ReplicaHealth
from ..statements import load


class AsyncReplica:
    """The standbys of a primary: lends connections for reading.

    They must have replayed what was written before the program last used the primary, and
    `position`, for which they get `wait` seconds.
    """

    def __init__(
        self,
        primary: Any,
        standby: Any,
        state: Standby | None = None,
        position: str | None = None,
        wait: float = 0.0,
    ) -> None:
        self._primary, self._standby = primary, standby
        self._state = Standby() if state is None else state
        self._position, self._wait = position, wait

    @property
    def is_away(self) -> bool:
        """Whether it has just not answered, so that asking would only cost time."""
        return self._state.is_away

    def after(self, position: str, wait: float) -> AsyncReplica:
        """Return the same standbys for reads that need a position replayed."""
        return AsyncReplica(self._primary, self._standby, self._state, position, wait)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncBoundedConnection]:
        """Lend a connection for reading.

        Raises Unavailable or SchemaError when no standby can answer, ConfigError when it is none
        of this primary.
        """
        is_lent = False
        try:
            await self._require_own()
            async with self._standby.connection() as connection:
                is_lent = True
                await self._replay(connection)
                yield connection
        except AWAY as error:
            if not is_lent:
                self._state.note_away(error)
            raise

    async def ready(self) -> Any:
        """Return the standbys as a database, once they can answer; raises as `connection`."""
        async with self.connection():
            return self._standby

    async def health(self) -> ReplicaHealth:
        """Look at the standby and how far it is behind; never raises for what is wrong with it."""
        try:
            position = await self._primary.position()
        except LedgerError:
            position = None
        try:
            await self._require_own()
            async with self._standby._lend() as connection:
                cursor = connection.cursor(row_factory=class_row(ReplicaHealth))
                await cursor.execute(load("health")["replica"].text, {"position": position})
                found: list[ReplicaHealth] = await cursor.fetchall()
                return found[0]
        except LedgerError as error:
            return health.unreachable_replica(str(error))

    def note_use(self) -> None:
        """Note that the program has used the primary, and may have written."""
        self._state.note_use()

    async def close(self) -> None:
        """Close the connections."""
        await self._standby.close()

    async def _require_own(self) -> None:
        if self._state.is_known:
            return
        found = await _identity(self._standby)
        try:
            expected = await _identity(self._primary)
        except Unavailable:
            # Looked at again with the next read: without a primary, reads go on.
            return
        self._state.require_own(found, expected)

    async def _replay(self, connection: AsyncBoundedConnection) -> None:
        """Wait until the server of a connection has replayed what it must."""
        if (uses := self._state.uses) is not None:
            self._state.note_position(uses, await self._primary.position())
        positions = self._state.positions(self._position)
        if not positions or connection.replayed == positions:
            return
        deadline = monotonic() + self._wait
        statement = load("health")["has_replayed"]
        while True:
            cursor = await connection.execute(statement.text, {"positions": positions})
            [(has_replayed,)] = await cursor.fetchall()
            if has_replayed:
                connection.replayed = positions
                return
            if monotonic() >= deadline:
                raise behind(self._wait)
            await sleep(POLL)


class AsyncReadsAfter:
    """A database whose reads see what was written up to a position."""

    def __init__(self, db: Any, replica: AsyncReplica | None, position: str, wait: float) -> None:
        self._db = db
        position, wait = checked(position, wait)
        self._replica = None if replica is None else replica.after(position, wait)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._db!r}>"

    def connection(self) -> Any:
        """Lend a connection of the primary."""
        return self._db.connection()

    def transaction(self) -> Any:
        """Begin a transaction on the primary."""
        return self._db.transaction()

    async def conninfo(self) -> str:
        """Return the primary's connection string for other drivers; it contains the password."""
        return str(await self._db.conninfo())

    @property
    def preamble(self) -> str | None:
        """What another driver has to run first in a transaction on the primary."""
        found: str | None = self._db.preamble
        return found

    @property
    def replica(self) -> AsyncReplica | None:
        """The standbys, unless there are none or they were just away."""
        return None if self._replica is None or self._replica.is_away else self._replica


async def _identity(db: Any) -> str:
    try:
        async with db._lend() as connection:
            cursor = await connection.execute(load("health")["identity"].text)
            [(identity,)] = await cursor.fetchall()
    except PermissionDenied:
        # A host may keep it from its customers: then both sides are the same nothing.
        return ""
    return str(identity)
