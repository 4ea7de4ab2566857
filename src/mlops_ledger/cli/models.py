"""`mlops-ledger models`: the registry and the history of production."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click

import mlops_ledger as ledger

from ..errors import InvalidValue, NotFound
from . import complete
from .base import Group
from .names import require_known
from .options import (
    Tag,
    Timestamp,
    at_option,
    before_option,
    by_option,
    json_option,
    limit_option,
    model_argument,
    model_option,
    optional_version_argument,
    reason_option,
    slice_key_option,
    slot_option,
    stage_type,
    version_argument,
)
from .output import echo_done, echo_json, echo_row, echo_rows, echo_table, finish, note, say
from .registration import correct, declare_task, register, withdraw
from .status import echo_models
from .text import timestamp


@click.group(cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """Register versions, promote them and roll them back.

    Without a command: one row per model, with its live version and what needs attention. preds_24h
    are its predictions in the last 24 full hours: not those of this hour.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(f"give --json to {context.invoked_subcommand}")
        return
    from .._sync.overview import Overview

    with ledger.Database() as db:
        found = Overview(db).models()
    echo_json(found) if as_json else echo_models(found)


for command in (register, declare_task, correct, withdraw):
    models.add_command(command)


@models.command("list")
@model_option
@click.option("--stage", type=stage_type, help="Only versions in this stage.")
@click.option("--tag", "tags", type=Tag(), multiple=True, help="Only versions with this tag.")
@before_option
@limit_option
@json_option
def list_(tags: Any, as_json: bool, **filters: Any) -> None:
    """List versions, newest first."""
    with ledger.Database() as db:
        versions = ledger.ModelVersionRepository(db).list_versions(
            tags=dict(tags) or None, **filters
        )
    columns = "model_name model_version stage metrics created_at"
    echo_rows(versions, columns, as_json)


@models.command()
@model_argument
@optional_version_argument
@json_option
def show(model_name: str, model_version: str | None, as_json: bool) -> None:
    """Show a model, or one version of it."""
    found: object
    with ledger.Database() as db:
        if model_version is None:
            found = ledger.ModelsRepository(db).get(model_name=model_name)
        else:
            found = ledger.ModelVersionRepository(db).get(
                model_name=model_name, model_version=model_version
            )
    if found is None:
        raise NotFound(f"model {model_name} has no version {model_version}")
    echo_row(found, as_json)


@models.command()
@model_argument
@click.option("--description", metavar="TEXT", help="What the model is for.")
@slice_key_option
@click.option("--tag", "tags", type=Tag(), multiple=True, help="A tag.")
@by_option
@json_option
def add(tags: Any, by: str | None, as_json: bool, **fields: Any) -> None:
    """Register a model before its first version; `register` does it otherwise."""
    with ledger.Database() as db:
        made = ledger.ModelsRepository(db).insert(tags=dict(tags), created_by=by, **fields)
    echo_done(made, f"registered model {made.model_name}", as_json)


@models.command()
@model_argument
@optional_version_argument
@click.option("--description", metavar="TEXT", help="What it is; an empty text removes it.")
@slice_key_option
@click.option("--tag", "tags", type=Tag(), multiple=True, help="A tag; KEY= removes it.")
@json_option
def edit(
    model_name: str,
    model_version: str | None,
    description: str | None,
    slice_key: str | None,
    tags: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:
    """Change description, slice key and tags of a model, or of one version of it."""
    if description is None and slice_key is None and not tags:
        raise click.UsageError("give --description, --slice-key or --tag")
    if slice_key is not None and model_version is not None:
        raise InvalidValue("slice_key", "is that of a model, not of one version")
    name: dict[str, Any] = {"model_name": model_name}
    repository: Any = ledger.ModelsRepository
    if model_version is not None:
        repository, name["model_version"] = ledger.ModelVersionRepository, model_version
    with ledger.Database() as db, db.transaction() as tx:
        entities = repository(tx)
        if description is not None:
            entities.set_description(**name, description=description or None)
        if slice_key is not None:
            entities.set_slice_key(**name, slice_key=slice_key or None)
        if tags:
            entities.set_tags(**name, tags=_tags(tags))
        found = entities.get(**name)
    if found is None:
        raise NotFound(f"there is no model {model_name}")
    echo_row(found, as_json)


@models.command()
@model_argument
@version_argument
@click.argument("tags", type=Tag(), nargs=-1, required=True)
@json_option
def tag(model_name: str, model_version: str, tags: Any, as_json: bool) -> None:
    """Set TAGS of a version, each as KEY=VALUE; KEY= removes the tag."""
    with ledger.Database() as db:
        found = ledger.ModelVersionRepository(db).set_tags(
            model_name=model_name, model_version=model_version, tags=_tags(tags)
        )
    if as_json:
        echo_json(found)
    else:
        echo_table(("tag", "value"), sorted(found.items()))


@models.command()
@click.argument("model_name", required=False, shell_complete=complete.models)
@optional_version_argument
@slot_option
@by_option
@reason_option
@click.option(
    "--decision",
    "decision_id",
    type=click.UUID,
    help="The decision that allows it.",
    shell_complete=complete.decisions,
)
@click.option(
    "--action",
    "action_id",
    type=click.UUID,
    help="The approved action that allows it.",
    shell_complete=complete.actions,
)
@at_option
@json_option
def promote(model_name: str | None, slot: str, by: str | None, as_json: bool, **given: Any) -> None:
    """Put a version into production, or into another slot.

    Without MODEL_VERSION it is the candidate of the decision, or the version of the action.
    """
    with ledger.Database() as db, db.transaction() as tx:
        models = ledger.ModelVersionRepository(tx)
        before = model_name and models.production_at(model_name=model_name, slot=slot)
        deployment = models.promote(model_name=model_name, slot=slot, promoted_by=by, **given)
    echo_row(deployment, as_json)
    if before and before.id == deployment.id:
        note(
            f"version {deployment.model_version} has been in slot {slot} since "
            f"{timestamp(deployment.deployed_at)}: nothing was changed, who and why not recorded"
        )


def _tags(given: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Return tags as `set_tags` takes them: one without a value is taken away."""
    return {key: value or None for key, value in given}


def _add_change(name: str, by_whom: str, text: str) -> None:
    """Add a command that changes what is in a slot, without naming a version."""

    @models.command(name, help=text)
    @model_argument
    @slot_option
    @by_option
    @reason_option
    @at_option
    @json_option
    def change(by: str | None, as_json: bool, **where: Any) -> None:
        with ledger.Database() as db:
            take = getattr(ledger.ModelVersionRepository(db), name)
            deployment = take(**{by_whom: by}, **where)
        echo_row(deployment, as_json)


_add_change("rollback", "rolled_back_by", "Put the previous version back.")
_add_change("retire", "retired_by", "Empty a slot.")


@models.command()
@model_option
@click.option("--slot", help="Only this slot.", shell_complete=complete.slots)
@before_option
@limit_option
@json_option
def timeline(as_json: bool, **filters: Any) -> None:
    """Show what was in production when, newest first."""
    with ledger.Database() as db:
        entries = ledger.ModelVersionRepository(db).timeline(**filters)
    columns = (
        "model_name slot model_version deployed_at retired_at live_for deployed_by approved_by "
        "reason"
    )
    echo_rows(entries, columns, as_json)


@models.command()
@model_argument
@slot_option
@click.option(
    "--require-decision/--no-require-decision",
    "requires_decision",
    default=None,
    help="Whether a promotion must name a decision.",
)
@click.option(
    "--require-approval/--no-require-approval",
    "requires_approval",
    default=None,
    help="Whether a promotion must name an approved action.",
)
@by_option
@json_option
def policy(
    model_name: str,
    slot: str,
    requires_decision: bool | None,
    requires_approval: bool | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Show what a promotion of MODEL_NAME needs, or change it.

    Rollback and retire never need anything: an emergency cannot wait.
    """
    with ledger.Database() as db:
        repository = ledger.ModelVersionRepository(db)
        if requires_decision is requires_approval is None:
            found = repository.promotion_policy(model_name=model_name, slot=slot)
        else:
            found = repository.set_promotion_policy(
                model_name=model_name,
                slot=slot,
                requires_decision=requires_decision,
                requires_approval=requires_approval,
                updated_by=by,
            )
    if found is None:
        require_known()
    if found is not None or as_json:
        echo_row(found, as_json)
    else:
        say(f"a promotion of model {model_name} into slot {slot} needs nothing")


@models.command()
@model_argument
@click.argument("time", metavar="[AT]", required=False, type=Timestamp())
@click.option("--at", type=Timestamp(), metavar="TIME", help="As AT, the time (default: now).")
@slot_option
@json_option
def at(
    model_name: str, time: datetime | None, at: datetime | None, slot: str, as_json: bool
) -> None:
    """Say what was in production at a time (ISO 8601 with zone; default: now).

    Exits with 1 when nothing was.
    """
    if time is not None and at is not None:
        raise click.UsageError("give the time once: as AT or with --at")
    with ledger.Database() as db:
        deployment = ledger.ModelVersionRepository(db).production_at(
            model_name=model_name, at=time or at, slot=slot
        )
    if deployment is None:
        require_known()
    if deployment is not None or as_json:
        echo_row(deployment, as_json)
    else:
        say(f"nothing of model {model_name} was in slot {slot} then")
    finish(0 if deployment else 1)
