"""`mlops-ledger labels`: what turned out to be true, and how right the models were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import click
from click.decorators import FC

import mlops_ledger as ledger

from ..analysis import business_value
from ..analysis.comparison import METRICS
from ..analysis.performance_source import SOURCES
from ..errors import InvalidValue, NotFound
from . import complete
from .base import Group
from .options import (
    Number,
    ParamType,
    Timestamp,
    bucket_option,
    days_option,
    full_hours,
    json_option,
    model_argument,
    positive_option,
    since_option,
    until_option,
    version_option,
    window,
)
from .output import echo_done, echo_json, echo_pairs, echo_row, echo_rows
from .transfer import import_labels

_NUMBERS = ("accuracy", "precision", "recall", "roc_auc", "brier_score", "mae", "rmse")


@click.group(cls=Group)
def labels() -> None:
    """Look at labels and at how accurate the models were."""


def _asked(command: FC) -> FC:
    """Give a command that measures what it measures: a model, a window, a threshold."""
    threshold = click.option(
        "--threshold",
        type=Number(),
        default=0.5,
        show_default=True,
        help="Probabilities from here on count as positive; with summaries a whole percent.",
    )
    options = (
        model_argument,
        version_option,
        days_option(7),
        since_option,
        until_option,
        threshold,
    )
    for option in reversed(options):
        command = option(command)
    return command


@labels.command()
@_asked
@positive_option
@click.option("--as-of", type=Timestamp(), metavar="TIME", help="Leave out labels given later.")
@click.option("--slice", metavar="VALUE", help="Only predictions with this value of the slice key.")
@click.option("--slice-key", metavar="NAME", help="Another feature or input than the slice key.")
@click.option("--by-slice", is_flag=True, help="Each slice of full hours of UTC, from summaries.")
@click.option(
    "--source",
    type=click.Choice(SOURCES),
    default="auto",
    show_default=True,
    help="What to read; auto: summaries for over 10,000 labels or deleted rows, else rows.",
)
@json_option
def performance(
    model_name: str,
    model_version: str | None,
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    positive_label: str | None,
    threshold: float,
    as_of: datetime | None,
    slice: str | None,
    slice_key: str | None,
    by_slice: bool,
    source: str,
    as_json: bool,
) -> None:
    """Compare the predictions of a window with their labels."""
    if by_slice:
        if slice is not None or slice_key is not None or as_of is not None or source == "rows":
            raise InvalidValue(
                "by_slice", "does not go with --slice, --slice-key, --as-of or --source rows"
            )
        since, until = full_hours(since, until, days)
        with ledger.Database() as db:
            slices = ledger.GroundTruthRepository(db).performance_by_slice(
                model_name=model_name,
                model_version=model_version,
                since=since,
                until=until,
                positive_label=positive_label,
                threshold=threshold,
            )
        _echo_table(slices, "slice_kind slice labeled_samples", as_json)
        return
    since, until = window(since, until, days, 7)
    with ledger.Database() as db:
        found = ledger.GroundTruthRepository(db).performance(
            model_name=model_name,
            model_version=model_version,
            since=since,
            until=until,
            positive_label=positive_label,
            threshold=threshold,
            as_of=as_of,
            slice=slice,
            slice_key=slice_key,
            source=source,
        )
    if as_json:
        echo_json(found)
        return
    values = {field.name: getattr(found, field.name) for field in fields(found)}
    del values["reasons"]
    echo_pairs({**values, **{name: f"({why})" for name, why in found.reasons.items()}})


@labels.command()
@model_argument
@click.option(
    "--version",
    "model_version",
    required=True,
    metavar="VERSION",
    help="The version.",
    shell_complete=complete.versions,
)
@click.option(
    "--against",
    required=True,
    metavar="VERSION",
    help="The one to compare it with.",
    shell_complete=complete.versions,
)
@days_option(7)
@since_option
@until_option
@click.option(
    "--metric",
    type=click.Choice(tuple(METRICS)),
    default="roc_auc",
    show_default=True,
    help="What to compare.",
)
@click.option(
    "--confidence", type=Number(), default=0.95, show_default=True, help="That of the interval."
)
@positive_option
@json_option
def compare(
    model_name: str,
    model_version: str,
    against: str,
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    metric: str,
    confidence: float,
    positive_label: str | None,
    as_json: bool,
) -> None:
    """Compare a metric of two versions in the same window, with an interval."""
    since, until = window(since, until, days, 7)
    with ledger.Database() as db:
        found = ledger.GroundTruthRepository(db).compare(
            model_name=model_name,
            model_version=model_version,
            against=against,
            since=since,
            until=until,
            metric=metric,
            confidence=confidence,
            positive_label=positive_label,
        )
    echo_row(found, as_json)


class Worth(ParamType):
    """What a cell of the confusion matrix is worth, as CELL=NUMBER."""

    name = "cell=number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split the text; the names of classes may have a =, and a / as \\/."""
        cell, separator, worth = value.rpartition("=")
        if not cell or not separator:
            self.fail("must be CELL=NUMBER, such as fp=-5", param, ctx)
        names = tuple(name.replace(r"\/", "/") for name in re.split(r"(?<!\\)/", cell))
        if len(names) > 2:
            self.fail(r"a pair of classes is TRUE/PREDICTED; a / in a name is \/", param, ctx)
        return names if len(names) == 2 else names[0], Number().convert(worth, param, ctx)


@labels.command()
@_asked
@positive_option
@click.argument("cells", type=Worth(), metavar="CELL=NUMBER...", nargs=-1, required=True)
@json_option
def value(
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    cells: tuple[tuple[str | tuple[str, str], float], ...],
    as_json: bool,
    **asked: Any,
) -> None:
    """Show what the predictions of a window are worth.

    A cell is tp, fp, tn or fn, or a pair of classes as TRUE/PREDICTED; write a / in the name of a
    class as \\/, quoted for the shell. Costs are negative numbers, and a cell that is not named is
    worth 0: mlops-ledger labels value spend tp=50 fp=-5 fn=-20
    """
    worth = dict(cells)
    if len(worth) < len(cells):
        raise InvalidValue("CELL=NUMBER", "names a cell twice")
    since, until = window(since, until, days, 7)
    with ledger.Database() as db:
        found = ledger.GroundTruthRepository(db).performance(since=since, until=until, **asked)
    echo_row(business_value(found, worth), as_json)


@labels.command()
@_asked
@bucket_option
@json_option
def series(
    model_name: str,
    model_version: str | None,
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    bucket: timedelta,
    threshold: float,
    as_json: bool,
) -> None:
    """Show how right a model was over time, from summaries; full hours of UTC.

    By default to the end of this hour, from the midnight before --days.
    """
    start, end = full_hours(since, until, days)
    with ledger.Database() as db:
        found = ledger.GroundTruthRepository(db).performance_series(
            model_name=model_name,
            model_version=model_version,
            since=start,
            until=end,
            bucket=bucket,
            threshold=threshold,
        )
    _echo_table(found, "bucket labeled_samples", as_json)


def _echo_table(found: Sequence[Any], columns: str, as_json: bool) -> None:
    """Write rows of performance, with the numbers that any of them has."""
    numbers = [name for name in _NUMBERS if any(getattr(row, name) is not None for row in found)]
    echo_rows(found, " ".join([columns, *numbers, "pending_since"]), as_json)


@labels.command()
@click.argument("prediction_id", type=click.UUID)
@json_option
def show(prediction_id: UUID, as_json: bool) -> None:
    """Show all labels of a prediction; the first of them counts."""
    with ledger.Database() as db:
        found = ledger.GroundTruthRepository(db).list_labels(prediction_id=prediction_id)
        if not found and ledger.PredictionsRepository(db).get_recent(id=prediction_id) is None:
            raise NotFound(f"there is no prediction {prediction_id}")
    echo_rows(found, "labeled_at actual_label actual_value source recorded_at is_waiting", as_json)


@labels.command()
@json_option
def match(as_json: bool) -> None:
    """Store waiting labels whose prediction has arrived."""
    with ledger.Database() as db:
        matched = ledger.GroundTruthRepository(db).match()
    echo_done({"matched": matched}, f"{matched} matched", as_json)


labels.add_command(import_labels)
