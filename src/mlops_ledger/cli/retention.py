"""`mlops-ledger cleanup`: how long predictions and labels are kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from ..database import Database
from ..repositories import PredictionsRepository
from ..retention import Freed, Retention
from .options import json_option
from .output import echo_json, size

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Age(click.ParamType[timedelta]):
    """A length of time such as 90d, 12w or 36h."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        match = re.fullmatch(r"(\d{1,5})([hdw])", value)
        if match is None or int(match[1]) == 0:
            self.fail("must be a number of hours, days or weeks: 36h, 90d, 12w", param, ctx)
        return int(match[1]) * _UNITS[match[2]]


@click.command()
@click.option("--older-than", type=Age(), required=True, help="Delete what is older, such as 90d.")
@click.option("--model", "model_name", help="Only predictions of this model.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def cleanup(older_than: timedelta, model_name: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete old predictions and their labels, and make the partitions of the coming week.

    Whole partitions are dropped; the rest is deleted row by row. Model versions, decisions and
    monitoring runs stay.
    """
    before = datetime.now(UTC) - older_than

    def report(freed: Freed) -> None:
        if not as_json:
            click.echo(_line(freed, dry_run))

    with Database() as db:
        steps = Retention(db).cleanup(
            before=before, model_name=model_name, dry_run=dry_run, report=report
        )
        if not dry_run:
            PredictionsRepository(db).ensure_partitions()
    if as_json:
        echo_json({"before": before, "dry_run": dry_run, "freed": steps})
    else:
        click.echo(_total(steps, before, dry_run))


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
