"""`mlops-ledger drift`: what the drift reports say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
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
from .output import echo_done, echo_json, echo_pairs, echo_rows, echo_table, fields_of, say

if TYPE_CHECKING:
    from ..rows import DriftReport

_MEASURED: Final = ("feature", "drifted", "method", "statistic", "p_value", "score", "threshold")


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
    fields = fields_of(report, leave_out={"features", "metadata"})
    metadata = {name: each for name, each in report.metadata.items() if name not in fields}
    outputs = metadata.pop("outputs", None)
    nested = [name for name, each in metadata.items() if isinstance(each, dict | list)]
    plain = {name: each for name, each in metadata.items() if name not in nested}
    echo_pairs(fields | plain | {"see --json": nested or None})
    for measured in (report.features, outputs):
        if isinstance(measured, list) and measured:
            say("")
            echo_table(_MEASURED, [_cells(each) for each in measured])


def _cells(measured: object) -> list[object]:
    found = measured if isinstance(measured, dict) else {}
    return [found.get(column) for column in _MEASURED]
