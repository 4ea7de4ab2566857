"""What a shell offers when Tab is pressed: names and ids that the ledger has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem

import mlops_ledger as ledger

from ..errors import LedgerError
from ..visible import visible

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Found: TypeAlias = Iterable[tuple[str, str | None]]
_MANY = 100


def _complete(find: Callable[[ledger.Database, str | None], Found]) -> Complete:
    """Make a completion of what `find` yields for the model given so far: values with a help."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            settings = ledger.Settings.from_environment()
            if not _runs(settings):
                return []
            with ledger.Database(settings) as db:
                found = list(find(db, _model(ctx)))
        except LedgerError:
            return []
        return [
            CompletionItem(value, help=None if about is None else visible(about))
            for value, about in found
            if value.startswith(incomplete) and visible(value) == value
        ]

    return complete


def _runs(settings: ledger.Settings) -> bool:
    """Return whether there is a server to ask; Tab is not to make or start an embedded one."""
    from ..embedded import EmbeddedServer

    return not settings.embedded or EmbeddedServer(settings.home).status().running


def _model(ctx: click.Context) -> str | None:
    """Return the model typed so far; click stops at an option that waits for its value."""
    given: str | None = ctx.params.get("model_name")
    arguments = [each.name for each in ctx.command.params if isinstance(each, click.Argument)]
    if given is None and ctx.args and arguments[:1] == ["model_name"]:
        return ctx.args[0]
    return given


@_complete
def models(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the names of models."""
    from ..admin.names import Names

    return [(name, None) for name in Names(db).models()]


@_complete
def versions(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the versions of the model that was typed."""
    if model_name is None:
        return []
    found = ledger.ModelVersionRepository(db).list_versions(model_name=model_name, limit=_MANY)
    return [(each.model_version, f"{each.stage} {each.algorithm or ''}") for each in found]


@_complete
def slots(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the slots of the model that was typed."""
    from ..admin.names import Names

    return [] if model_name is None else [(s, None) for s in Names(db).slots(model_name=model_name)]


@_complete
def alerts(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the ids of open alerts, with their titles."""
    found = ledger.AlertsRepository(db).list_active(
        include_acknowledged=True, include_snoozed=True, limit=_MANY
    )
    return [(str(each.id), f"{each.severity} {each.title}") for each in found]


@_complete
def actions(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the ids of the newest actions."""
    found = ledger.AgentActionsRepository(db).list_actions(limit=_MANY)
    return [(str(e.id), f"{e.status} {e.action_type} {e.model_name or ''}") for e in found]


@_complete
def decisions(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the ids of the newest decisions."""
    found = ledger.RetrainingDecisionsRepository(db).list_decisions(limit=_MANY)
    return [(str(each.id), f"{each.action} {each.model_name}") for each in found]


@_complete
def monitors(db: ledger.Database, model_name: str | None) -> Found:
    """Yield the ids of monitors."""
    found = ledger.MonitorsRepository(db).list_monitors(limit=_MANY)
    return [(str(each.id), f"{each.model_name or ''} {each.name}") for each in found]
