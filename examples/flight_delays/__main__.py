"""The main job on real data: `python -m examples.flight_delays`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from mlops_ledger import Database, SummariesRepository
from mlops_ledger.contrib.ui import write_report
from mlops_ledger.errors import LedgerError

from .model import MODEL_NAME
from .replay import WEEKS, replay
from .report import print_audit, print_performance, print_views

REPORT = Path("flight-delays.html")


@click.command()
@click.option(
    "--weeks",
    type=click.IntRange(1, WEEKS),
    default=WEEKS,
    show_default=True,
    help="How many weeks to replay, from 1 February 2013 on.",
)
def main(weeks: int) -> None:
    """Replay New York's flights of 2013: predict, monitor, retrain, and record it all."""
    try:
        with Database() as db:
            click.echo(f"Recording in {db.name}.")
            added = replay(db, weeks)
            click.echo(summary(weeks, added))
            print_performance(db)
            print_views(db)
            print_audit(db)
            # A scheduler does this every few minutes: the pages show what was counted.
            SummariesRepository(db).fold()
            write_report(db, REPORT, model_name=MODEL_NAME)
            click.echo(f"The year on one page: {REPORT}")
    except LedgerError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


def summary(weeks: int, added: Counter[str]) -> str:
    """Say what the replay added to the ledger."""
    if not added.total():
        return f"All {weeks} weeks were in the ledger already; nothing was added."
    return "Added " + ", ".join(f"{count:,} {kind}" for kind, count in added.items() if count) + "."


main(prog_name="python -m examples.flight_delays")
