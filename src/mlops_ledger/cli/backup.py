"""`mlops-ledger backup` and `restore`: the whole ledger in one file."""

from __future__ import annotations

from pathlib import Path

import click

import mlops_ledger as ledger

from .base import Command
from .options import FilePath, json_option
from .output import echo_json, say
from .progress import progress
from .text import size


@click.command(cls=Command)
@click.argument("file", type=FilePath(dir_okay=False))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write the whole database to a new FILE.

    Writers are not blocked. FILE is in pg_dump's custom format and ends with what restore
    checks it against: a checksum and the number of rows of each table. It is never overwritten,
    and is there only when it is whole.
    """
    from ..admin import backup as backups

    with progress("backup") as report:
        manifest = backups.backup(ledger.Settings.from_environment(), file, report)
    if as_json:
        echo_json({"file": file, "manifest": manifest})
    else:
        say(
            f"{file}: {size(manifest.dump_bytes)}, {sum(manifest.rows.values()):,} rows of "
            f"{manifest.database}, schema version {manifest.schema_version}"
        )


@click.command(cls=Command)
@click.argument("file", type=FilePath(dir_okay=False))
@click.option("--into", metavar="NAME", help="The database (default: the configured one).")
@json_option
def restore(file: Path, into: str | None, as_json: bool) -> None:
    """Restore a backup FILE into an empty database.

    The database is made if it is missing. Refuses a file that is damaged or not of a ledger,
    and a database that is not empty, before anything is changed. What is restored belongs to
    the user who restores.
    """
    from ..admin import backup as backups

    with progress("restore") as report:
        done = backups.restore(ledger.Settings.from_environment(), file, into, report)
    if as_json:
        echo_json(done)
        return
    say(
        f"{done.database}: {sum(done.rows.values()):,} rows in {len(done.rows)} tables, "
        f"schema version {done.schema_version}"
    )
    if done.roles:
        say(f"made the roles {', '.join(done.roles)}, without a login")
