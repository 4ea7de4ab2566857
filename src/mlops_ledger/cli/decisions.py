"""`mlops-ledger decisions`: the gate decisions."""

from __future__ import annotations

from uuid import UUID

import click

from ..database import Database
from ..errors import NotFound
from ..repositories import RetrainingDecisionsRepository
from .options import json_option, limit_option
from .output import echo_fields, echo_json, echo_rows, echo_table


@click.group()
def decisions() -> None:
    """Look at the gate decisions on candidates."""


@decisions.command("list")
@click.option("--model", "model_name", help="Only decisions on this model.")
@click.option("--action", help="Only promote, reject or pending.")
@limit_option
@json_option
def list_(model_name: str | None, action: str | None, limit: int, as_json: bool) -> None:
    """List decisions, newest first."""
    with Database() as db:
        found = RetrainingDecisionsRepository(db).list_decisions(
            model_name=model_name, action=action, limit=limit
        )
    columns = "id timestamp model_name action trigger_reason decided_by reasoning"
    echo_rows(found, columns, as_json)


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
