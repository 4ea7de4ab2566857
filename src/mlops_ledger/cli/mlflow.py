"""`mlops-ledger import mlflow` and `sync mlflow`: bring an MLflow registry, once or often."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Final

import click

import mlops_ledger as ledger

from ..errors import LedgerError
from .base import Command, Group
from .options import Length, json_option
from .output import echo_json, echo_pairs, finish, say
from .progress import progress

if TYPE_CHECKING:
    from ..contrib.mlflow import MlflowImport

_SOME_REFUSED: Final = 1
# Lines of a report that are printed for people; --json has all.
_SOME: Final = 50
_uri = click.argument("uri", envvar="MLFLOW_TRACKING_URI")
_registry = click.option(
    "--registry-uri", metavar="URI", help="Where the registry is, if not at the same URI."
)


@click.group(cls=Group)
def sync() -> None:
    """Keep the ledger in step with another system."""


@click.command("mlflow", cls=Command)
@_uri
@_registry
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@json_option
def import_mlflow(uri: str, registry_uri: str | None, dry_run: bool, as_json: bool) -> None:
    """Import the MLflow registry at URI: models, versions, runs, stages and aliases as slots.

    URI is what MLflow calls a tracking URI, such as sqlite:///mlflow.db or http://mlflow:5000;
    one with a password is better given as MLFLOW_TRACKING_URI.
    Importing again adds only what is new. What was changed or has no home is listed; exits with 1
    if models or versions could not be imported.
    """
    with progress("import") as report, ledger.Database() as db:
        done = _mlflow().import_mlflow(
            db, uri, registry_uri=registry_uri, dry_run=dry_run, report=report
        )
    _show(done, as_json)
    if dry_run and not as_json:
        say("a dry run: nothing was written")
    finish(_code(done))


@sync.command("mlflow")
@_uri
@_registry
@click.option(
    "--every", type=Length("smh"), metavar="EVERY", help="Repeat, with this pause between runs."
)
@json_option
def sync_mlflow(uri: str, registry_uri: str | None, every: timedelta | None, as_json: bool) -> None:
    """Import what is new in the MLflow registry at URI, once or at intervals.

    Slots follow MLflow as long as nobody changes them in the ledger. A single run exits with 1 if
    models or versions could not be imported, and an error ends it; at intervals it is printed, and
    the next run makes up for it.
    """
    with ledger.Database() as db:
        while True:
            try:
                done = _mlflow().import_mlflow(db, uri, registry_uri=registry_uri)
                _show(done, as_json)
                if every is None:
                    finish(_code(done))
            except LedgerError as error:
                if every is None:
                    raise
                say(f"error: {error}", err=True)
            time.sleep(every.total_seconds())


def _mlflow() -> ModuleType:
    try:
        from ..contrib import mlflow
    except ModuleNotFoundError as error:
        raise LedgerError(str(error)) from None
    return mlflow


def _code(done: MlflowImport) -> int:
    return _SOME_REFUSED if done.models.refused or done.versions.refused else 0


def _show(done: MlflowImport, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(done))
        return
    kinds = {"models": done.models, "versions": done.versions}
    counts: dict[str, object] = {
        kind: f"{count.new:,} new, {count.changed:,} changed, {count.unchanged:,} unchanged"
        + (f", {count.refused:,} refused" if count.refused else "")
        for kind, count in kinds.items()
    }
    counts["metrics"] = (
        f"{done.metrics_stored:,} stored, {done.metrics_duplicates:,} were there already"
    )
    counts["slots"] = f"{done.deployments:,} changed"
    echo_pairs(counts)
    for title, lines in (("changed", done.changes), ("otherwise than in MLflow", done.deviations)):
        if lines:
            say(f"{title}:")
        for line in lines[:_SOME]:
            say(f"  {line}")
        if len(lines) > _SOME:
            say(f"  and {len(lines) - _SOME:,} more, which --json shows")
