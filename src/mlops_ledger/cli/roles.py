"""`mlops-ledger roles`: who may do what."""

from __future__ import annotations

import click

from ..admin.roles import PREFIX, Roles
from ..database import Database
from .options import json_option
from .output import echo_json, echo_table

_prefix = click.option(
    "--prefix", default=PREFIX, show_default=True, help="How the names of the roles begin."
)


@click.group()
def roles() -> None:
    """Make the roles and show what each may do.

    They are owner, writer, reader, approver and auditor. They cannot log in: make users who are
    members of them.
    """


@roles.command()
@_prefix
@click.option("--dry-run", is_flag=True, help="Print the SQL instead.")
def create(prefix: str, dry_run: bool) -> None:
    """Make the roles that are missing and grant them what they need; again changes nothing.

    The ledger then belongs to the owner role, and what was granted otherwise to these roles
    goes.
    """
    with Database() as db:
        if dry_run:
            for statement in Roles(db).statements(prefix=prefix):
                click.echo(f"{statement};")
            return
        missing = Roles(db).missing(prefix=prefix)
        Roles(db).create(prefix=prefix)
    for name in missing:
        click.echo(f"role      {name} created")
    click.echo(f"granted   what {prefix}writer, reader, approver and auditor need")
    click.echo(f"owner     {prefix}owner")


@roles.command()
@_prefix
@json_option
@click.pass_context
def show(context: click.Context, prefix: str, as_json: bool) -> None:
    """Show what the roles may do, as the server has it. Exits with 1 if one is missing."""
    with Database() as db:
        missing = Roles(db).missing(prefix=prefix)
        grants = Roles(db).show(prefix=prefix)
    if as_json:
        echo_json({"missing": missing, "grants": grants})
    else:
        echo_table(
            ("role", "type", "object", "privileges", "columns"),
            [
                (g.role, g.object_type, g.object_name, ", ".join(g.privileges), g.columns)
                for g in grants
            ],
        )
        for name in missing:
            click.echo(f"{name} is missing", err=True)
    context.exit(1 if missing else 0)
