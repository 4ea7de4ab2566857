"""`mlops-ledger verify`: whether the ledger holds together."""

from __future__ import annotations

import click

from ..admin import verify as checks
from ..config import Settings
from .options import json_option
from .output import echo_json, echo_table


@click.command()
@json_option
@click.pass_context
def verify(context: click.Context, as_json: bool) -> None:
    """Check what the database cannot enforce by itself.

    Reads everything, changes nothing: orphans, partitions ahead, migrations, indexes,
    constraints, triggers, the audit log, clocks, and records that wait in this machine's spool.
    Exits with 1 when something is wrong.
    """
    found = checks.verify(Settings.from_environment())
    if as_json:
        echo_json(found)
    else:
        rows = [(each.check.replace("_", " "), each.found, each.detail) for each in found]
        echo_table(("check", "found", "detail"), rows)
    context.exit(1 if any(each.found for each in found) else 0)
