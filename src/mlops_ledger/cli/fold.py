"""`mlops-ledger fold`: the summaries that monitoring reads."""

from __future__ import annotations

import click

import mlops_ledger as ledger

from .base import Command
from .options import json_option, model_option, version_option
from .output import echo_done, echo_rows


@click.command(cls=Command)
@model_option
@version_option
@click.option("--rebuild", is_flag=True, help="Recount everything that is still there.")
@click.option("--pending", is_flag=True, help="Only show what is waiting to be folded.")
@json_option
def fold(
    model_name: str | None, model_version: str | None, rebuild: bool, pending: bool, as_json: bool
) -> None:
    """Fold new rows into the summaries that monitoring reads.

    Reads fold small amounts themselves; run this every few minutes where much is written. Any
    number may run at once, and each may be killed at any time.
    """
    if rebuild and pending:
        raise click.UsageError("--rebuild and --pending exclude each other")
    which = {"model_name": model_name, "model_version": model_version}
    with ledger.Database() as db:
        summaries = ledger.SummariesRepository(db)
        if pending:
            columns = "model_name model_version marks first_predicted_at last_predicted_at"
            echo_rows(summaries.list_pending(**which), f"{columns} pending_since", as_json)
            return
        count = summaries.rebuild if rebuild else summaries.fold
        hours = count(model_name=model_name, model_version=model_version)
    echo_done({"hours": hours}, f"folded {hours} hours", as_json)
