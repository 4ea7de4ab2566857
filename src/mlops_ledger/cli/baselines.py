"""`mlops-ledger baselines`: what versions were trained on, in bins."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import click

import mlops_ledger as ledger

from ..errors import LedgerError, NotFound
from . import complete
from .base import Group
from .options import FilePath, before_option, by_option, json_option, limit_option, model_option
from .output import echo_done, echo_fields, echo_json, echo_rows, say

OUTPUTS = ("probabilities", "predictions", "labels")


@click.group(cls=Group)
def baselines() -> None:
    """Record the distributions of training data, as histograms."""


@baselines.command()
@click.argument("file", type=FilePath(exists=True, dir_okay=False))
@click.option(
    "--model",
    "model_name",
    required=True,
    metavar="NAME",
    help="The model.",
    shell_complete=complete.models,
)
@click.option(
    "--version",
    "model_version",
    required=True,
    metavar="VERSION",
    help="The version trained on it.",
    shell_complete=complete.versions,
)
@click.option("--categorical", multiple=True, metavar="COLUMN", help="A categorical column.")
@click.option("--leave-out", multiple=True, metavar="COLUMN", help="A column to leave out.")
@click.option(
    "--probabilities", metavar="COLUMN", help="Column of the probability of the positive class."
)
@click.option("--predictions", metavar="COLUMN", help="Column of predictions.")
@click.option("--labels", metavar="COLUMN", help="Column of labels.")
@click.option(
    "--bins", "num_bins", type=int, default=20, show_default=True, help="Maximum number of bins."
)
@by_option
@json_option
def register(
    file: Path,
    model_name: str,
    model_version: str,
    categorical: tuple[str, ...],
    leave_out: tuple[str, ...],
    num_bins: int,
    by: str | None,
    as_json: bool,
    **outputs: str | None,
) -> None:
    """Register a Parquet FILE as the baseline of a version, as histograms of its columns.

    Each column is a feature, unless another option names it.
    """
    table = _read(file)
    named = {argument: column for argument, column in outputs.items() if column is not None}
    for column in (*leave_out, *named.values()):
        if column not in table.column_names:
            raise click.UsageError(f"{file.name} has no column {column}")
    data = table.drop_columns(list({*leave_out, *named.values()}))
    with ledger.Database() as db:
        id = ledger.BaselinesRepository(db).register(
            model_name=model_name,
            model_version=model_version,
            data=data,
            categorical=categorical,
            num_bins=num_bins,
            created_by=by,
            **{argument: table[column] for argument, column in named.items()},
        )
    echo_done({"id": id}, id, as_json)


@baselines.command("list")
@model_option
@before_option
@limit_option
@json_option
def list_(as_json: bool, **filters: Any) -> None:
    """List baselines, newest first."""
    with ledger.Database() as db:
        rows = ledger.BaselinesRepository(db).list_baselines(**filters)
    echo_rows(rows, "id model_name model_version num_rows num_features created_at", as_json)


@baselines.command()
@click.argument("id", type=click.UUID)
@json_option
def show(id: UUID, as_json: bool) -> None:
    """Show the bins of a baseline."""
    with ledger.Database() as db:
        repository = ledger.BaselinesRepository(db)
        found, features = repository.get(id=id), repository.list_features(id=id)
    if found is None:
        raise NotFound(f"there is no baseline {id}")
    if as_json:
        echo_json({"baseline": found, "features": features})
        return
    echo_fields(found)
    say("")
    columns = "feature column_name kind num_missing mean std min max num_categories"
    echo_rows(features, columns, as_json=False)


def _read(file: Path) -> Any:
    from ..arrow import parquet_file, parquet_library

    parquet = parquet_library()
    import pyarrow

    try:
        return parquet.read_table(parquet_file(file))
    except (pyarrow.ArrowException, OSError):
        raise LedgerError(f"{file.name} is not a Parquet file that can be read") from None
