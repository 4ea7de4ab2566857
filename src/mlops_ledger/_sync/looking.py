# Generated from src/mlops_ledger/_async/looking.py by tools/unasync.py: edit that file, then run `make sync`.
"""The first look at a server: who answers, and whether the ledger is there."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from ..connection import session
from ..connection.bounded import BoundedConnection
from ..connection.connections import Probe
from ..errors.translate import raise_alone
from ..statements import load
from .pooler import PoolerConnection, open_pooled


def look(conninfo: str, limits: Mapping[str, str]) -> tuple[Probe, BoundedConnection]:
    """Look at a server by a new connection; return this, too. Raises the driver's errors."""
    connection = _connect(conninfo, limits)
    try:
        probe = _examine(connection, conninfo, limits)
        # A pooler may also drop startup options in silence: then this was a look at another
        # session than ours will be.
        if probe.pooled and not isinstance(connection, PoolerConnection):
            connection.close()
            connection = open_pooled(conninfo, limits)
            probe = _examine(connection, conninfo, limits)
    except BaseException:
        connection.close()
        raise
    return probe, connection


def _connect(conninfo: str, limits: Mapping[str, str]) -> BoundedConnection:
    pinned = session.pin(conninfo, limits)
    try:
        return BoundedConnection.connect(pinned, autocommit=True)
    except psycopg.OperationalError as error:
        if not session.refuses_options(error):
            raise
    return open_pooled(conninfo, limits)


def _examine(
    connection: BoundedConnection, conninfo: str, limits: Mapping[str, str]
) -> Probe:
    connection.patience = session.patience(conninfo, limits)
    began = monotonic()
    with connection.cursor(row_factory=class_row(session.Found)) as cursor:
        cursor.execute(*session.look(conninfo))
        found = cursor.fetchone()
    latency = monotonic() - began
    assert found is not None
    # Behind a transaction pooler the process that answers is not the one that greeted.
    pooled = found.backend != connection.info.backend_pid
    if found.visible and not found.late:
        version = _schema_version(connection)
    else:
        with connection.transaction():
            set_settings(connection, found.settings(), local=True)
            version = _schema_version(connection) if found.schema else None
    return Probe(found=found, schema_version=version, latency=latency, pooled=pooled)


def set_settings(
    connection: Connection[Any], settings: Mapping[str, str], *, local: bool = False
) -> None:
    """Set some settings of a session, or of its transaction; raises ConfigError if refused."""
    try:
        connection.execute(*session.setting(settings, local=local))
    except psycopg.Error as error:
        raise_alone(session.refused(error, settings))


def _schema_version(connection: Connection[Any]) -> int | None:
    cursor = connection.execute(load("health")["schema_version"].text)
    row = cursor.fetchone()
    return None if row is None else row[0]
