"""`mlops-ledger predictions`: what the models predicted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import click

import mlops_ledger as ledger

from ..errors import NotFound, PermissionDenied
from ..rows import Prediction
from .base import Group
from .names import require_known
from .options import (
    before_option,
    bucket_option,
    days_option,
    full_hours,
    json_option,
    limit_option,
    model_argument,
    model_option,
    period_type,
    since_option,
    until_option,
    version_option,
)
from .output import echo_done, echo_fields, echo_json, echo_row, echo_rows, say
from .text import cell
from .transfer import export_predictions, import_predictions

T = TypeVar("T")
U = TypeVar("U")


def _as_allowed(everything: Callable[..., T], visible: Callable[..., U], **asked: Any) -> T | U:
    """Ask for everything, or for what every reader may see."""
    try:
        return everything(**asked)
    except PermissionDenied:
        found = visible(**asked)
    say(
        "without features, inputs, metadata and client: the user may not read all of them", err=True
    )
    return found


@click.group(cls=Group)
def predictions() -> None:
    """Look at predictions, import and export them."""


@predictions.command("list")
@model_option
@version_option
@since_option
@until_option
@click.option("--status", type=click.Choice(("success", "error")), help="Only in this status.")
@click.option("--label", "predicted_label", help="Only with this predicted label.")
@click.option("--batch", "batch_id", help="Only of this batch request.")
@click.option("--request", "request_id", help="Only of this request.")
@before_option
@limit_option
@json_option
def list_(as_json: bool, **filters: Any) -> None:
    """List predictions, newest first.

    --json also has features, inputs and client, for those who may read them.
    """
    with ledger.Database() as db:
        found = ledger.PredictionsRepository(db)
        rows = (
            _as_allowed(found.list_predictions, found.list_recent, **filters)
            if as_json
            else found.list_recent(**filters)
        )
    columns = (
        "id predicted_at model_name model_version status prediction predicted_label probability"
    )
    echo_rows(rows, columns, as_json)


@predictions.command()
@click.argument("id", type=click.UUID)
@json_option
def show(id: UUID, as_json: bool) -> None:
    """Show one prediction, with features, inputs and client for those who may read them."""
    with ledger.Database() as db:
        stored = ledger.PredictionsRepository(db)
        found = _as_allowed(stored.get, stored.get_recent, id=id)
    if found is None:
        raise NotFound(f"there is no prediction {id}")
    if as_json:
        echo_json(found)
        return
    named = found.features if isinstance(found, Prediction) else None
    echo_fields(found, () if named is None else ("feature_names", "feature_values"))
    for name, value in (named or {}).items():
        say(f"  {name} = {cell(value)}")


@predictions.command()
@model_option
@version_option
@since_option
@until_option
@json_option
def stats(
    model_name: str | None,
    model_version: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Describe the predictions of a window in numbers."""
    with ledger.Database() as db:
        found = ledger.PredictionsRepository(db).stats(
            model_name=model_name, model_version=model_version, since=since, until=until
        )
    if not found.count:
        require_known()
    echo_row(found, as_json)


@predictions.command()
@model_argument
@version_option
@days_option(7)
@since_option
@until_option
@bucket_option
@json_option
def latency(
    model_name: str,
    model_version: str | None,
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    bucket: timedelta,
    as_json: bool,
) -> None:
    """Show how long predictions took over time, in ms, from summaries; full hours of UTC.

    By default to the end of this hour, from the midnight before --days. Quantiles are at most 1 %
    off.
    """
    start, end = full_hours(since, until, days)
    with ledger.Database() as db:
        found = ledger.SummariesRepository(db).latency_series(
            model_name=model_name,
            model_version=model_version,
            since=start,
            until=end,
            bucket=bucket,
        )
    echo_rows(found, "bucket count mean p50 p90 p95 p99 max pending_since", as_json)


@predictions.command("partition-by")
@click.argument("period", type=period_type)
@json_option
def partition_by(period: str, as_json: bool) -> None:
    """Set the length of new partitions."""
    with ledger.Database() as db:
        ledger.PredictionsRepository(db).partition_by(period=period)
    done = f"new partitions of predictions and labels hold a {period}"
    echo_done({"period": period}, done, as_json)


predictions.add_command(import_predictions)
predictions.add_command(export_predictions)
