"""`mlops-ledger monitors`: the rules that raise alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import click

import mlops_ledger as ledger

from . import complete
from .base import Group
from .options import (
    JsonObject,
    Length,
    Number,
    at_option,
    before_option,
    by_option,
    is_given,
    json_option,
    limit_option,
    model_option,
)
from .output import echo_done, echo_rows, finish

monitor_argument = click.argument("monitor_id", type=click.UUID, shell_complete=complete.monitors)
COLUMNS = "id model_name name state value operator warning_threshold critical_threshold enabled"
RESULT = "model_name name state value operator threshold point_at done alert_id"


@click.group(cls=Group)
def monitors() -> None:
    """Manage the rules that raise alerts, and evaluate them."""


@monitors.command()
@click.argument("name", required=False)
@click.option("--defaults", metavar="MODEL", help="Add the usual monitors of a model.")
@click.option(
    "--model", "model_name", metavar="NAME", help="The model.", shell_complete=complete.models
)
@click.option(
    "--source",
    type=click.Choice(("monitoring", "performance", "system")),
    default="monitoring",
    show_default=True,
    help="Monitoring runs, performance metrics or system metrics.",
)
@click.option("--metric", "metric_name", help="The metric (default: the name of the monitor).")
@click.option(
    "--operator",
    type=click.Choice((">", ">=", "<", "<=")),
    help="How a bad value compares with the threshold.",
)
@click.option("--warning", "warning_threshold", type=Number(), help="Where it becomes a warning.")
@click.option("--critical", "critical_threshold", type=Number(), help="Where it becomes critical.")
@click.option(
    "--window",
    type=Length("mhdw"),
    default="8d",
    show_default=True,
    help="How far back values count.",
)
@click.option("--consecutive", type=int, default=1, show_default=True, help="Bad values in a row.")
@click.option(
    "--no-data",
    type=click.Choice(("ok", "warning", "critical")),
    default="ok",
    show_default=True,
    help="The state when the window has no value.",
)
@click.option(
    "--hysteresis",
    type=Number(),
    default=0,
    show_default=True,
    help="How far a value must recover to end the alert.",
)
@click.option("--slice", default="", help="The slice of a performance metric.")
@click.option("--host", help="The host of a system metric.")
@click.option("--attributes", type=JsonObject(), help="Attributes of a system metric, as JSON.")
@by_option
@json_option
def add(
    name: str | None,
    defaults: str | None,
    window: timedelta,
    by: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Add a monitor and print its id, or with --defaults the usual ones of a model."""
    with ledger.Database() as db:
        monitors = ledger.MonitorsRepository(db)
        if defaults is not None:
            if name is not None or is_given(*given):
                raise click.UsageError("--defaults MODEL goes with --window and --by only")
            # An unknown one is explained as one of --model is.
            click.get_current_context().params["model_name"] = defaults
            added = monitors.add_defaults(model_name=defaults, window=window, created_by=by)
            echo_rows(added, COLUMNS, as_json)
            return
        if name is None or given["operator"] is None:
            raise click.UsageError("give a NAME and --operator, or --defaults MODEL")
        given["metric_name"] = given["metric_name"] or name
        made = monitors.insert(name=name, window=window, created_by=by, **given)
    echo_done({"id": made}, made, as_json)


@monitors.command("list")
@model_option
@click.option("--removed", "include_removed", is_flag=True, help="Also those that were removed.")
@before_option
@limit_option
@json_option
def list_(as_json: bool, **filters: Any) -> None:
    """List the monitors and what they found last, newest first."""
    with ledger.Database() as db:
        found = ledger.MonitorsRepository(db).list_monitors(**filters)
    echo_rows(found, COLUMNS, as_json)


@monitors.command()
@monitor_argument
@by_option
@json_option
def remove(monitor_id: UUID, by: str | None, as_json: bool) -> None:
    """End a monitor and resolve its alert."""
    with ledger.Database() as db:
        ledger.MonitorsRepository(db).remove(id=monitor_id, removed_by=by)
    echo_done({"id": monitor_id, "removed": True}, "removed", as_json)


def _add_switch(name: str, enabled: bool, text: str) -> None:
    """Add a command that has a monitor evaluated, or not."""

    @monitors.command(name, help=text)
    @monitor_argument
    @json_option
    def switch(monitor_id: UUID, as_json: bool) -> None:
        with ledger.Database() as db:
            ledger.MonitorsRepository(db).set_enabled(id=monitor_id, enabled=enabled)
        echo_done({"id": monitor_id, "enabled": enabled}, f"{name}d", as_json)


_add_switch("enable", True, "Evaluate a monitor again.")
_add_switch("disable", False, "Stop evaluating a monitor; its open alert stays.")


@monitors.command()
@model_option
@at_option
@json_option
def run(model_name: str | None, at: Any, as_json: bool) -> None:
    """Evaluate the monitors of a model, or all; raise, repeat and resolve their alerts.

    Exits with 1 when any of them finds a warning or something critical.
    """
    with ledger.Database() as db:
        found = ledger.MonitorsRepository(db).run(model_name=model_name, at=at)
    echo_rows(found, RESULT, as_json)
    finish(1 if any(one.severity for one in found) else 0)
