"""`mlops-ledger migrate`: move the database's schema between versions."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from ..config import Settings, describe
from ..connections import direct
from ..embedded import resolve_conninfo
from ..errors import InvalidValue, MigrationError
from ..migrations import MigrationState, Migrator, create_migration
from .output import echo_json, echo_table


@click.group()
def migrate() -> None:
    """Move the database's schema between versions."""


@migrate.command()
@click.option("--to", type=int, metavar="N", help="Stop at version N.")
@click.option("--allow-changed", is_flag=True, help="Accept applied files as they are now.")
def up(to: int | None, allow_changed: bool) -> None:
    """Apply the migrations that the database lacks."""
    if not _migrator().up(to, allow_changed=allow_changed, on_step=_report_applied):
        click.echo("nothing to apply")


@migrate.command()
@click.option("--steps", type=int, metavar="N", help="Revert the newest N migrations (default 1).")
@click.option("--to", type=int, metavar="N", help="Revert everything above version N.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(steps: int | None, to: int | None, yes: bool) -> None:
    """Revert migrations, newest first. Their tables and data are deleted."""
    if steps is not None and to is not None:
        raise InvalidValue("--to", "give either this or --steps")
    conninfo = _conninfo()
    if not yes:
        _confirm(conninfo)
    steps = 1 if steps is None else steps
    if not Migrator(conninfo).down(steps=steps, to=to, on_step=_report_reverted):
        click.echo("nothing to revert")


@migrate.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """List the migrations. Exits with 1 if some are pending, 2 if an applied file was edited."""
    states = _migrator().status()
    if as_json:
        echo_json([asdict(state) for state in states])
    else:
        columns = ("version", "name", "state", "applied_at", "applied_by", "duration_ms")
        echo_table(columns, [[getattr(state, column) for column in columns] for state in states])
    found = {state.state for state in states}
    context.exit(2 if "edited" in found else 1 if "pending" in found else 0)


@migrate.command()
@click.option("--to", type=int, metavar="N", help="Stop at version N.")
def plan(to: int | None) -> None:
    """Print the SQL that 'up' would run."""
    pending = _migrator().plan(to)
    for migration in pending:
        click.echo(f"-- {migration.up.path.name}\n{migration.up.text}")
    if not pending:
        click.echo("-- nothing to apply")


@migrate.command()
def verify() -> None:
    """Check that the database has exactly the migrations of this release."""
    _migrator().verify()
    click.echo("the schema is the one of this release")


@migrate.command()
@click.argument("version", type=int)
def baseline(version: int) -> None:
    """Record migrations up to VERSION as applied, without running them."""
    for state in _migrator().baseline(version):
        click.echo(f"recorded {state}")


@migrate.command()
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("schema/migrations"),
    show_default=True,
    help="The folder of migrations.",
)
def new(name: str, directory: Path) -> None:
    """Create the next pair of files, called NAME."""
    migration = create_migration(directory, name)
    click.echo(f"{migration.up.path}\n{migration.down.path}")


def _conninfo() -> str:
    settings = Settings.from_environment()
    return direct(settings, resolve_conninfo(settings))


def _migrator() -> Migrator:
    return Migrator(_conninfo())


def _confirm(conninfo: str) -> None:
    if not sys.stdin.isatty():
        raise MigrationError("down deletes tables with their data; confirm with --yes")
    click.confirm(f"Delete tables with their data from {describe(conninfo)}?", abort=True)


def _report_applied(state: MigrationState) -> None:
    click.echo(f"applied {state} in {state.duration_ms} ms")


def _report_reverted(state: MigrationState) -> None:
    click.echo(f"reverted {state}")
