"""`mlops-ledger webhooks`: events sent by HTTP."""

from __future__ import annotations

import sys
from typing import Any, TextIO

import click

import mlops_ledger as ledger

from ..errors import NotFound
from .base import Group
from .names import require_known
from .options import TextFile, by_option, json_option, limit_option, model_option
from .output import echo_done, echo_json, echo_line, echo_rows, finish, note, say

COLUMNS = "webhook host payload types model_name enabled pending dead failures"
DELIVERY = "seq status attempts last_attempt_at status_code error"
_FILE = TextFile(encoding="utf-8")
webhook_argument = click.argument("webhook")


@click.group(cls=Group)
def webhooks() -> None:
    """Send events by HTTP, signed, until they arrive."""


@webhooks.command()
@webhook_argument
@click.argument("url")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only events of this type.")
@model_option
@click.option(
    "--payload",
    type=click.Choice(("cloudevents", "slack")),
    default="cloudevents",
    show_default=True,
    help="The event itself, or a Slack message.",
)
@click.option("--template", metavar="TEXT", help="Text of a message, such as '$summary'.")
@click.option("--secret-file", type=_FILE, help="Sign with the secret in this file; - for stdin.")
@click.option("--allow-private", is_flag=True, help="Also http and private addresses.")
@click.option("--after", type=int, metavar="SEQ", help="Begin after this event (default: now).")
@by_option
@json_option
def add(
    webhook: str,
    url: str,
    types: tuple[str, ...],
    secret_file: TextIO | None,
    by: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Add a webhook and print its secret, this once; a URL of - is read from stdin.

    Give a URL that is itself a secret, as those of Slack are, by stdin: others may see arguments.
    """
    from ..admin.webhooks import add_webhook
    from .events import whole_types

    if url == "-":
        url = sys.stdin.readline().strip()
    with ledger.Database() as db:
        added = add_webhook(
            db,
            webhook,
            url,
            types=whole_types(ledger.EventsRepository(db), types),
            secret=None if secret_file is None else secret_file.readline().strip(),
            created_by=by,
            **given,
        )
    try:
        require_known()
    except NotFound as error:
        note(f"{error}; its events will be sent once there is one")
    if as_json:
        echo_json(added)
    else:
        say(f"webhook  {added.webhook}")
        say(f"host     {added.host}")
        say(f"secret   {added.secret}")
        note("the secret is not shown again")


@webhooks.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List webhooks, what waits and what was given up."""
    with ledger.Database() as db:
        found = ledger.WebhooksRepository(db).list_webhooks()
    echo_rows(found, COLUMNS, as_json)


@webhooks.command()
@webhook_argument
@json_option
def test(webhook: str, as_json: bool) -> None:
    """Send a test event; exits with 1 when it is not accepted."""
    from ..admin.webhooks import Undeliverable, send_test

    status_code, problem = None, None
    with ledger.Database() as db:
        try:
            answer = send_test(db, webhook)
            status_code, accepted = answer.status_code, answer.is_accepted
        except Undeliverable as error:
            problem, accepted = str(error), False
    row = {"webhook": webhook, "accepted": accepted, "status_code": status_code, "problem": problem}
    done = "accepted" if accepted else "not accepted"
    echo_done(row, f"{done}: {problem or f'status {status_code}'}", as_json)
    finish(0 if accepted else 1)


@webhooks.command()
@click.argument("webhook", required=False)
@click.option("--follow", is_flag=True, help="Keep sending as events come, until interrupted.")
@json_option
def deliver(webhook: str | None, follow: bool, as_json: bool) -> None:
    """Send what is due, of one webhook or all; exits with 1 when something did not arrive.

    It needs the role owner, which alone may read the secrets. Run it every minute, or with
    --follow.
    """
    from ..admin.webhooks import deliver as send_due
    from ..admin.webhooks import deliver_forever

    with ledger.Database() as db:
        if follow:
            for round_ in deliver_forever(db, webhook=webhook):
                for report in round_:
                    if report.delivered or report.failed:
                        echo_line(report) if as_json else say(_line(report))
                sys.stdout.flush()
        found = send_due(db, webhook=webhook)
    if as_json:
        echo_json(found)
    else:
        for report in found:
            say(_line(report))
    finish(1 if any(report.failed for report in found) else 0)


@webhooks.command()
@webhook_argument
@click.option(
    "--status",
    type=click.Choice(("pending", "delivered", "dead")),
    help="Only these.",
)
@click.option("--before", type=int, metavar="SEQ", help="The next page: what comes after this row.")
@limit_option
@json_option
def deliveries(as_json: bool, **given: Any) -> None:
    """List the deliveries of a webhook, newest first."""
    with ledger.Database() as db:
        found = ledger.WebhooksRepository(db).list_deliveries(**given)
    echo_rows(found, DELIVERY, as_json)


@webhooks.command()
@webhook_argument
@json_option
def requeue(webhook: str, as_json: bool) -> None:
    """Requeue dead deliveries."""
    with ledger.Database() as db:
        requeued = ledger.WebhooksRepository(db).requeue(webhook=webhook)
    echo_done({"requeued": requeued}, f"requeued {requeued}", as_json)


@webhooks.command()
@webhook_argument
@json_option
def disable(webhook: str, as_json: bool) -> None:
    """Pause sending; events are kept meanwhile."""
    _set_enabled(webhook, False, as_json)


@webhooks.command()
@webhook_argument
@json_option
def enable(webhook: str, as_json: bool) -> None:
    """Resume sending, with the events kept meanwhile."""
    _set_enabled(webhook, True, as_json)


@webhooks.command()
@webhook_argument
@json_option
def remove(webhook: str, as_json: bool) -> None:
    """Forget a webhook, its secret and the log of its deliveries."""
    with ledger.Database() as db:
        ledger.WebhooksRepository(db).remove(webhook=webhook)
    echo_done({"webhook": webhook}, f"removed {webhook}", as_json)


def _set_enabled(webhook: str, enabled: bool, as_json: bool) -> None:
    with ledger.Database() as db:
        ledger.WebhooksRepository(db).set_enabled(webhook=webhook, enabled=enabled)
    done = f"{'enabled' if enabled else 'disabled'} {webhook}"
    echo_done({"webhook": webhook, "enabled": enabled}, done, as_json)


def _line(report: Any) -> str:
    counts = f"{report.delivered} delivered, {report.failed} failed, {report.dead} given up"
    return f"{report.webhook}: {counts}" + (f" ({report.problem})" if report.problem else "")
