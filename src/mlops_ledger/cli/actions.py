"""`mlops-ledger actions`: what agents and people ask for, and the review of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import click

import mlops_ledger as ledger

from ..errors import NotFound
from . import complete
from .base import Group
from .options import (
    JsonObject,
    Timestamp,
    about_option,
    before_option,
    by_option,
    json_option,
    limit_option,
    model_option,
    risk_type,
    status_type,
    version_id,
)
from .output import echo_done, echo_row, echo_rows

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

COLUMNS = "id requested_at action_type risk_level model_name status requested_by description"
action_argument = click.argument("action_id", type=click.UUID, shell_complete=complete.actions)
comment_option = click.option("--comment", metavar="TEXT", help="Why.")
result_option = click.option("--result", type=JsonObject(), help="The result.")


@click.group(cls=Group)
def actions() -> None:
    """Request actions, review them and record their results."""


@actions.command("list")
@model_option
@click.option("--status", type=status_type, help="Only actions in this status.")
@click.option("--type", "action_type", help="Only actions of this type.")
@click.option("--risk", "risk_level", type=risk_type, help="Only actions of this risk.")
@click.option("--pending", is_flag=True, help="Only what waits for a reviewer, oldest first.")
@before_option
@limit_option
@json_option
def list_(pending: bool, limit: int, as_json: bool, **filters: Any) -> None:
    """List actions, newest first."""
    if filters["status"] == "all":
        filters["status"] = None
    if pending and any(value for name, value in filters.items() if name != "model_name"):
        raise click.UsageError("--pending goes with --model and --limit only")
    with ledger.Database() as db:
        repository = ledger.AgentActionsRepository(db)
        if pending:
            found = repository.list_pending(model_name=filters["model_name"], limit=limit)
        else:
            found = repository.list_actions(**filters, limit=limit)
    echo_rows(found, COLUMNS, as_json)


@actions.command()
@action_argument
@json_option
def show(action_id: UUID, as_json: bool) -> None:
    """Show one action."""
    with ledger.Database() as db:
        action = ledger.AgentActionsRepository(db).get(id=action_id)
    if action is None:
        raise NotFound(f"there is no action {action_id}")
    echo_row(action, as_json)


@actions.command()
@click.argument("action_type")
@click.option("--risk", "risk_level", type=risk_type, required=True, help="How risky it is.")
@click.option("--description", metavar="TEXT", help="What is to be done.")
@click.option("--parameters", type=JsonObject(), help="Parameters of the action.")
@click.option(
    "--requires-approval/--no-approval",
    default=None,
    help="Whether it must be approved first (default: for high and critical risk).",
)
@about_option
@click.option(
    "--version",
    "model_version",
    metavar="VERSION",
    help="The version of that model it is about.",
    shell_complete=complete.versions,
)
@click.option(
    "--decision",
    "decision_id",
    type=click.UUID,
    help="The decision that it is to carry out.",
    shell_complete=complete.decisions,
)
@click.option("--issue", "issue_id", help="The issue that it addresses.")
@click.option("--issue-type", help="The kind of that issue.")
@click.option("--issue-severity", help="The severity of that issue.")
@click.option(
    "--expires", "expires_at", type=Timestamp(ago=False), metavar="TIME", help="When it expires."
)
@click.option(
    "--id", "action_id", type=click.UUID, help="An id that makes the call safe to repeat."
)
@by_option
@json_option
def request(
    by: str | None,
    as_json: bool,
    action_id: UUID | None,
    expires_at: datetime | None,
    model_name: str | None,
    model_version: str | None,
    **fields: Any,
) -> None:
    """Ask for an action such as promote or retrain; prints its id."""
    if fields["issue_id"] is None and (fields["issue_type"] or fields["issue_severity"]):
        raise click.UsageError("--issue-type and --issue-severity need --issue")
    with ledger.Database() as db:
        made = ledger.AgentActionsRepository(db).insert(
            **fields,
            model_name=model_name,
            model_version_id=version_id(db, model_name, model_version),
            expires_at=expires_at,
            requested_by=by,
            id=action_id,
        )
    echo_done({"id": made}, made, as_json)


def _add_step(name: str, method: str, by_whom: str, option: Decorator, text: str) -> None:
    """Add a command that takes an action to its next status."""

    @actions.command(name, help=text)
    @action_argument
    @option
    @by_option
    @json_option
    def step(action_id: UUID, by: str | None, as_json: bool, **given: Any) -> None:
        with ledger.Database() as db:
            take = getattr(ledger.AgentActionsRepository(db), method)
            action = take(id=action_id, **{by_whom: by}, **given)
        echo_row(action, as_json)


_APPROVED: Final = "Approve somebody else's pending action."
_REJECTED: Final = "Reject somebody else's pending action."
_DONE: Final = "Record that an action was carried out."
_FAILED: Final = "Record that an action failed."
_add_step("approve", "approve", "reviewed_by", comment_option, _APPROVED)
_add_step("reject", "reject", "reviewed_by", comment_option, _REJECTED)
_add_step("execute", "mark_executed", "executed_by", result_option, _DONE)
_add_step("fail", "mark_failed", "executed_by", result_option, _FAILED)


@actions.command()
@json_option
def expire(as_json: bool) -> None:
    """Mark actions past their expiry as expired."""
    with ledger.Database() as db:
        expired = ledger.AgentActionsRepository(db).expire()
    echo_done({"expired": expired}, f"{expired} expired", as_json)
