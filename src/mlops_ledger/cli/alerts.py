"""`mlops-ledger alerts`: what somebody should look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click

from ..checks.values import ALERT_STATUSES, SEVERITIES
from ..database import Database
from ..errors import NotFound
from ..repositories import AlertsRepository
from ..rows import Alert
from .options import (
    Instant,
    JsonObject,
    Length,
    at_option,
    before_option,
    by_option,
    json_option,
    limit_option,
    model_option,
)
from .output import echo_fields, echo_json, echo_rows

COLUMNS = "id severity status model_name title occurrences last_seen"
severity_type = click.Choice(SEVERITIES, case_sensitive=False)
notes_option = click.option("--notes", metavar="TEXT", help="What to note on the alert.")


@click.group()
def alerts() -> None:
    """Raise, acknowledge, snooze and resolve alerts."""


@alerts.command("list")
@model_option
@click.option("--severity", type=severity_type, help="Only alerts of this severity.")
@click.option("--open", "open_", is_flag=True, help="Also the acknowledged and snoozed ones.")
@click.option(
    "--status", type=click.Choice(("all", *ALERT_STATUSES)), help="The history: newest first."
)
@before_option
@limit_option
@json_option
def list_(
    model_name: str | None,
    severity: str | None,
    open_: bool,
    status: str | None,
    before: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the active alerts, worst first; with --status the history."""
    if open_ and status:
        raise click.UsageError("give either --open or --status")
    if before and not status:
        raise click.UsageError("--before needs --status")
    given: dict[str, Any] = {"model_name": model_name, "severity": severity, "limit": limit}
    with Database() as db:
        alerts = AlertsRepository(db)
        if status:
            found = alerts.list_alerts(
                status=None if status == "all" else status, before=before, **given
            )
        else:
            found = alerts.list_active(include_acknowledged=open_, include_snoozed=open_, **given)
    echo_rows(found, COLUMNS, as_json)


@alerts.command()
@click.argument("alert_id", type=click.UUID)
@limit_option
@json_option
def show(alert_id: UUID, limit: int, as_json: bool) -> None:
    """Show one alert with its newest occurrences."""
    with Database() as db:
        alerts = AlertsRepository(db)
        alert = alerts.get(id=alert_id)
        occurrences = alerts.list_occurrences(alert_id=alert_id, limit=limit)
    if alert is None:
        raise NotFound(f"there is no alert {alert_id}")
    if as_json:
        echo_json({"alert": alert, "occurrences": occurrences})
        return
    echo_fields(alert)
    click.echo()
    echo_rows(occurrences, "occurred_at severity title message", as_json)


@alerts.command("raise")
@click.argument("alert_type")
@click.argument("title")
@click.option(
    "--severity", type=severity_type, default="warning", show_default=True, help="How bad."
)
@click.option("--message", metavar="TEXT", help="The occurrence in more words.")
@click.option("--model", "model_name", help="The model it is about.")
@click.option(
    "--key", "dedup_key", help="Repeats of this key count as one alert (default: type and model)."
)
@click.option("--data", "related_data", type=JsonObject(), help="What it is about, as JSON.")
@click.option("--id", "occurrence_id", type=click.UUID, help="Raising this id again counts once.")
@at_option
@json_option
def raise_(as_json: bool, **given: Any) -> None:
    """Raise an alert, or count it on the open one of its key; prints the alert's id."""
    with Database() as db:
        alert = AlertsRepository(db).raise_alert(**given)
    _echo(alert, alert.id, as_json)


@alerts.command()
@click.argument("alert_id", type=click.UUID)
@notes_option
@by_option
@json_option
def acknowledge(alert_id: UUID, notes: str | None, by: str | None, as_json: bool) -> None:
    """Take an alert on."""
    with Database() as db:
        alert = AlertsRepository(db).acknowledge(id=alert_id, acknowledged_by=by, notes=notes)
    _echo(alert, f"acknowledged by {alert.acknowledged_by}: {alert.title}", as_json)


@alerts.command()
@click.argument("alert_id", type=click.UUID, required=False)
@click.option("--key", "dedup_key", help="Resolve the open alert of this key, if there is one.")
@notes_option
@by_option
@json_option
def resolve(
    alert_id: UUID | None, dedup_key: str | None, notes: str | None, by: str | None, as_json: bool
) -> None:
    """End an alert for good, by its id or its key."""
    with Database() as db:
        alert = AlertsRepository(db).resolve(
            id=alert_id, dedup_key=dedup_key, resolved_by=by, notes=notes
        )
    done = f"resolved by {alert.resolved_by}: {alert.title}" if alert else "nothing is open"
    _echo(alert, done, as_json)


@alerts.command()
@click.argument("alert_id", type=click.UUID)
@click.option("--for", "length", type=Length("mhdw"), help="How long: 12h, 3d, 1w.")
@click.option("--until", type=Instant(), metavar="TIME", help="Until when.")
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
    """Leave an alert out of the active ones for a while."""
    if (length is not None) + (until is not None) + end != 1:
        raise click.UsageError("give one of --for, --until and --end")
    if length is not None:
        until = datetime.now(UTC) + length
    with Database() as db:
        alert = AlertsRepository(db).snooze(id=alert_id, until=until, snoozed_by=by)
    when = alert.snoozed_until
    done = f"snoozed until {when:%Y-%m-%d %H:%M} UTC" if when else "no longer snoozed"
    _echo(alert, done, as_json)


@alerts.command()
@model_option
@click.option("--days", type=float, default=30, show_default=True, help="Days to look back.")
@json_option
def stats(model_name: str | None, days: float, as_json: bool) -> None:
    """Show how many alerts there were and how long they took, per severity."""
    with Database() as db:
        found = AlertsRepository(db).stats(model_name=model_name, days=days)
    columns = (
        "severity alerts occurrences acknowledged resolved median_time_to_acknowledge "
        "median_time_to_resolve"
    )
    echo_rows(found, columns, as_json)


def _echo(alert: Alert | None, done: object, as_json: bool) -> None:
    echo_json(alert) if as_json else click.echo(done)
