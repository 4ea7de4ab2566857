"""`mlops-ledger events`: what happened, as CloudEvents, now or as it happens."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

import mlops_ledger as ledger

from ..event_texts import describe_event
from .base import Group
from .names import nearest, require_known
from .options import is_given, json_option, limit_option, model_option
from .output import echo_done, echo_line, echo_rows, say
from .text import cell

_PREFIX = "mlops_ledger."


@click.group(cls=Group)
def events() -> None:
    """Follow promotions, decisions, alerts and other events."""


@events.command()
@click.option("--after", type=int, metavar="SEQ", help="Only events after this one; 0 for all.")
@click.option(
    "--consumer", metavar="NAME", help="Continue where this consumer stopped, and remember."
)
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only events of this type.")
@model_option
@click.option("--follow", is_flag=True, help="Wait for more, until interrupted.")
@limit_option
@click.option("--json", "as_json", is_flag=True, help="Print CloudEvents, one per line.")
def tail(
    after: int | None,
    consumer: str | None,
    types: Sequence[str],
    model_name: str | None,
    follow: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Print events, oldest first: all after --after or of a consumer, else the last ones.

    An event that was written counts as dealt with by its consumer.
    """
    if (after is not None or consumer is not None) and is_given("limit"):
        raise click.UsageError("--limit is for the last events, not for --after or --consumer")
    with ledger.Database() as db:
        repository = ledger.EventsRepository(db)
        wanted = whole_types(repository, types)
        if after is None and consumer is None:
            after = repository.before_latest(types=wanted, model_name=model_name, limit=limit)
        found = ledger.events(
            db,
            consumer=consumer,
            after=after or 0,
            types=wanted,
            model_name=model_name,
            follow=follow,
        )
        is_empty = True
        for event in found:
            is_empty = False
            if as_json:
                echo_line(event.cloud_event())
            else:
                say(f"{event.seq:>6}  {cell(event.time)}  {describe_event(event)}")
            # The cursor of a consumer must not pass what was not written.
            if follow or consumer is not None:
                sys.stdout.flush()
        if is_empty:
            require_known()


@events.command("types")
@json_option
def types_(as_json: bool) -> None:
    """List the types of events, and the fields of their data."""
    with ledger.Database() as db:
        found = ledger.EventsRepository(db).list_types()
    echo_rows(found, "type description fields" if as_json else "type description", as_json)


@events.command()
@json_option
def consumers(as_json: bool) -> None:
    """List the consumers and how far each has read."""
    with ledger.Database() as db:
        found = ledger.EventsRepository(db).list_consumers()
    echo_rows(found, "consumer seq moved_at db_role", as_json)


@events.command()
@click.argument("consumer")
@json_option
def forget(consumer: str, as_json: bool) -> None:
    """Forget a consumer; its name then starts from the first event again."""
    with ledger.Database() as db:
        ledger.EventsRepository(db).remove_consumer(consumer=consumer)
    echo_done({"consumer": consumer}, f"forgot {consumer}", as_json)


def whole_types(repository: ledger.EventsRepository, types: Sequence[str]) -> list[str] | None:
    """Return the full names of types; raises UsageError for an unknown one."""
    if not types:
        return None
    known = [one.type.removeprefix(_PREFIX) for one in repository.list_types()]
    names = [name.removeprefix(_PREFIX) for name in types]
    for name in names:
        if name not in known:
            raise click.UsageError(f"--type: there is no type {name}{nearest(name, known)}")
    return [_PREFIX + name for name in names]
