"""`mlops-ledger labels`: what turned out to be true, and how right the models were."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import click

from ..checks.values import look_back
from ..database import Database
from ..repositories import GroundTruthRepository
from .options import Instant, json_option, until_option
from .output import cell, echo_fields, echo_json, echo_rows


@click.group()
def labels() -> None:
    """Look at labels and at how right the models were."""


@labels.command()
@click.argument("model_name")
@click.option("--version", "model_version", help="Only predictions of this version.")
@click.option("--days", type=float, default=7, show_default=True, help="Days to look back.")
@until_option
@click.option("--positive", "positive_label", metavar="LABEL", help="The class probability means.")
@click.option("--threshold", type=float, default=0.5, show_default=True, help="Positive from here.")
@click.option("--as-of", type=Instant(), metavar="TIME", help="Leave out labels given later.")
@json_option
def performance(
    model_name: str,
    model_version: str | None,
    days: float,
    until: datetime | None,
    positive_label: str | None,
    threshold: float,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Compare the predictions of a window with their labels."""
    until = datetime.now(UTC) if until is None else until
    with Database() as db:
        found = GroundTruthRepository(db).performance(
            model_name=model_name,
            model_version=model_version,
            since=look_back(until, days),
            until=until,
            positive_label=positive_label,
            threshold=threshold,
            as_of=as_of,
        )
    if as_json:
        echo_json(found)
        return
    echo_fields(found, leave_out={"reasons"})
    width = max(map(len, found.reasons), default=0)
    for name, reason in found.reasons.items():
        click.echo(f"{name:<{width}}  ({cell(reason)})")


@labels.command()
@click.argument("prediction_id", type=click.UUID)
@json_option
def show(prediction_id: UUID, as_json: bool) -> None:
    """Show all labels of a prediction; the first of them counts."""
    with Database() as db:
        found = GroundTruthRepository(db).list_labels(prediction_id=prediction_id)
    echo_rows(found, "labeled_at actual_label actual_value source recorded_at is_waiting", as_json)


@labels.command()
def match() -> None:
    """Store the labels whose prediction has arrived since."""
    with Database() as db:
        click.echo(f"{GroundTruthRepository(db).match()} matched")
