"""`mlops-ledger cleanup`: how long predictions and labels are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

import mlops_ledger as ledger

from . import complete
from .base import Command
from .options import Length, json_option, yes_option
from .output import ask, echo_done, echo_json, say
from .text import cell, size

if TYPE_CHECKING:
    from ..admin.retention import Freed

# No months, and no minutes that could be taken for them.
_age = Length("hdw")


@click.command(cls=Command)
@click.option("--older-than", type=_age, required=True, help="Delete what is older, such as 90d.")
@click.option("--metrics-older-than", type=_age, help="The same for system metrics, if it differs.")
@click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help="Only predictions and labels of this model.",
    shell_complete=complete.models,
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@yes_option
@json_option
def cleanup(
    older_than: timedelta,
    metrics_older_than: timedelta | None,
    model_name: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete old predictions, labels and system metrics.

    It asks first. Whole partitions are dropped; the rest is deleted row by row. Model versions,
    decisions, monitoring runs, drift reports and performance metrics stay. The partitions of the
    coming week are made.
    """
    if model_name is not None and metrics_older_than is not None:
        raise click.UsageError("--metrics-older-than: system metrics are of no model")
    from ..admin.retention import Retention

    now = datetime.now(UTC)
    before = now - older_than
    if not dry_run:
        what = "" if model_name is None else f" of model {model_name}"
        question = f"Delete what is older than {cell(before)}{what} from the ledger?"
        ask(question, yes=yes, refusal="cleanup deletes for good (see --dry-run)")

    def report(freed: Freed) -> None:
        if not as_json:
            say(_line(freed, dry_run))

    with ledger.Database() as db:
        steps = Retention(db).cleanup(
            before=before,
            metrics_before=None if metrics_older_than is None else now - metrics_older_than,
            model_name=model_name,
            dry_run=dry_run,
            report=report,
        )
        if not dry_run:
            Retention(db).ensure_partitions(until=now + timedelta(days=7))
    if as_json:
        echo_json({"before": before, "dry_run": dry_run, "freed": steps})
    else:
        say(_total(steps, before, dry_run))


@click.command("ensure-partitions", cls=Command)
@click.option(
    "--days", type=click.IntRange(1, 365), default=7, show_default=True, help="How far ahead."
)
@json_option
def ensure_partitions(days: int, as_json: bool) -> None:
    """Create partitions for the coming days."""
    from ..admin.retention import Retention

    with ledger.Database() as db:
        made = Retention(db).ensure_partitions(until=datetime.now(UTC) + timedelta(days=days))
    echo_done({"made": made}, f"made {made} partitions", as_json)


def _line(freed: Freed, dry_run: bool) -> str:
    if freed.bytes is not None:
        verb = "would drop" if dry_run else "dropped"
        return f"{verb} {freed.partition}: {size(freed.bytes)}"
    verb = "would delete" if dry_run else "deleted"
    return f"{verb} {freed.rows:,} rows of {freed.partition or freed.table_name}"


def _total(steps: list[Freed], before: datetime, dry_run: bool) -> str:
    dropped = [step.bytes for step in steps if step.bytes is not None]
    rows = sum(step.rows or 0 for step in steps)
    verb = "would free" if dry_run else "freed"
    return (
        f"{verb} {size(sum(dropped))} in {len(dropped)} partitions and {rows:,} rows "
        f"from before {before:%Y-%m-%d %H:%M} UTC"
    )
