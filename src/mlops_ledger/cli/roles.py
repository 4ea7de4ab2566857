"""`mlops-ledger roles`: who may do what."""

from __future__ import annotations

import click

import mlops_ledger as ledger

from .base import Group
from .options import json_option
from .output import echo_done, echo_json, echo_table, finish, say


def _usual_prefix() -> str:
    from ..admin.roles import PREFIX

    return PREFIX


_prefix = click.option(
    "--prefix",
    default=_usual_prefix,
    show_default="mlops_",
    help="How the names of the roles begin.",
)


@click.group(cls=Group)
def roles() -> None:
    """Make the roles and show what each may do.

    They are owner, writer, reader, approver, auditor and agent. They cannot log in: make users
    who are members of them.
    """


@roles.command()
@_prefix
@click.option("--dry-run", is_flag=True, help="Print the SQL instead.")
@json_option
def create(prefix: str, dry_run: bool, as_json: bool) -> None:
    """Make the missing roles and grant them what they need; repeating it changes nothing.

    The ledger then belongs to the owner role; other grants to these roles are revoked.
    """
    from ..admin.roles import Roles

    with ledger.Database() as db:
        if dry_run:
            statements = Roles(db).statements(prefix=prefix)
            if as_json:
                echo_json({"statements": statements})
                return
            for statement in statements:
                say(f"{statement};")
            return
        missing = Roles(db).missing(prefix=prefix)
        Roles(db).create(prefix=prefix)
    if as_json:
        echo_json({"created": missing, "owner": f"{prefix}owner"})
        return
    for name in missing:
        say(f"role      {name} created")
    say(f"granted   what {prefix}writer, reader, approver, auditor and agent need")
    say(f"owner     {prefix}owner")


@roles.command()
@click.argument("count", type=int, required=False)
@json_option
def minimum(count: int | None, as_json: bool) -> None:
    """Show how many predictions a day needs for readers to see its features, or set it to COUNT.

    Above 1, roles that may not read inputs see features by whole days of UTC and no slices; with 1
    they see everything. Only the owner may set it.
    """
    with ledger.Database() as db:
        summaries = ledger.SummariesRepository(db)
        if count is not None:
            summaries.set_minimum_count(minimum_count=count)
        found = summaries.minimum_count()
    echo_done({"minimum_count": found}, "no setting" if found is None else found, as_json)


@roles.command()
@_prefix
@json_option
def show(prefix: str, as_json: bool) -> None:
    """Show what the roles may do, as the server has it. Exits with 1 if one is missing."""
    from ..admin.roles import Roles

    with ledger.Database() as db:
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
            say(f"{name} is missing", err=True)
    finish(1 if missing else 0)
