"""`mlops-ledger drift`: what the drift reports say."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from ..database import Database
from ..errors import NotFound
from ..repositories import DriftReportsRepository
from ..rows import DriftReport
from .options import (
    before_option,
    json_option,
    limit_option,
    model_option,
    since_option,
    until_option,
)
from .output import echo_fields, echo_json, echo_rows, echo_table


@click.group()
def drift() -> None:
    """Look at drift reports."""


@drift.command("list")
@model_option
@since_option
@until_option
@before_option
@limit_option
@json_option
def list_(as_json: bool, **filters: Any) -> None:
    """List reports, newest first."""
    with Database() as db:
        reports = DriftReportsRepository(db).list_reports(**filters)
    columns = (
        "id timestamp model_name method drift_score drift_detected n_drifted_features "
        "drifted_features"
    )
    echo_rows(reports, columns, as_json)


@drift.command()
@click.argument("id", type=click.UUID)
@json_option
def show(id: UUID, as_json: bool) -> None:
    """Show one report with its features."""
    with Database() as db:
        report = DriftReportsRepository(db).get(id=id)
    if report is None:
        raise NotFound(f"there is no drift report {id}")
    _echo(report, as_json)


@drift.command()
@click.argument("model_name")
@json_option
def latest(model_name: str, as_json: bool) -> None:
    """Show the newest report of a model with its features."""
    with Database() as db:
        report = DriftReportsRepository(db).latest(model_name=model_name)
    if report is None:
        raise NotFound(f"model {model_name} has no drift report")
    _echo(report, as_json)


def _echo(report: DriftReport, as_json: bool) -> None:
    if as_json:
        echo_json(report)
        return
    echo_fields(report, leave_out={"features"})
    click.echo()
    columns = ("feature", "drifted", "method", "statistic", "p_value", "score", "threshold")
    echo_table(
        columns, [[feature.get(column) for column in columns] for feature in report.features]
    )
