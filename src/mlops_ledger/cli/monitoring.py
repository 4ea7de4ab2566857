"""`mlops-ledger monitoring`: what the monitoring jobs found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

import mlops_ledger as ledger

from .base import Group
from .options import (
    Number,
    days_option,
    history_options,
    json_option,
    model_argument,
    model_option,
    since_option,
    until_option,
    window,
)
from .output import echo_rows
from .sparkline import echo_sparklines


class Hours(Number):
    """A length of time in hours."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        try:
            return timedelta(hours=super().convert(value, param, ctx))
        except OverflowError:
            self.fail("is longer than time", param, ctx)


@click.group(cls=Group)
def monitoring() -> None:
    """Look at monitoring runs and drift."""


@monitoring.command()
@model_option
@history_options
def recent(as_json: bool, **filters: Any) -> None:
    """List the latest monitoring runs."""
    with ledger.Database() as db:
        runs = ledger.MonitoringMetricsRepository(db).list_runs(**filters)
    columns = (
        "timestamp model_name model_version lookback_hours num_predictions positive_rate "
        "probability_mean entropy feature_drift_ratio dataset_drift_detected coverage_pct"
    )
    echo_rows(runs, columns, as_json)


@monitoring.command()
@model_argument
@days_option(7)
@since_option
@click.option(
    "--bucket-hours",
    "bucket",
    type=Hours(),
    default=24,
    show_default=True,
    help="Hours per row.",
)
@until_option
@json_option
def trend(
    model_name: str,
    days: float | None,
    bucket: timedelta,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Show the drift of a model over time."""
    since, until = window(since, until, days, 7)
    days = (until - since) / timedelta(days=1)
    with ledger.Database() as db:
        rows = ledger.MonitoringMetricsRepository(db).drift_trend(
            model_name=model_name, days=days, bucket=bucket, until=until
        )
    columns = "bucket runs drifted_runs mean_feature_drift_ratio max_feature_drift_ratio"
    echo_rows(rows, columns, as_json)
    if not as_json:
        names = columns.split()[-2:]
        echo_sparklines({name: [getattr(row, name) for row in rows] for name in names})
