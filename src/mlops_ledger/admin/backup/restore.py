"""Restores a backup into an empty database, wholly or not at all, and checks the result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from ...connection.config import Settings
from ...connection.connections import connect, direct
from ...connection.conninfo import check_database
from ...database import Database
from ...embedded import resolve_conninfo
from ...errors import BackupError, LedgerError
from ...errors.translate import raise_alone, translate
from ...migrations import latest_version
from ...repositories import AuditRepository
from ...statements import load
from ..create import create_database, maintenance
from .dump import OnProgress, count_rows, progress
from .manifest import Manifest, read_manifest
from .programs import find_program, run


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored where; `roles` are those that had to be made, without a login."""

    database: str
    schema: str
    schema_version: int
    rows: dict[str, int]
    roles: list[str]


def restore(
    settings: Settings,
    file: Path,
    into: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Restored:
    """Restore a backup into the configured database, or the one named `into`.

    The database is made if it is missing, and dropped again if the restore fails. What is restored
    belongs to the user who restores. At the end the rows are counted and the audit log is verified,
    unless the backup is of an older schema.
    Raises ConfigError for a name that no database can have, and BackupError, before anything is
    changed, when the file is not a whole backup of a ledger, when it is of a newer release or
    PostgreSQL, or when the database is not empty.
    """
    manifest = read_manifest(file)
    if manifest.schema_version > latest_version():
        raise BackupError(
            f"{file} has schema version {manifest.schema_version}, newer than this release knows "
            f"({latest_version()}): upgrade mlops-ledger"
        )
    conninfo, name = _target(settings, into)
    settings = replace(settings, conninfo=conninfo)
    with maintenance(conninfo, name) as server:
        target = _examine(server, manifest)
        program = _find_pg_restore(settings, target["server"], manifest)
        _require_empty(server, conninfo, name)
    created, _ = create_database(settings)
    try:
        _make_roles(conninfo, target["missing_roles"])
        _load(program, file, conninfo, name, progress(manifest.sizes, on_progress))
    except BaseException:
        if created:
            _drop(conninfo, name)
        raise
    with connect(conninfo) as connection, connection.transaction():
        connection.execute(load("backup")["be_patient"].text)
        _verify_rows(connection, manifest)
        connection.execute(load("backup")["analyze"].text)
    if manifest.schema_version == latest_version():
        with Database(settings) as db:
            with db.connection() as lent:
                lent.execute(load("backup")["guard"].text)
            _verify_audit(db, manifest)
    return Restored(
        name, manifest.schema, manifest.schema_version, manifest.rows, target["missing_roles"]
    )


def _target(settings: Settings, into: str | None) -> tuple[str, str]:
    """Return the connection string and the name of the database to restore into."""
    conninfo = direct(settings, resolve_conninfo(settings))
    if into is not None:
        conninfo = make_conninfo(conninfo, dbname=check_database(into, "into:"))
    name = str(conninfo_to_dict(conninfo).get("dbname", settings.database))
    if name in ("template0", "template1"):
        raise BackupError(
            f"{name} is what the server makes new databases from: restore --into another"
        )
    return conninfo, name


def _find_pg_restore(settings: Settings, server: int, manifest: Manifest) -> Path:
    program, version = find_program("pg_restore", server, settings)
    if version < manifest.pg_dump:
        raise BackupError(
            f"the backup was made by pg_dump {manifest.pg_dump}, which pg_restore {version} "
            f"cannot read: set MLOPS_PG_BIN to the programs of {manifest.pg_dump} or later"
        )
    return program


def _load(
    program: Path, file: Path, conninfo: str, name: str, on_table: Callable[[str], None]
) -> None:
    command: list[str | Path] = [
        program,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        # As part of a connection string: a bare name with "=" in it would be taken for one.
        f"--dbname={make_conninfo(dbname=name)}",
        file,
    ]
    run(command, conninfo, on_table)


def _examine(server: psycopg.Connection[Any], manifest: Manifest) -> dict[str, Any]:
    cursor = server.cursor(row_factory=dict_row)
    target = cursor.execute(load("backup")["target"].text, {"roles": manifest.roles}).fetchone()
    assert target is not None
    if target["server"] < manifest.server:
        raise BackupError(
            f"the backup is of PostgreSQL {manifest.server} and the server is {target['server']}: "
            f"restore it on {manifest.server} or later"
        )
    if target["locks"] < manifest.relations:
        raise BackupError(
            f"restoring {manifest.relations:,} tables and indexes in one transaction needs as many "
            f"locks, and the server has {target['locks']:,}: raise max_locks_per_transaction"
        )
    if target["missing_roles"] and not target["may_create_roles"]:
        raise BackupError(
            f"the backup grants to roles that the server lacks, and the user may not make them: "
            f"{', '.join(target['missing_roles'])}"
        )
    return target


def _require_empty(server: psycopg.Connection[Any], conninfo: str, name: str) -> None:
    owner = load("create")["database_owner"].text
    if server.execute(owner, {"database": name}).fetchone() is None:
        return
    with connect(conninfo) as connection:
        if connection.execute(load("backup")["is_empty"].text).fetchone() != (True,):
            raise BackupError(
                f"the database {name} is not empty: restore --into a new one, or drop it first"
            )


def _drop(conninfo: str, name: str) -> None:
    """Drop the database that was made for a restore that failed, unless somebody else is in it."""
    # Report why the restore failed: the server may be gone.
    with suppress(psycopg.Error, LedgerError), maintenance(conninfo, name) as server:
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _make_roles(conninfo: str, names: list[str]) -> None:
    """Make roles from within the database: where that knows Citus, the workers get them, too."""
    try:
        with connect(conninfo) as connection:
            for name in names:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise_alone(translate(error))


def _verify_rows(connection: psycopg.Connection[Any], manifest: Manifest) -> None:
    counts = count_rows(connection, manifest.schema, list(manifest.rows))
    wrong = [name for name, count in manifest.rows.items() if counts[name] != count]
    if wrong:
        raise BackupError(
            f"the restored database does not have the rows of the backup in {', '.join(wrong)}"
        )


def _verify_audit(db: Database, manifest: Manifest) -> None:
    found = AuditRepository(db).verify(against=manifest.audit_head)
    if found.problem is not None:
        raise BackupError(
            f"restored, but entry {found.broken_seq} of the audit log {found.problem}; "
            "run mlops-ledger audit verify on the ledger that was backed up"
        )
