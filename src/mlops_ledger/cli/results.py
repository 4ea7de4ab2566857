"""`mlops-ledger import evidently`, `great-expectations` and `whylogs`: results in files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import mlops_ledger as ledger

from . import complete
from .base import Command
from .options import FilePath, Timestamp, json_option, lookback_option
from .output import echo_done, say

if TYPE_CHECKING:
    from ..contrib.measured import Measured, Recorded

# What was left out, for people; --json has all.
_SOME: Final = 10
_path = FilePath(exists=True, dir_okay=False)
_file = click.argument("file", type=_path)
_model = click.option(
    "--model",
    "model_name",
    required=True,
    metavar="NAME",
    help="The model.",
    shell_complete=complete.models,
)
_version = click.option(
    "--version",
    "model_version",
    metavar="VERSION",
    help="The version (default: that in production).",
    shell_complete=complete.versions,
)
_at = click.option("--at", type=Timestamp(), metavar="TIME", help="The end of its window.")
_hour: Final = timedelta(hours=1)


@click.command("evidently", cls=Command)
@_file
@_model
@_version
@_at
@lookback_option
@json_option
def import_evidently(
    file: Path,
    model_name: str,
    model_version: str | None,
    at: datetime | None,
    lookback: timedelta,
    as_json: bool,
) -> None:
    """Record the run of an Evidently report, saved as JSON.

    Its drift becomes a drift report, its other numbers metrics; --at is now by default. Importing a
    file again for the same window adds nothing.
    """
    from ..contrib.evidently import measure

    measured = measure(file.read_bytes(), at or datetime.now(UTC), lookback / _hour)
    _record(measured, model_name, model_version, as_json)


@click.command("great-expectations", cls=Command)
@_file
@_model
@_version
@click.option("--at", type=Timestamp(), metavar="TIME", help="Instead of when it was validated.")
@json_option
def import_great_expectations(
    file: Path, model_name: str, model_version: str | None, at: datetime | None, as_json: bool
) -> None:
    """Record a validation result of Great Expectations, saved as JSON, as metrics.

    Importing a file again adds nothing.
    """
    from ..contrib.great_expectations import measure

    _record(measure(file.read_bytes(), at), model_name, model_version, as_json)


@click.command("whylogs", cls=Command)
@_file
@_model
@_version
@_at
@click.option("--reference", type=_path, help="The profile to compute drift from.")
@lookback_option
@json_option
def import_whylogs(
    file: Path,
    model_name: str,
    model_version: str | None,
    at: datetime | None,
    reference: Path | None,
    lookback: timedelta,
    as_json: bool,
) -> None:
    """Record a profile of whylogs as metrics, and its drift as a drift report.

    --at is the time of the profile by default. Needs whylogs. Importing a file again adds nothing.
    """
    from ..contrib.whylogs import measure

    measured = measure(file, at, reference, lookback / _hour)
    _record(measured, model_name, model_version, as_json)


def _record(measured: Measured, model_name: str, model_version: str | None, as_json: bool) -> None:
    with ledger.Database() as db:
        done = measured.record(db, model_name=model_name, model_version=model_version)
    _show(done, as_json)


def _show(done: Recorded, as_json: bool) -> None:
    if not as_json:
        for name, why in list(done.left_out.items())[:_SOME]:
            say(f"left out: {name} {why}", err=True)
        if len(done.left_out) > _SOME:
            say(f"and {len(done.left_out) - _SOME:,} more, see --json", err=True)
    metrics = f"{done.metrics.stored:,} metrics stored, {done.metrics.duplicates:,} were there"
    echo_done(done, f"{metrics}; drift reports: {len(done.drift_report_ids)}", as_json)
