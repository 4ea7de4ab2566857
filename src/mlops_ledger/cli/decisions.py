"""`mlops-ledger decisions`: the gate decisions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

import mlops_ledger as ledger

from ..errors import NotFound
from . import complete
from .base import Group
from .options import (
    action_type,
    by_option,
    history_options,
    json_option,
    limit_option,
    model_option,
)
from .output import echo_done, echo_fields, echo_json, echo_rows, echo_table, say

decision_argument = click.argument(
    "decision_id", type=click.UUID, shell_complete=complete.decisions
)
COLUMNS = "id timestamp model_name action trigger_reason decided_by reasoning"


@click.group(cls=Group)
def decisions() -> None:
    """Look at the gate decisions on candidates."""


@decisions.command("list")
@model_option
@click.option("--action", type=action_type, help="Only decisions with this action.")
@history_options
def list_(as_json: bool, **filters: Any) -> None:
    """List decisions, newest first."""
    with ledger.Database() as db:
        found = ledger.RetrainingDecisionsRepository(db).list_decisions(**filters)
    echo_rows(found, COLUMNS, as_json)


@decisions.command()
@model_option
@limit_option
@json_option
def pending(model_name: str | None, limit: int, as_json: bool) -> None:
    """List the pending decisions that are not resolved yet, oldest first."""
    with ledger.Database() as db:
        found = ledger.RetrainingDecisionsRepository(db).list_pending(
            model_name=model_name, limit=limit
        )
    echo_rows(found, COLUMNS, as_json)


@decisions.command()
@decision_argument
@click.argument("action", type=click.Choice(("promote", "reject")))
@click.option("--reasoning", metavar="TEXT", help="Why.")
@by_option
@json_option
def resolve(
    decision_id: UUID, action: str, reasoning: str | None, by: str | None, as_json: bool
) -> None:
    """Resolve a pending decision; prints the id to promote with."""
    with ledger.Database() as db:
        made = ledger.RetrainingDecisionsRepository(db).resolve(
            decision_id=decision_id, action=action, reasoning=reasoning, decided_by=by
        )
    echo_done({"id": made}, made, as_json)


@decisions.command()
@decision_argument
@json_option
def show(decision_id: UUID, as_json: bool) -> None:
    """Show one decision with its gates, and the actions that were asked for on it."""
    with ledger.Database() as db:
        decision = ledger.RetrainingDecisionsRepository(db).get(id=decision_id)
        actions = ledger.AgentActionsRepository(db).list_actions(decision_id=decision_id)
    if decision is None:
        raise NotFound(f"there is no decision {decision_id}")
    if as_json:
        echo_json({**asdict(decision), "actions": actions})
        return
    echo_fields(decision, leave_out={"gate_results"})
    say("")
    columns = ("gate", "passed", "value", "threshold", "higher_is_better")
    echo_table(
        columns, [[gate.get(column) for column in columns] for gate in decision.gate_results]
    )
    if actions:
        say("")
        columns = ("id", "action_type", "status", "requested_by", "reviewed_by")
        echo_table(columns, [[getattr(action, column) for column in columns] for action in actions])
