"""Makes a backup: pg_dump and the counts of the manifest see the same snapshot."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, scalar_row

from ...connection.config import Settings
from ...connection.connections import connect, direct
from ...connection.conninfo import describe
from ...embedded import resolve_conninfo
from ...errors import BackupError, NotMigrated, Unavailable
from ...errors.translate import raise_alone, translate
from ...files import sync_folder
from ...statements import load
from .manifest import Manifest, seal
from .programs import find_program, run

# The first version that can leave out an extension.
_EXCLUDES: Final = 17

# Called with how many bytes of how many are done, as tables.
OnProgress = Callable[[int, int], object]


def backup(
    settings: Settings, file: Path, on_progress: OnProgress = lambda done, total: None
) -> Manifest:
    """Write the configured database, with whatever is in it, to a new file.

    Writers are not blocked: the file holds a consistent snapshot. It appears under its name once it
    is complete and on the disk. Raises BackupError when the file exists already or
    pg_dump fails, NotMigrated when the database is not a ledger.
    """
    conninfo = direct(settings, resolve_conninfo(settings))
    statements = load("backup")
    with _new_file(file) as part, _snapshot(conninfo) as connection:
        facts = _facts(connection)
        program, version = find_program("pg_dump", facts["server"], settings)
        snapshot = connection.execute(statements["snapshot"].text).fetchone()
        assert snapshot is not None
        command: list[str | Path] = [
            program,
            "--format=custom",
            f"--file={part}",
            f"--snapshot={snapshot[0]}",
            # Rather than wait without end behind a migration, with every writer behind us.
            "--lock-wait-timeout=60s",
            *_without_extension(facts.pop("citus"), version),
        ]
        run(command, conninfo, progress(facts["sizes"], on_progress))
        return seal(part, {**facts, "pg_dump": version})


def _without_extension(citus: bool, pg_dump: int) -> list[str]:
    """Leave Citus out, so that the file can be restored on a server without."""
    if not citus:
        return []
    if pg_dump < _EXCLUDES:
        raise BackupError(
            f"a ledger on Citus is backed up by pg_dump {_EXCLUDES} or later, and this is "
            f"{pg_dump}: set MLOPS_PG_BIN to the programs of a later PostgreSQL"
        )
    return ["--exclude-extension=citus*"]


def count_rows(
    connection: psycopg.Connection[Any], schema: str, tables: list[str]
) -> dict[str, int]:
    """Count the rows of each of some tables."""
    counts = {}
    for table in tables:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        [(counts[table],)] = connection.execute(query).fetchall()
    return counts


def progress(weights: dict[str, int], report: OnProgress) -> Callable[[str], None]:
    """Count a table as done when the next one begins."""
    total, done, current = sum(weights.values()), 0, ""

    def begin(table: str) -> None:
        nonlocal done, current
        done += weights.get(current, 0)
        current = table
        report(done, total)

    return begin


def _facts(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    cursor = connection.cursor(row_factory=dict_row)
    try:
        facts = cursor.execute(load("backup")["facts"].text).fetchone()
    except psycopg.errors.UndefinedTable:
        facts = None
    if facts is None or facts["schema_version"] is None:
        raise NotMigrated("the database is not a ledger: it was never migrated")
    names = connection.cursor(row_factory=scalar_row)
    tables = names.execute(load("create")["tables"].text).fetchall()
    roles = names.execute(load("backup")["roles"].text).fetchall()
    # Counting locks the tables, so that none is dropped before pg_dump comes to it.
    rows = count_rows(connection, facts["schema"], tables)
    sizes = dict(connection.execute(load("backup")["sizes"].text).fetchall())
    return {**facts, "roles": roles, "rows": rows, "sizes": sizes}


@contextmanager
def _snapshot(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        with connect(conninfo) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                try:
                    yield connection
                except Unavailable:
                    connection.close()  # Its rollback would be waited for as well.
                    raise
    except psycopg.Error as error:
        raise_alone(translate(error, target=describe(conninfo)))


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """Lend a private file beside `file` that takes its name at the end, if that is still free."""
    if os.path.lexists(file):
        raise BackupError(f"{file} exists already; a backup never overwrites one")
    try:
        # A name that nobody can guess, made exclusively: others cannot have put a file there.
        descriptor, name = tempfile.mkstemp(".part", f"{file.name}.", file.absolute().parent)
        part = Path(name)
        os.close(descriptor)
        try:
            yield part
            _name(part, file)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(file.absolute().parent)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from None


def _name(part: Path, file: Path) -> None:
    """Give a file its name, unless there is one of that name."""
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        # The file system has no hard links: the name is taken first.
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        part.replace(file)
