"""`mlops-ledger drift`: what the drift reports say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

import mlops_ledger as ledger

from ..errors import NotFound
from .base import Group
from .names import require_known
from .options import (
    history_options,
    json_option,
    model_argument,
    model_option,
)
from .output import echo_done, echo_fields, echo_json, echo_rows, echo_table, say

if TYPE_CHECKING:
    from ..rows import DriftReport


@click.group(cls=Group)
def drift() -> None:
    """Look at drift reports."""


@drift.command("list")
@model_option
@history_options
def list_(as_json: bool, **filters: Any) -> None:
    """List reports, newest first."""
    with ledger.Database() as db:
        reports = ledger.DriftReportsRepository(db).list_reports(**filters)
    columns = (
        "id timestamp model_name model_version method drift_score drift_detected "
        "n_drifted_features drifted_features"
    )
    echo_rows(reports, columns, as_json)


@drift.command()
@click.argument("id", type=click.UUID)
@json_option
def show(id: UUID, as_json: bool) -> None:
    """Show one report with its features."""
    with ledger.Database() as db:
        report = ledger.DriftReportsRepository(db).get(id=id)
    if report is None:
        raise NotFound(f"there is no drift report {id}")
    _echo(report, as_json)


@drift.command()
@model_argument
@json_option
def latest(model_name: str, as_json: bool) -> None:
    """Show the latest report of a model with its features."""
    with ledger.Database() as db:
        report = ledger.DriftReportsRepository(db).latest(model_name=model_name)
    if report is None:
        require_known()
        echo_done(None, "(none)", as_json)
    else:
        _echo(report, as_json)


def _echo(report: DriftReport, as_json: bool) -> None:
    if as_json:
        echo_json(report)
        return
    echo_fields(report, leave_out={"features"})
    say("")
    columns = ("feature", "drifted", "method", "statistic", "p_value", "score", "threshold")
    echo_table(
        columns, [[feature.get(column) for column in columns] for feature in report.features]
    )
