"""`mlops-ledger monitoring`: what the monitoring jobs found."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from ..database import Database
from ..errors import InvalidValue
from ..repositories import MonitoringMetricsRepository
from .options import json_option, limit_option, model_option, until_option
from .output import echo_rows


@click.group()
def monitoring() -> None:
    """Look at monitoring runs and drift."""


@monitoring.command()
@model_option
@limit_option
@json_option
def recent(model_name: str | None, limit: int, as_json: bool) -> None:
    """List the latest monitoring runs."""
    with Database() as db:
        runs = MonitoringMetricsRepository(db).list_runs(model_name=model_name, limit=limit)
    columns = (
        "timestamp model_name lookback_hours num_predictions positive_rate probability_mean "
        "entropy feature_drift_ratio dataset_drift_detected coverage_pct"
    )
    echo_rows(runs, columns, as_json)


@monitoring.command()
@click.argument("model_name")
@click.option("--days", type=float, default=7, show_default=True, help="Days to look back.")
@click.option("--bucket-hours", type=float, default=24, show_default=True, help="Hours a row.")
@until_option
@json_option
def trend(
    model_name: str, days: float, bucket_hours: float, until: datetime | None, as_json: bool
) -> None:
    """Show the drift of a model over time."""
    with Database() as db:
        rows = MonitoringMetricsRepository(db).drift_trend(
            model_name=model_name, days=days, bucket=_hours(bucket_hours), until=until
        )
    columns = "bucket runs drifted_runs mean_feature_drift_ratio max_feature_drift_ratio"
    echo_rows(rows, columns, as_json)


def _hours(number: float) -> timedelta:
    try:
        return timedelta(hours=number)
    except (ValueError, OverflowError):
        raise InvalidValue("--bucket-hours", "must be a finite number of hours") from None
