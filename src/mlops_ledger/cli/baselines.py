"""`mlops-ledger baselines`: what versions were trained on, in bins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

import mlops_ledger as ledger

from ..checks.windows import nothing_live
from ..errors import InvalidValue, LedgerError, NotFound
from . import complete
from .base import Group
from .options import FilePath, before_option, by_option, json_option, limit_option, model_option
from .output import echo_done, echo_fields, echo_json, echo_rows, say

if TYPE_CHECKING:
    from ..rows import Baseline

# What PyArrow takes at once.
_LARGEST_BLOCK: Final = 2**31 - 1


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
    """Register a Parquet or CSV FILE as the baseline of a version, as histograms of its columns.

    Each column is a feature, unless another option names it. A number that the version does not
    name among its features is --categorical or one to --leave-out, a date one to --leave-out.
    """
    table = _read(file)
    named = {argument: column for argument, column in outputs.items() if column is not None}
    wanted = (*leave_out, *named.values())
    if unknown := [column for column in wanted if column not in table.column_names]:
        raise click.UsageError(f"{file.name} has no column {', '.join(unknown)}")
    data = table.drop_columns(list({*wanted}))
    with ledger.Database() as db, _hints():
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
@click.argument("id", type=click.UUID, required=False)
@click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help="Instead of ID: the newest of this model.",
    shell_complete=complete.models,
)
@click.option(
    "--version",
    "model_version",
    metavar="VERSION",
    help="Of this version (default: that in production).",
    shell_complete=complete.versions,
)
@json_option
def show(id: UUID | None, model_name: str | None, model_version: str | None, as_json: bool) -> None:
    """Show the bins of a baseline, by its ID or those that count for a version now."""
    if (id is None) == (model_name is None):
        raise click.UsageError("give either ID or --model")
    if model_name is None and model_version is not None:
        raise click.UsageError("--version needs --model")
    with ledger.Database() as db:
        found = _by_id(db, id) if id else _current(db, str(model_name), model_version)
        features = ledger.BaselinesRepository(db).list_features(id=found.id)
    if as_json:
        echo_json({"baseline": found, "features": features})
        return
    echo_fields(found)
    say("")
    columns = "feature column_name kind num_missing mean std min max num_categories"
    echo_rows(features, columns, as_json=False)


def _by_id(db: ledger.Database, id: UUID) -> Baseline:
    found = ledger.BaselinesRepository(db).get(id=id)
    if found is None:
        raise NotFound(f"there is no baseline {id}")
    return found


def _current(db: ledger.Database, model_name: str, model_version: str | None) -> Baseline:
    if model_version is None:
        live = ledger.ModelVersionRepository(db).live(model_name=model_name)
        if live is None:
            raise NotFound(f"{nothing_live(model_name, None)}: name one with --version")
        model_version = live.model_version
    found = ledger.BaselinesRepository(db).latest(
        model_name=model_name, model_version=model_version
    )
    if found is None:
        raise NotFound(f"version {model_version} of model {model_name} has no baseline")
    return found


@contextmanager
def _hints() -> Iterator[None]:
    """Name the options for columns that do not fit."""
    try:
        yield
    except InvalidValue as error:
        if not re.match(r"data\b", error.field):
            raise
        options = "--categorical COLUMN or --leave-out COLUMN, once for each"
        raise InvalidValue(error.field, f"{error.problem} ({options})") from None


def _read(file: Path) -> Any:
    from ..arrow import parquet_file, parquet_library

    parquet = parquet_library()
    import pyarrow
    from pyarrow import csv

    is_csv = file.suffix.lower() == ".csv"
    try:
        if not is_csv:
            return parquet.read_table(parquet_file(file))
        # In one block, so that all of a column tells its type.
        block = min(file.stat().st_size + 1, _LARGEST_BLOCK)
        # An empty field is missing; a text "NA" may be Namibia.
        options = csv.ConvertOptions(
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        reading = csv.ReadOptions(block_size=block)
        table = csv.read_csv(parquet_file(file), reading, convert_options=options)
    except (pyarrow.ArrowException, OSError):
        kind = "CSV" if is_csv else "Parquet"
        raise LedgerError(f"{file.name} is not a {kind} file that can be read") from None
    # The index of a data frame has no name.
    return table.select([name for name in table.column_names if name])
