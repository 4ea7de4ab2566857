"""`mlops-ledger import` and `export`: bring what was kept elsewhere, and leave with everything."""

from __future__ import annotations

from pathlib import Path

import click

import mlops_ledger as ledger

from .base import Group
from .mlflow import import_mlflow
from .options import FilePath, json_option
from .output import echo_done
from .progress import progress
from .records import COMMANDS
from .results import import_evidently, import_great_expectations, import_whylogs


@click.group("import", cls=Group)
def import_() -> None:
    """Import records from elsewhere."""


for _each in (
    *COMMANDS,
    import_mlflow,
    import_evidently,
    import_great_expectations,
    import_whylogs,
):
    import_.add_command(_each)


@click.group(cls=Group)
def export() -> None:
    """Write the whole record to files."""


@export.command()
@click.argument("folder", type=FilePath(file_okay=False))
@json_option
def parquet(folder: Path, as_json: bool) -> None:
    """Write every table to Parquet below FOLDER, by day.

    A later export writes only what has changed; an interrupted one resumes. It needs the role
    owner, which may read everything.
    """
    from ..admin.transfer.lake import export_lake

    with progress("export") as report, ledger.Database() as db:
        done = export_lake(db, folder, report=report)
    text = f"{folder}: {done.rows:,} rows of {done.tables} tables, {done.written:,} files written"
    echo_done(done, f"{text}, {done.kept:,} were up to date", as_json)
