"""`mlops-ledger decisions`: the gate decisions."""

from __future__ import annotations

from uuid import UUID

import click

from ..database import Database
from ..errors import NotFound
from ..repositories import RetrainingDecisionsRepository
from .options import action_type, by_option, json_option, limit_option, model_option
from .output import echo_fields, echo_json, echo_rows, echo_table

COLUMNS = "id timestamp model_name action trigger_reason decided_by reasoning"


@click.group()
def decisions() -> None:
    """Look at the gate decisions on candidates."""


@decisions.command("list")
@model_option
@click.option("--action", type=action_type, help="Only decisions with this action.")
@limit_option
@json_option
def list_(model_name: str | None, action: str | None, limit: int, as_json: bool) -> None:
    """List decisions, newest first."""
    with Database() as db:
        found = RetrainingDecisionsRepository(db).list_decisions(
            model_name=model_name, action=action, limit=limit
        )
    echo_rows(found, COLUMNS, as_json)


@decisions.command()
@model_option
@limit_option
@json_option
def pending(model_name: str | None, limit: int, as_json: bool) -> None:
    """List the pending decisions that nobody has settled yet, oldest first."""
    with Database() as db:
        found = RetrainingDecisionsRepository(db).list_pending(model_name=model_name, limit=limit)
    echo_rows(found, COLUMNS, as_json)


@decisions.command()
@click.argument("decision_id", type=click.UUID)
@click.argument("action", type=click.Choice(("promote", "reject")))
@click.option("--reasoning", metavar="TEXT", help="Why.")
@by_option
def resolve(decision_id: UUID, action: str, reasoning: str | None, by: str | None) -> None:
    """Settle a pending decision; prints the id to promote with."""
    with Database() as db:
        made = RetrainingDecisionsRepository(db).resolve(
            decision_id=decision_id, action=action, reasoning=reasoning, decided_by=by
        )
    click.echo(made)


@decisions.command()
@click.argument("decision_id", type=click.UUID)
@json_option
def show(decision_id: UUID, as_json: bool) -> None:
    """Show one decision with its gates."""
    with Database() as db:
        decision = RetrainingDecisionsRepository(db).get(id=decision_id)
    if decision is None:
        raise NotFound(f"there is no decision {decision_id}")
    if as_json:
        echo_json(decision)
        return
    echo_fields(decision, leave_out={"gate_results"})
    click.echo()
    columns = ("gate", "passed", "value", "threshold")
    echo_table(
        columns, [[gate.get(column) for column in columns] for gate in decision.gate_results]
    )
