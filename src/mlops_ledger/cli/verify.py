"""`mlops-ledger verify`: whether the ledger holds together."""

from __future__ import annotations

from datetime import datetime

import click

import mlops_ledger as ledger

from .base import Command
from .options import json_option, since_option
from .output import echo_json, echo_table, finish
from .progress import progress


@click.command(cls=Command)
@since_option
@json_option
def verify(since: datetime | None, as_json: bool) -> None:
    """Check what the database cannot enforce by itself.

    Reads everything, changes nothing: orphans, partitions ahead, migrations, indexes,
    constraints, triggers, functions, views, rights, the audit log, clocks, and records that wait
    in this machine's spool. Predictions and labels are read day by day, small days at once;
    with --since only those from that day on. Exits with 1 when something is wrong; that a coming
    day has no partition yet is reported, but no fault.
    """
    from ..admin import verify as checks

    with progress("verify") as report:
        found = checks.verify(ledger.Settings.from_environment(), since=since, progress=report)
    if as_json:
        echo_json(found)
    else:
        rows = [(each.check.replace("_", " "), each.found, each.detail) for each in found]
        echo_table(("check", "found", "detail"), rows)
    finish(1 if any(each.is_wrong for each in found) else 0)
