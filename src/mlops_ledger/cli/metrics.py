"""`mlops-ledger metrics`: metrics of models and of machines over time."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import click
from click.decorators import FC

import mlops_ledger as ledger

from ..checks.metrics import UNITS
from . import complete
from .base import Group
from .options import (
    JsonObject,
    Length,
    Number,
    at_option,
    history_options,
    is_given,
    json_option,
    model_argument,
    since_option,
    until_option,
    version_id,
    version_option,
)
from .output import echo_done, echo_rows, finish, say
from .sparkline import echo_sparklines

LOST = 1
_BUCKET = "bucket count min mean max"


class Bucket(Length):
    """A bucket of time: a unit of the calendar, or a length of time."""

    name = "bucket"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if value in UNITS:
            return value
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be {', '.join(UNITS)}, or a length such as 15m", param, ctx)


def _bucket(default: str) -> Callable[[FC], FC]:
    return click.option(
        "--bucket",
        type=Bucket("smhdw"),
        default=default,
        show_default=True,
        help=f"{', '.join(UNITS)}, or a length such as 15m.",
    )


@click.group(cls=Group)
def metrics() -> None:
    """Read and write metrics of models and hosts."""


@metrics.command("list")
@click.option(
    "--model",
    "model_name",
    required=True,
    metavar="NAME",
    help="Of this model.",
    shell_complete=complete.models,
)
@click.option("--metric", "metric_name", help="Only this metric.")
@click.option("--type", "metric_type", help="Only metrics of this type.")
@version_option
@click.option("--stage", help="Only measured at this stage.")
@click.option("--slice", help="Only of this slice; an empty one is all of the data.")
@history_options
def list_(as_json: bool, **filters: Any) -> None:
    """List values, newest first."""
    with ledger.Database() as db:
        found = ledger.PerformanceMetricsRepository(db).list_metrics(**filters)
    columns = (
        "id timestamp model_name model_version metric_name metric_value metric_type stage step "
        "slice dataset_version"
    )
    echo_rows(found, columns, as_json)


@metrics.command()
@model_argument
@click.option("--metric", "metric_name", help="Only this metric.")
@version_option
@json_option
def show(
    model_name: str, metric_name: str | None, model_version: str | None, as_json: bool
) -> None:
    """Show the latest value of each metric of a model, on a terminal with its last 30 days."""
    with ledger.Database() as db:
        metrics = ledger.PerformanceMetricsRepository(db)
        found = [
            each
            for each in metrics.latest(model_name=model_name, model_version=model_version)
            if metric_name in (None, each.metric_name)
        ]
        echo_rows(found, "metric_name stage slice metric_value model_version timestamp", as_json)
        if as_json or not sys.stdout.isatty():
            return
        series = {
            " ".join(filter(None, (each.metric_name, each.stage, each.slice))): [
                bucket.mean
                for bucket in metrics.timeseries(
                    model_name=model_name,
                    metric_name=each.metric_name,
                    model_version=model_version,
                    stage=each.stage,
                    slice=each.slice,
                )
            ]
            for each in found
        }
    echo_sparklines({name: values for name, values in series.items() if len(values) > 1})


# A value may begin with a minus.
@metrics.command(context_settings={"ignore_unknown_options": True})
@model_argument
@click.argument("metric_name")
@click.argument("metric_value", type=Number())
@click.option(
    "--version",
    "model_version",
    help="The version (default: that in production).",
    shell_complete=complete.versions,
)
@click.option("--type", "metric_type", default="performance", show_default=True, help="Its type.")
@click.option("--stage", default="production", show_default=True, help="Where it was measured.")
@click.option("--slice", default="", help="The part of the data (default: all of them).")
@click.option("--step", type=int, help="The step of a training, such as an epoch.")
@click.option("--dataset", "dataset_version", help="The data it was measured on.")
@click.option("--metadata", type=JsonObject(), help="A JSON object with anything else.")
@at_option
@json_option
def log(
    model_name: str,
    model_version: str | None,
    at: datetime | None,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Store a value; prints its id."""
    with ledger.Database() as db:
        made = ledger.PerformanceMetricsRepository(db).insert(
            model_name=model_name,
            model_version_id=version_id(db, model_name, model_version),
            timestamp=at,
            **arguments,
        )
    echo_done({"id": made}, made, as_json)


@metrics.command()
@model_argument
@click.argument("metric_name")
@version_option
@click.option("--stage", default="production", show_default=True, help="Measured at this stage.")
@click.option("--slice", default="", help="Of this slice (default: all of the data).")
@since_option
@until_option
@_bucket("day")
@json_option
def timeseries(as_json: bool, **arguments: Any) -> None:
    """Show a metric over time, by default the last 30 days."""
    with ledger.Database() as db:
        found = ledger.PerformanceMetricsRepository(db).timeseries(**arguments)
    echo_rows(found, _BUCKET, as_json)


@metrics.command()
@model_argument
@click.argument("version_a", shell_complete=complete.versions)
@click.argument("version_b", shell_complete=complete.versions)
@json_option
def compare(model_name: str, version_a: str, version_b: str, as_json: bool) -> None:
    """Show the latest values of two versions side by side."""
    with ledger.Database() as db:
        found = ledger.PerformanceMetricsRepository(db).compare(
            model_name=model_name, version_a=version_a, version_b=version_b
        )
    echo_rows(found, "metric_name stage slice value_a value_b difference", as_json)


@metrics.command()
@click.argument("host", required=False)
@click.option("--metric", "metric_name", help="Show this metric over time.")
@click.option("--attributes", type=JsonObject(), help="Only with these attributes, as JSON.")
@since_option
@until_option
@_bucket("hour")
@json_option
def system(
    host: str | None, metric_name: str | None, attributes: Any, as_json: bool, **window: Any
) -> None:
    """Show the latest metrics of a host (default: this one), or one over time (default: a day)."""
    if metric_name is None and is_given("attributes", *window):
        raise click.UsageError("--attributes, --since, --until and --bucket need --metric")
    host = host or socket.gethostname()
    with ledger.Database() as db:
        stored = ledger.SystemMetricsRepository(db)
        if metric_name is None:
            columns = "timestamp metric_name metric_value attributes"
            echo_rows(stored.latest(host=host), columns, as_json)
            return
        found = stored.timeseries(
            metric_name=metric_name, host=host, attributes=attributes, **window
        )
    echo_rows(found, _BUCKET, as_json)


@metrics.command()
@click.option(
    "--every", type=Length("smh"), default="15s", show_default=True, help="How often to measure."
)
@click.option("--count", type=click.IntRange(1), help="Stop after this many measurements.")
@click.option("--disk", "disks", multiple=True, default=["/"], show_default=True, help="A disk.")
@click.option("--pid", type=int, help="The process to measure (default: this one).")
@click.option(
    "--buffer",
    "capacity",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="How many measurements to keep while the database is away.",
)
@json_option
def collect(every: timedelta, count: int | None, as_json: bool, **arguments: Any) -> None:
    """Measure this host until stopped: CPU, memory, disks, network, processes.

    While the database is away it keeps what it measures, and says so. SIGINT and SIGTERM stop it;
    exit code 1 if something was lost.
    """
    from ..admin.collector import Collector

    settings = ledger.Settings.from_environment()
    # Waiting for the database must not take longer than the next measurement is away.
    settings = replace(settings, pool_timeout=min(settings.pool_timeout, every.total_seconds()))
    # Opened at its first use: the database may be away at the start as well.
    with closing(ledger.Database(settings)) as db, _stopped_by_signals() as stop:
        collector = Collector(
            ledger.SystemMetricsRepository(db),
            say=lambda message: say(message, err=True),
            **arguments,
        )
        lost = collector.run(every=every, stop=stop, count=count)
    done = {"stored": collector.stored, "lost": lost}
    echo_done(done, f"{collector.stored} samples stored, {lost} lost", as_json)
    finish(LOST if lost else 0)


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    """Yield an event that SIGINT and SIGTERM set."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
