"""`mlops-ledger alerts`: problems needing attention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click

import mlops_ledger as ledger

from ..checks.values import ALERT_STATUSES, SEVERITIES
from ..errors import NotFound
from . import complete
from .base import Group
from .options import (
    JsonObject,
    Length,
    Timestamp,
    about_option,
    at_option,
    by_option,
    days_option,
    history_options,
    json_option,
    limit_option,
    model_option,
    since_option,
    until_option,
    window,
)
from .output import echo_done, echo_fields, echo_json, echo_rows, say
from .text import cell

COLUMNS = "id severity status model_name title occurrences last_seen"
alert_argument = click.argument("alert_id", type=click.UUID, shell_complete=complete.alerts)
severity_type = click.Choice(SEVERITIES, case_sensitive=False)
notes_option = click.option("--notes", metavar="TEXT", help="What to note on the alert.")


@click.group(cls=Group)
def alerts() -> None:
    """Raise, acknowledge, snooze and resolve alerts."""


@alerts.command("list")
@model_option
@click.option("--severity", type=severity_type, help="Only alerts of this severity.")
@click.option("--open", "open_", is_flag=True, help="Also the acknowledged and snoozed ones.")
@click.option(
    "--status",
    type=click.Choice(("all", *ALERT_STATUSES), case_sensitive=False),
    help="The history: newest first.",
)
@history_options
def list_(
    open_: bool,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    before: UUID | None,
    as_json: bool,
    **given: Any,
) -> None:
    """List the active alerts, worst first; with --status, --since or --until the history."""
    page: dict[str, Any] = {"since": since, "until": until, "before": before}
    is_history = status is not None or any(value is not None for value in page.values())
    if open_ and is_history:
        raise click.UsageError("give either --open or --status, --since, --until, --before")
    with ledger.Database() as db:
        alerts = ledger.AlertsRepository(db)
        if is_history:
            wanted = None if status == "all" else status
            found = alerts.list_alerts(status=wanted, **page, **given)
        else:
            found = alerts.list_active(include_acknowledged=open_, include_snoozed=open_, **given)
    echo_rows(found, COLUMNS, as_json)


@alerts.command()
@alert_argument
@limit_option
@json_option
def show(alert_id: UUID, limit: int, as_json: bool) -> None:
    """Show one alert with its latest occurrences."""
    with ledger.Database() as db:
        alerts = ledger.AlertsRepository(db)
        alert = alerts.get(id=alert_id)
        occurrences = alerts.list_occurrences(alert_id=alert_id, limit=limit)
    if alert is None:
        raise NotFound(f"there is no alert {alert_id}")
    if as_json:
        echo_json({"alert": alert, "occurrences": occurrences})
        return
    echo_fields(alert)
    say("")
    echo_rows(occurrences, "occurred_at severity title message", as_json)


@alerts.command("raise")
@click.argument("alert_type")
@click.argument("title")
@click.option(
    "--severity", type=severity_type, default="warning", show_default=True, help="How severe it is."
)
@click.option("--message", metavar="TEXT", help="Details of the occurrence.")
@about_option
@click.option(
    "--key", "dedup_key", help="Repeats of this key count as one alert (default: type and model)."
)
@click.option("--data", "related_data", type=JsonObject(), help="What it is about, as JSON.")
@click.option("--id", "occurrence_id", type=click.UUID, help="Raising this id again counts once.")
@at_option
@json_option
def raise_(as_json: bool, **given: Any) -> None:
    """Raise an alert, or add an occurrence to the open one of its key; prints the alert's id."""
    with ledger.Database() as db:
        alert = ledger.AlertsRepository(db).raise_alert(**given)
    echo_done(alert, alert.id, as_json)


@alerts.command()
@alert_argument
@notes_option
@by_option
@json_option
def acknowledge(alert_id: UUID, notes: str | None, by: str | None, as_json: bool) -> None:
    """Acknowledge an alert: somebody is working on it."""
    with ledger.Database() as db:
        alert = ledger.AlertsRepository(db).acknowledge(
            id=alert_id, acknowledged_by=by, notes=notes
        )
    echo_done(alert, f"acknowledged by {alert.acknowledged_by}: {alert.title}", as_json)


@alerts.command()
@click.argument("alert_id", type=click.UUID, required=False, shell_complete=complete.alerts)
@click.option("--key", "dedup_key", help="Resolve the open alert of this key, if there is one.")
@notes_option
@by_option
@json_option
def resolve(
    alert_id: UUID | None, dedup_key: str | None, notes: str | None, by: str | None, as_json: bool
) -> None:
    """Resolve an alert, by its id or its key."""
    if (alert_id is None) == (dedup_key is None):
        raise click.UsageError("give either ALERT_ID or --key")
    with ledger.Database() as db:
        alert = ledger.AlertsRepository(db).resolve(
            id=alert_id, dedup_key=dedup_key, resolved_by=by, notes=notes
        )
    done = f"resolved by {alert.resolved_by}: {alert.title}" if alert else "nothing is open"
    echo_done(alert, done, as_json)


@alerts.command()
@alert_argument
@click.option("--for", "length", type=Length("mhdw"), help="How long: 12h, 3d, 1w.")
@click.option("--until", type=Timestamp(ago=False), metavar="TIME", help="Until when.")
@click.option("--end", is_flag=True, help="End the snooze.")
@by_option
@json_option
def snooze(
    alert_id: UUID,
    length: timedelta | None,
    until: datetime | None,
    end: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Hide an alert from the active ones for a while."""
    if (length is not None) + (until is not None) + end != 1:
        raise click.UsageError("give one of --for, --until and --end")
    if length is not None:
        until = datetime.now(UTC) + length
    with ledger.Database() as db:
        alert = ledger.AlertsRepository(db).snooze(id=alert_id, until=until, snoozed_by=by)
    when = alert.snoozed_until
    done = f"snoozed until {cell(when)}" if when else "no longer snoozed"
    echo_done(alert, done, as_json)


@alerts.command()
@model_option
@days_option(30)
@since_option
@until_option
@json_option
def stats(
    model_name: str | None,
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Show how many alerts there were and how long they took, per severity."""
    since, until = window(since, until, days, 30)
    with ledger.Database() as db:
        found = ledger.AlertsRepository(db).stats(
            model_name=model_name, days=(until - since) / timedelta(days=1), until=until
        )
    columns = (
        "severity alerts occurrences acknowledged resolved median_time_to_acknowledge "
        "median_time_to_resolve"
    )
    echo_rows(found, columns, as_json)
