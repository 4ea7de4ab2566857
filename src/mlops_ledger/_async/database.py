"""The database: a pool of connections, transactions over several repositories, health."""

from __future__ import annotations

import asyncio
import os
from asyncio import sleep
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, Protocol, Self

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from .. import health
from ..checks.plain import kind
from ..connection import connections, session
from ..connection.bounded import AsyncBoundedConnection
from ..connection.config import Settings
from ..connection.connections import Probe
from ..connection.conninfo import describe
from ..embedded import resolve_conninfo
from ..errors import InvalidValue, LedgerError, LoginRefused, NothingListens, Unavailable
from ..errors.translate import raise_alone, translate
from ..rows import Health
from ..statements import load
from .looking import look, set_settings
from .pooler import AsyncPoolerConnection
from .replica import AsyncReadsAfter, AsyncReplica
from .transaction import AsyncTransaction, begin

# A pool that gave up reconnecting retries when asked, so ask at least this often (seconds).
_PATIENCE = 1.0
# The first time it is worth a look whether there is a server at all.
_SOON = 0.25


class AsyncConnections(Protocol):
    """What a repository needs: something that lends a connection, in a transaction or not."""

    def connection(self) -> Any:
        """Return a context manager that lends a connection."""

    def transaction(self) -> Any:
        """Return a context manager that begins a transaction, or a savepoint within one."""


class AsyncDatabase:
    """A pool of connections to the ledger's database, opened at first use.

    Takes `Settings`, a connection string (all else is as the environment says) or nothing. The
    first use checks that the schema is the one this release expects.
    """

    def __init__(self, settings: Settings | str | None = None) -> None:
        if isinstance(settings, str):
            settings = Settings.of(settings)
        if settings is None:
            settings = Settings.from_environment()
        if not isinstance(settings, Settings):
            raise InvalidValue(
                "settings", f"must be Settings or a connection string, not {kind(settings)}"
            )
        self._settings = settings
        self._pool: AsyncConnectionPool[AsyncBoundedConnection] | None = None
        self._conninfo = self._session_conninfo = ""
        self._preamble: str | None = None
        self._late: Mapping[str, str] = {}
        self._patience: float | None = None
        self._lock = asyncio.Lock()
        self._owner = connections.AsyncOwner()
        self._inherited: list[object] = []
        self._lent: set[AsyncBoundedConnection] = set()
        self._closed = False
        reads = settings.of_reads()
        self._replica = None if reads is None else AsyncReplica(self, type(self)(reads))

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not yet open" if self._pool is None else "open"
        return f"<{type(self).__name__} {state}: {self._settings.target}>"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect now instead of at first use; after `close`, again.

        Raises Unavailable when the server cannot be reached, NotMigrated when it has no schema,
        SchemaError when that is not the one that this release expects.
        """
        self._closed = False
        await self._open_pool()

    async def close(self) -> None:
        """Close the pool and its connections; only `open` opens them again."""
        if not self._owner.is_here():
            self._forget()
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            # A cancel must not leave a part of it open.
            await asyncio.shield(pool.close())
        if self._replica is not None:
            await self._replica.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncBoundedConnection]:
        """Lend a connection in autocommit mode for the length of a `with` block.

        Raises PoolExhausted or Unavailable when there is none in time. Driver errors of the block
        are raised as the ledger's.
        """
        try:
            async with self._lend() as connection:
                yield connection
        finally:
            if self._replica is not None:
                self._replica.note_use()

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[AsyncBoundedConnection]:
        """Lend a connection for a look that later reads need not agree with."""
        pool, connection = await self._check_out()
        connection.patience = self._patience
        pid = os.getpid()
        self._lent.add(connection)
        try:
            yield connection
        except psycopg.Error as error:
            raise_alone(translate(error, target=self.name, lost=connection.closed))
        finally:
            self._lent.discard(connection)
            if pid == os.getpid():
                if not connection.autocommit:
                    # The next borrower's writes would wait for a commit that never comes.
                    await connection.close()
                # A cancel that strikes here must not lose the connection to the pool.
                await asyncio.shield(pool.putconn(connection))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncTransaction]:
        """Begin a transaction that several repositories can share.

        Commits at the end of the `with` block, rolls back when the block raises.
        """
        async with self.connection() as connection, begin(connection) as transaction:
            yield transaction

    async def health(self) -> Health:
        """Look at server, schema and pool; never raises for what is wrong with them."""
        try:
            probe, problem = await self._probe(), None
        except LedgerError as error:
            probe, problem = None, str(error)
        stats = self._pool.get_stats() if self._pool is not None else {}
        replica = None if self._replica is None else await self._replica.health()
        return health.assess(self._settings, probe, problem, stats, replica)

    async def position(self) -> str:
        """Return the end of what the primary has written, for `after`; a write before it is in."""
        async with self._lend() as connection:
            cursor = await connection.execute(load("health")["position"].text)
            [(position,)] = await cursor.fetchall()
        return str(position)

    def after(self, position: str, *, wait: float = 1.0) -> AsyncReadsAfter:
        """Return this database for repositories whose reads must see what was written before.

        `position` is what `position()` returned after the write. A standby that has not replayed
        it within `wait` seconds leaves the read to the primary. Raises InvalidValue for another
        text.
        """
        return AsyncReadsAfter(self, self._replica, position, wait)

    @property
    def replica(self) -> AsyncReplica | None:
        """The standbys of MLOPS_READ_URL, unless there are none or they were just away."""
        return None if self._replica is None or self._replica.is_away else self._replica

    @property
    def is_open(self) -> bool:
        """Whether the pool is open; the next use would open a closed one."""
        return self._pool is not None

    @property
    def settings(self) -> Settings:
        """Where the database is and how it is reached, as was given or found."""
        return self._settings

    @property
    def name(self) -> str:
        """Database, user and server, for messages; without the password."""
        return describe(self._conninfo) if self._conninfo else "the database"

    async def conninfo(self) -> str:
        """Return a connection string for other drivers; it contains the password."""
        await self._open_pool()
        return self._session_conninfo

    @property
    def preamble(self) -> str | None:
        """What another driver has to run first in a transaction; only a pooler makes it needed."""
        return self._preamble

    async def _check_out(
        self,
    ) -> tuple[AsyncConnectionPool[AsyncBoundedConnection], AsyncBoundedConnection]:
        deadline = monotonic() + self._settings.pool_timeout
        patience = _SOON
        while True:
            pool = self._pool
            if pool is None or not self._owner.is_here():
                pool = await self._open_pool()
            try:
                wait = min(patience, deadline - monotonic())
                connection = await pool.getconn(wait)
            except PoolClosed:
                continue
            except PoolTimeout:
                connection = None
            if connection is None:
                if monotonic() >= deadline:
                    await self._explain_timeout(pool)
                patience = _PATIENCE
                await self._require_listener(pool)
            # No back-off: the next connection may be as dead, and each is found out in 4 µs.
            elif await self._is_alive(pool, connection):
                return pool, connection

    async def _is_alive(
        self, pool: AsyncConnectionPool[AsyncBoundedConnection], connection: AsyncBoundedConnection
    ) -> bool:
        """Look whether a connection can be lent; otherwise give it back for the pool to replace."""
        alive = False
        try:
            if not connections.is_quiet(connection):
                await connection.execute("")
            alive = True
        except psycopg.Error:
            await connection.close()
        finally:
            if not alive:
                await asyncio.shield(pool.putconn(connection))
        return alive

    async def _require_listener(self, pool: AsyncConnectionPool[AsyncBoundedConnection]) -> None:
        """Raise rather than wait in vain; the embedded server is started again."""
        if self._lock.locked():
            return
        async with self._lock:
            before, self._conninfo = self._conninfo, ""
            try:
                await self._probe()
            except NothingListens:
                raise
            except LoginRefused:
                # Sessions outlive a change of the password: one may be given back.
                if not self._lent:
                    raise
                return
            except Unavailable:
                # It may be starting up: that is worth the wait.
                return
            if self._conninfo != before and self._pool is pool:
                self._pool = None
                await asyncio.shield(pool.close())

    async def _explain_timeout(self, pool: AsyncConnectionPool[AsyncBoundedConnection]) -> None:
        await self._probe()
        size = pool.get_stats().get("pool_size", 0)
        raise_alone(connections.nothing_to_lend(self._settings, self.name, size))

    async def _open_pool(self) -> AsyncConnectionPool[AsyncBoundedConnection]:
        if not self._owner.is_here():
            self._forget()
        if self._closed:
            raise LedgerError("the database is closed: make another, or open it again with open()")
        async with self._lock:
            if self._pool is None:
                # The embedded server may have been stopped, and have another port now.
                self._conninfo = ""
                probe, first = await self._look()
                spare = [first]
                try:
                    health.require_schema(probe)
                    self._pool = await self._new_pool(probe, spare)
                finally:
                    # The pool may not want it, or not have come to it yet.
                    with suppress(IndexError):
                        await spare.pop().close()
            return self._pool

    def _forget(self) -> None:
        if self._owner.forked():
            # Kept, because collecting the parent's pool would try to stop its threads.
            self._inherited.append(self._pool)
        self._pool, self._lock, self._owner = None, asyncio.Lock(), connections.AsyncOwner()
        self._lent = set()

    async def _new_pool(
        self, probe: Probe, spare: list[AsyncBoundedConnection]
    ) -> AsyncConnectionPool[AsyncBoundedConnection]:
        limits, found = connections.limits(self._settings), probe.found
        kind: type[AsyncBoundedConnection] = AsyncBoundedConnection
        options: dict[str, Any] = {"autocommit": True}
        if probe.pooled:
            # Session settings would leak to the pooler's other clients, and prepared statements
            # be answered by the wrong server session.
            kind, options["prepare_threshold"] = AsyncPoolerConnection, None
            self._session_conninfo = session.without_options(self._conninfo)
            self._preamble = session.as_statement(self._conninfo, limits, found.settings())
        else:
            self._session_conninfo = session.pin(self._conninfo, limits, found.path)
            if found.visible and not found.late:
                # All that it lacks to be as those that the pool opens.
                await set_settings(spare[0], found.settings())
                options["spare"] = spare
        self._late = found.late_settings()
        pool = AsyncConnectionPool(
            self._session_conninfo,
            connection_class=kind,
            kwargs=options,
            min_size=self._settings.pool_min_size,
            max_size=self._settings.pool_max_size,
            configure=self._configure,
            reconnect_timeout=_PATIENCE,
            name="mlops-ledger",
            open=False,
        )
        try:
            await pool.open()
            # Who asks before the first connection is there has the pool make a second one.
            deadline = monotonic() + _SOON
            while pool.min_size and monotonic() < deadline:
                if pool.get_stats()["pool_available"]:
                    break
                await sleep(0.001)
        except BaseException:
            # Cancelled: nobody would close it.
            await asyncio.shield(pool.close())
            raise
        return pool

    async def _configure(self, connection: AsyncConnection[Any]) -> None:
        connections.prepare(connection)
        if isinstance(connection, AsyncPoolerConnection):
            connection.begin_with(self._preamble or "")
        elif settings := {**session.corrections(connection), **self._late}:
            await set_settings(connection, settings)

    async def _probe(self) -> Probe:
        probe, connection = await self._look()
        await connection.close()
        return probe

    async def _look(self) -> tuple[Probe, AsyncBoundedConnection]:
        """Look at the server by a new connection; return this, too."""
        if not self._conninfo:
            given = await asyncio.to_thread(resolve_conninfo, self._settings)
            self._conninfo = connections.direct(self._settings, given)
        limits = connections.limits(self._settings)
        self._patience = session.patience(self._conninfo, limits)
        try:
            return await look(self._conninfo, limits)
        except psycopg.Error as error:
            connecting = error.sqlstate is None
            raise_alone(translate(error, connecting=connecting, target=self.name))


_default: AsyncDatabase | None = None


def default_database() -> AsyncDatabase:
    """Return the process-wide database of the environment's settings."""
    global _default
    if _default is None:
        _default = AsyncDatabase()
    return _default
