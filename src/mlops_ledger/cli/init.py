"""`mlops-ledger init`, `mlops-ledger health` and `mlops-ledger db reset`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

import mlops_ledger as ledger

from ..errors import LedgerError
from .base import Command
from .options import json_option, period_type, yes_option
from .output import ask, echo_json, echo_pairs, echo_row, finish, say

if TYPE_CHECKING:
    from ..admin.create import Made


@click.command(cls=Command)
@click.option(
    "--owner", metavar="ROLE", help="Owner of a new database (default: the user who connects)."
)
@click.option(
    "--partition-by",
    type=period_type,
    help="Length of new partitions (default of a new database: day).",
)
@json_option
def init(owner: str | None, partition_by: str | None, as_json: bool) -> None:
    """Create the database, or bring its schema up to date."""
    from ..admin.create import initialise

    made = initialise(ledger.Settings.from_environment(), owner, partition_by=partition_by)
    echo_json(made) if as_json else _echo_made(made)


@click.command(cls=Command)
@yes_option
@json_option
def reset(yes: bool, as_json: bool) -> None:
    """Drop the database with everything in it and create it again. Only on this machine."""
    from ..admin.create import drop_database, initialise

    settings = ledger.Settings.from_environment()
    question = f"Delete the database {settings.database} and all it holds?"
    ask(question, yes=yes, refusal="reset deletes the whole ledger")
    dropped = drop_database(settings)
    if as_json:
        echo_json(initialise(settings))
        return
    say(f"database  {dropped} dropped")
    _echo_made(initialise(settings))


@click.command(cls=Command)
@json_option
def health(as_json: bool) -> None:
    """Check server and schema. Exits with 0 if healthy, 1 if not."""
    db = ledger.Database()
    with suppress(LedgerError):  # what is wrong stands in the report
        db.open()
    report = db.health()
    db.close()
    echo_row(report, as_json)
    finish(0 if report.healthy else 1)


def _echo_made(made: Made) -> None:
    found = "created" if made.created else "was there"
    echo_pairs(
        {
            "database": f"{made.database} {found}, owned by {made.owner}",
            "applied": ", ".join(made.applied) or None,
            "tables": ", ".join(made.tables),
            "views": ", ".join(made.views),
        }
    )
    if not made.created and not made.applied:
        say("nothing to do: the schema is up to date")
