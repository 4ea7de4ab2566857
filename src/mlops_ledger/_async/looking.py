"""The first look at a server: who answers, and whether the ledger is there."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..connection import session
from ..connection.bounded import AsyncBoundedConnection
from ..connection.connections import Probe
from ..errors.translate import raise_alone
from ..statements import load
from .pooler import AsyncPoolerConnection, open_pooled


async def look(conninfo: str, limits: Mapping[str, str]) -> tuple[Probe, AsyncBoundedConnection]:
    """Look at a server by a new connection; return this, too. Raises the driver's errors."""
    connection = await _connect(conninfo, limits)
    try:
        probe = await _examine(connection, conninfo, limits)
        # A pooler may also drop startup options in silence: then this was a look at another
        # session than ours will be.
        if probe.pooled and not isinstance(connection, AsyncPoolerConnection):
            await connection.close()
            connection = await open_pooled(conninfo, limits)
            probe = await _examine(connection, conninfo, limits)
    except BaseException:
        await connection.close()
        raise
    return probe, connection


async def _connect(conninfo: str, limits: Mapping[str, str]) -> AsyncBoundedConnection:
    pinned = session.pin(conninfo, limits)
    try:
        return await AsyncBoundedConnection.connect(pinned, autocommit=True)
    except psycopg.OperationalError as error:
        if not session.refuses_options(error):
            raise
    return await open_pooled(conninfo, limits)


async def _examine(
    connection: AsyncBoundedConnection, conninfo: str, limits: Mapping[str, str]
) -> Probe:
    connection.patience = session.patience(conninfo, limits)
    began = monotonic()
    async with connection.cursor(row_factory=class_row(session.Found)) as cursor:
        await cursor.execute(*session.look(conninfo))
        found = await cursor.fetchone()
    latency = monotonic() - began
    assert found is not None
    # Behind a transaction pooler the process that answers is not the one that greeted.
    pooled = found.backend != connection.info.backend_pid
    if found.visible and not found.late:
        version = await _schema_version(connection)
    else:
        async with connection.transaction():
            await set_settings(connection, found.settings(), local=True)
            version = await _schema_version(connection) if found.schema else None
    return Probe(found=found, schema_version=version, latency=latency, pooled=pooled)


async def set_settings(
    connection: AsyncConnection[Any], settings: Mapping[str, str], *, local: bool = False
) -> None:
    """Set some settings of a session, or of its transaction; raises ConfigError if refused."""
    try:
        await connection.execute(*session.setting(settings, local=local))
    except psycopg.Error as error:
        raise_alone(session.refused(error, settings))


async def _schema_version(connection: AsyncConnection[Any]) -> int | None:
    cursor = await connection.execute(load("health")["schema_version"].text)
    row = await cursor.fetchone()
    return None if row is None else row[0]
