"""Makes the ledger's database: create it, migrate it, list what it holds, reset it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..connection.config import Settings
from ..connection.connections import connect, direct
from ..connection.conninfo import describe
from ..database import Database
from ..embedded import resolve_conninfo
from ..errors import ConfigError, LedgerError, SchemaError
from ..errors.translate import raise_alone, translate
from ..migrations import Migrator
from ..repositories import PredictionsRepository
from ..statements import load

_LOOPBACK = ("127.", "::1")


@dataclass(frozen=True, slots=True)
class Made:
    """What `initialise` found or made; `owner` owns the database."""

    database: str
    owner: str
    created: bool
    applied: list[str]
    tables: list[str]
    views: list[str]


def create_database(settings: Settings, owner: str | None = None) -> tuple[bool, str]:
    """Create the configured database if it is missing; return whether it was, and its owner.

    A new database belongs to `owner`, or to the user who connects. Raises Unavailable when the
    server cannot be reached, LedgerError when the user may not create databases.
    """
    return _create(direct(settings, resolve_conninfo(settings)), owner)


def _create(conninfo: str, owner: str | None) -> tuple[bool, str]:
    name = _name(conninfo)
    with maintenance(conninfo, name) as connection:
        query = load("create")["database_owner"].text
        found = connection.execute(query, {"database": name}).fetchone()
        if found:
            return False, str(found[0])
        owner = owner or connection.info.user
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(name), sql.Identifier(owner)
                )
            )
            created = True
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            created = False  # another process made it at the same time
        except psycopg.errors.InvalidParameterValue:
            # Nothing else of the statement can be invalid.
            raise_alone(
                SchemaError(
                    "the server's locale cannot hold UTF8, which a ledger needs: make the database "
                    f"by CREATE DATABASE {sql.Identifier(name).as_string()} OWNER "
                    f"{sql.Identifier(owner).as_string()} ENCODING 'UTF8' LOCALE 'C' "
                    "TEMPLATE template0"
                )
            )
        except psycopg.Error as error:
            raise_alone(translate(error))
        return created, owner


def initialise(
    settings: Settings, owner: str | None = None, *, partition_by: str | None = None
) -> Made:
    """Create the database if it is missing and migrate it; running it again changes nothing.

    `partition_by`, "day" by default, is the length of new partitions of predictions and labels.
    """
    conninfo = direct(settings, resolve_conninfo(settings))
    created, found_owner = _create(conninfo, owner)
    if owner is not None:
        conninfo = _as_role(conninfo, owner)
    applied = [str(migration) for migration in Migrator(conninfo).up()]
    if partition_by is not None:
        with Database(replace(settings, conninfo=conninfo)) as db:
            PredictionsRepository(db).partition_by(period=partition_by)
    statements = load("create")
    with connect(conninfo) as connection:
        tables, views = (
            [row[0] for row in connection.execute(statements[name].text)]
            for name in ("tables", "views")
        )
        return Made(connection.info.dbname, found_owner, created, applied, tables, views)


def drop_database(settings: Settings) -> str:
    """Drop the configured database, if it is on this machine, and return its name.

    Raises ConfigError for a database anywhere else, whatever its connection string claims, and for
    a user who could not create it again.
    """
    conninfo = direct(settings, resolve_conninfo(settings))
    name = _name(conninfo)
    with maintenance(conninfo, name) as connection:
        if name in ("postgres", "template0", "template1"):
            raise ConfigError(f"{name} is the server's own database, not one for a ledger")
        if not _is_local(connection):
            raise ConfigError(
                f"{describe(conninfo)} is not on this machine: reset only ever touches a local one"
            )
        _require_ledger(conninfo)
        if connection.execute(load("create")["may_create"].text).fetchone() != (True,):
            raise ConfigError(
                "the user may not create databases, so the database could not be made again: "
                "reset needs a role with CREATEDB"
            )
        try:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        except psycopg.Error as error:
            raise_alone(translate(error))
    return name


def _name(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo)["dbname"])


def _require_ledger(conninfo: str) -> None:
    """Raise ConfigError if the database holds tables, but not the ledger's."""
    try:
        connection = connect(conninfo)
    except LedgerError:
        return  # it does not exist
    with connection:
        if connection.execute(load("create")["is_ledger"].text).fetchone() != (True,):
            raise ConfigError("the database holds tables but no ledger: reset leaves it alone")


def _as_role(conninfo: str, role: str) -> str:
    """Act as a role after connecting, so that it owns what is made."""
    escaped = role.replace("\\", r"\\").replace(" ", r"\ ")
    given = conninfo_to_dict(conninfo).get("options") or ""
    return make_conninfo(conninfo, options=f"{given} -c role={escaped}".strip())


def _is_local(connection: psycopg.Connection[Any]) -> bool:
    # What the connection really reached: a host name, PGHOST or a service file can mislead.
    host = connection.info.host
    return host.startswith("/") or connection.info.hostaddr.startswith(_LOOPBACK)


def maintenance(conninfo: str, name: str) -> psycopg.Connection[Any]:
    """Connect to a database that is always there, to ask about the one of a name, or make it."""
    # Where the user may not enter these, the database itself says whether it exists.
    candidates = [other for other in ("postgres", "template1") if other != name] + [name]
    failure: LedgerError | None = None
    for database in candidates:
        try:
            return connect(make_conninfo(conninfo, dbname=database))
        except LedgerError as error:
            failure = failure or error
    assert failure is not None
    raise failure
