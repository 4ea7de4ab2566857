"""Tells what is unknown from what is known but empty, and suggests the nearest name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click

import mlops_ledger as ledger

from ..errors import NotFound

# Parameters of commands that name a version.
_VERSIONS = ("model_version", "against", "version_a", "version_b")


def require_known() -> None:
    """Raise NotFound when the running command names a model, version, slot or metric unknown."""
    context = click.get_current_context()
    given = dict(context.params)
    if context.command.name == "promote":
        del given["slot"]  # which it may make
    if given.get("model_name") is not None:
        with ledger.Database() as db:
            _require_known(db, given)


def nearest(name: str, known: Collection[str]) -> str:
    """Return the end of a sentence that suggests a name, or nothing when none is near."""
    from difflib import get_close_matches

    folded = {each.casefold(): each for each in known}
    if found := get_close_matches(name.casefold(), folded, n=1):
        return f"; did you mean {folded[found[0]]}?"
    return ""


def _require_known(db: ledger.Database, given: dict[str, Any]) -> None:
    from ..admin.names import Names

    model, names = given["model_name"], Names(db)
    versions = names.versions(model_name=model)
    if not versions and ledger.ModelsRepository(db).get(model_name=model) is None:
        raise NotFound(f"there is no model {model}{nearest(model, names.models())}")
    for name in _VERSIONS:
        _require_version(db, model, given.get(name), versions)
    slot = given.get("slot")
    slots = names.slots(model_name=model)
    if slot is not None and slot not in ("production", *slots):
        raise NotFound(f"model {model} has no slot {slot}{nearest(slot, slots)}")
    metric = given.get("metric_name")
    if metric is not None:
        latest = ledger.PerformanceMetricsRepository(db).latest(model_name=model)
        known = {each.metric_name for each in latest}
        if known and metric not in known:
            raise NotFound(f"model {model} has no metric {metric}{nearest(metric, known)}")


def _require_version(
    db: ledger.Database, model: str, version: str | None, versions: list[str]
) -> None:
    if version is None or version in versions:
        return
    found = ledger.ModelVersionRepository(db).get(model_name=model, model_version=version)
    if found is None:
        newest = f"; the newest is {versions[0]}" if versions else ""
        near = nearest(version, versions) or newest
        raise NotFound(f"model {model} has no version {version}{near}")
