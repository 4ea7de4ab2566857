"""Tells what of the ledger came from a model of MLflow, and what only has its names and numbers.

A store has no name of its own, and its URI may change: it is told by the milliseconds in which it
made the model and the version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...rows import Model, ModelVersion
from . import mapping

Owned = Callable[[str], bool]


def of(model: Any, mv: Any) -> dict[str, Any]:
    """Return what the tags of a version keep of where it came from."""
    return {"model_created": model.creation_timestamp, "created": mv.creation_timestamp}


def is_model(found: Model, model: Any, creator: str) -> bool:
    """Say whether a model may follow MLflow's: not when another store has brought it."""
    created = mapping.time(model.creation_timestamp)
    return found.created_by != creator or created is None or found.created_at == created


def is_version(found: ModelVersion, mv: Any, run_id: str | None, model: Any) -> bool:
    """Say whether a version is MLflow's, and no other that has the number."""
    if mapping.KEY not in found.tags:
        # A trainer has registered it.
        return run_id is not None and run_id == found.mlflow_run_id
    if run_id is not None and found.mlflow_run_id not in (None, run_id):
        return False
    return _kept(found) == of(model, mv)


def owned(model: Any, known: Iterable[ModelVersion], others: Iterable[str]) -> Owned:
    """Return what says whether a version of the ledger came from the model.

    `others` are the numbers that MLflow has and that are another version in the ledger.
    """
    ours = {
        each.model_version
        for each in known
        if _kept(each).get("model_created", ...) == model.creation_timestamp
    }
    return (ours - set(others)).__contains__


def _kept(found: ModelVersion) -> dict[str, Any]:
    kept = mapping.kept(found.tags).get("origin")
    return kept if isinstance(kept, dict) else {}
