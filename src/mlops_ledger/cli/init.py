"""`mlops-ledger init` and `mlops-ledger health`."""

from __future__ import annotations

import click

from ..config import Settings
from ..database import Database
from ..setup import initialise
from .output import echo_fields, echo_json


@click.command()
@click.option("--owner", metavar="ROLE", help="Owner of a new database (default: who connects).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def init(owner: str | None, as_json: bool) -> None:
    """Create the database if it is missing and bring its schema up to date."""
    made = initialise(Settings.from_environment(), owner)
    if as_json:
        echo_json(made)
        return
    found = "created" if made.created else "was there"
    click.echo(f"database  {made.database} {found}, owned by {made.owner}")
    for migration in made.applied:
        click.echo(f"applied   {migration}")
    click.echo(f"tables    {', '.join(made.tables)}")
    click.echo(f"views     {', '.join(made.views)}")
    if not made.created and not made.applied:
        click.echo("nothing to do: the schema is up to date")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def health(context: click.Context, as_json: bool) -> None:
    """Check server and schema. Exits with 0 if healthy, 1 if not."""
    with_pool = Database()
    try:
        report = with_pool.health()
    finally:
        with_pool.close()
    if as_json:
        echo_json(report)
    else:
        echo_fields(report)
    context.exit(0 if report.healthy else 1)
