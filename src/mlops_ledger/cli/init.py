"""`mlops-ledger init`, `mlops-ledger health` and `mlops-ledger db reset`."""

from __future__ import annotations

import sys
from contextlib import suppress

import click

from ..admin.create import Made, drop_database, initialise
from ..config import Settings
from ..database import Database
from ..errors import ConfigError, LedgerError
from .options import json_option, period_type
from .output import echo_json, echo_row


@click.command()
@click.option("--owner", metavar="ROLE", help="Owner of a new database (default: who connects).")
@click.option(
    "--partition-by",
    type=period_type,
    help="How long partitions made from now on are (default of a new database: day).",
)
@json_option
def init(owner: str | None, partition_by: str | None, as_json: bool) -> None:
    """Create the database, or bring its schema up to date."""
    made = initialise(Settings.from_environment(), owner, partition_by=partition_by)
    echo_json(made) if as_json else _echo_made(made)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Drop the database with everything in it and make it anew. Only on this machine."""
    settings = Settings.from_environment()
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("reset deletes the whole ledger: confirm with --yes")
        click.confirm(f"Delete the database {settings.database} and all it holds?", abort=True)
    click.echo(f"database  {drop_database(settings)} dropped")
    _echo_made(initialise(settings))


@click.command()
@json_option
@click.pass_context
def health(context: click.Context, as_json: bool) -> None:
    """Check server and schema. Exits with 0 if healthy, 1 if not."""
    db = Database()
    with suppress(LedgerError):  # what is wrong stands in the report
        db.open()
    report = db.health()
    db.close()
    echo_row(report, as_json)
    context.exit(0 if report.healthy else 1)


def _echo_made(made: Made) -> None:
    found = "created" if made.created else "was there"
    click.echo(f"database  {made.database} {found}, owned by {made.owner}")
    for migration in made.applied:
        click.echo(f"applied   {migration}")
    click.echo(f"tables    {', '.join(made.tables)}")
    click.echo(f"views     {', '.join(made.views)}")
    if not made.created and not made.applied:
        click.echo("nothing to do: the schema is up to date")
