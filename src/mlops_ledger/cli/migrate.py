"""`mlops-ledger migrate`: move the database's schema between versions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

import mlops_ledger as ledger

from .base import Group
from .options import FilePath, json_option, yes_option
from .output import ask, echo_done, echo_json, echo_line, echo_table, finish, say, write

if TYPE_CHECKING:
    from ..migrations import MigrationState, Migrator


@click.group(cls=Group)
def migrate() -> None:
    """Migrate the schema of the database."""


@migrate.command()
@click.option("--to", type=int, metavar="N", help="Stop at version N.")
@click.option("--allow-changed", is_flag=True, help="Accept applied files as they are now.")
@json_option
def up(to: int | None, allow_changed: bool, as_json: bool) -> None:
    """Apply the migrations that the database lacks."""
    report = echo_line if as_json else _report_applied
    if not _migrator().up(to, allow_changed=allow_changed, on_step=report) and not as_json:
        say("nothing to apply")


@migrate.command()
@click.option("--steps", type=int, metavar="N", help="Revert the newest N migrations (default 1).")
@click.option("--to", type=int, metavar="N", help="Revert everything above version N.")
@yes_option
@json_option
def down(steps: int | None, to: int | None, yes: bool, as_json: bool) -> None:
    """Revert migrations, newest first. Their tables and data are deleted."""
    from ..connection.conninfo import describe

    if steps is not None and to is not None:
        raise click.UsageError("give either --to or --steps")
    question = f"Delete tables with their data from {describe(_conninfo())}?"
    ask(question, yes=yes, refusal="down deletes tables with their data")
    steps = 1 if steps is None else steps
    report = echo_line if as_json else _report_reverted
    if not _migrator().down(steps=steps, to=to, on_step=report) and not as_json:
        say("nothing to revert")


@migrate.command()
@json_option
def status(as_json: bool) -> None:
    """List the migrations. Exits with 1 if some are pending, 2 if an applied file was edited."""
    states = _migrator().status()
    if as_json:
        echo_json([asdict(state) for state in states])
    else:
        columns = ("version", "name", "state", "applied_at", "duration_ms")
        echo_table(columns, [[getattr(state, column) for column in columns] for state in states])
    found = {state.state for state in states}
    finish(2 if "edited" in found else 1 if "pending" in found else 0)


@migrate.command()
@click.option("--to", type=int, metavar="N", help="Stop at version N.")
@json_option
def plan(to: int | None, as_json: bool) -> None:
    """Print the SQL that 'up' would run."""
    pending = _migrator().plan(to)
    if as_json:
        echo_json([{"file": each.up.path.name, "sql": each.up.text} for each in pending])
        return
    for migration in pending:
        write(f"-- {migration.up.path.name}\n{migration.up.text}")
    if not pending:
        say("-- nothing to apply")


@migrate.command()
@json_option
def verify(as_json: bool) -> None:
    """Check that the database has exactly the migrations of this release."""
    _migrator().verify()
    echo_done({"verified": True}, "the schema is the one of this release", as_json)


@migrate.command()
@click.argument("version", type=int)
@json_option
def baseline(version: int, as_json: bool) -> None:
    """Record migrations up to VERSION as applied, without running them."""
    recorded = _migrator().baseline(version)
    if as_json:
        echo_json(recorded)
        return
    for state in recorded:
        say(f"recorded {state}")


@migrate.command()
@click.argument("name")
@click.option(
    "--directory",
    type=FilePath(exists=True, file_okay=False),
    default=Path("schema/migrations"),
    show_default=True,
    help="The folder of migrations.",
)
@json_option
def new(name: str, directory: Path, as_json: bool) -> None:
    """Create the next pair of files, called NAME."""
    from ..migrations import create_migration

    made = create_migration(directory, name)
    files = [made.up.path, made.down.path]
    if as_json:
        echo_json({"files": files})
        return
    for file in files:
        say(file)


def _conninfo() -> str:
    from ..connection.connections import direct
    from ..embedded import resolve_conninfo

    settings = ledger.Settings.from_environment()
    return direct(settings, resolve_conninfo(settings))


def _migrator() -> Migrator:
    from ..migrations import Migrator

    return Migrator(_conninfo())


def _report_applied(state: MigrationState) -> None:
    say(f"applied {state} in {state.duration_ms} ms")


def _report_reverted(state: MigrationState) -> None:
    say(f"reverted {state}")
