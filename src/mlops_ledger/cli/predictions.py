"""`mlops-ledger predictions`: what the models predicted."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import click

from ..database import Database
from ..errors import NotFound
from ..repositories import PredictionsRepository
from .options import (
    before_option,
    json_option,
    limit_option,
    model_option,
    period_type,
    since_option,
    until_option,
)
from .output import cell, echo_fields, echo_json, echo_row, echo_rows


@click.group()
def predictions() -> None:
    """Look at predictions."""


@predictions.command("list")
@model_option
@click.option("--version", "model_version", help="Only of this version.")
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
    """List predictions, newest first."""
    with Database() as db:
        rows = PredictionsRepository(db).list_predictions(**filters)
    columns = (
        "id predicted_at model_name model_version status prediction predicted_label probability"
    )
    echo_rows(rows, columns, as_json)


@predictions.command()
@click.argument("id", type=click.UUID)
@json_option
def show(id: UUID, as_json: bool) -> None:
    """Show one prediction with its features."""
    with Database() as db:
        found = PredictionsRepository(db).get(id=id)
    if found is None:
        raise NotFound(f"there is no prediction {id}")
    if as_json:
        echo_json(found)
        return
    named = found.features
    echo_fields(found, () if named is None else ("feature_names", "feature_values"))
    for name, value in (named or {}).items():
        click.echo(f"  {name} = {cell(value)}")


@predictions.command()
@model_option
@click.option("--version", "model_version", help="Only of this version.")
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
    with Database() as db:
        found = PredictionsRepository(db).stats(
            model_name=model_name, model_version=model_version, since=since, until=until
        )
    echo_row(found, as_json)


@predictions.command("partition-by")
@click.argument("period", type=period_type)
def partition_by(period: str) -> None:
    """Set how long the partitions are that are made from now on."""
    with Database() as db:
        PredictionsRepository(db).partition_by(period=period)
    click.echo(f"new partitions of predictions and labels hold a {period}")
