"""Rows of the ledger as MLflow's entities."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)

from mlops_ledger import rows
from mlops_ledger.contrib.mlflow.mapping import KEY, UPDATED, kept

# The stages of the ledger as MLflow calls them.
STAGES: Final = {
    "development": "None",
    "staging": "Staging",
    "production": "Production",
    "archived": "Archived",
}


def model_version(row: rows.ModelVersion, aliases: Iterable[str]) -> Any:
    """Return a version with the aliases that point to it."""
    beside = kept(row.tags)
    more = {"model_id": beside["model_id"]} if beside.get("model_id") else {}
    return ModelVersion(
        name=row.model_name,
        version=number(row.model_version),
        creation_timestamp=_milliseconds(row.created_at),
        last_updated_timestamp=_updated(row, beside),
        description=row.description,
        user_id=row.created_by,
        current_stage=STAGES[row.stage],
        source=row.artifact_uri,
        run_id=row.mlflow_run_id,
        status=beside.get("status", "READY"),
        status_message=beside.get("status_message"),
        tags=[ModelVersionTag(key, value) for key, value in _tags(row.tags).items()],
        run_link=beside.get("run_link"),
        aliases=sorted(aliases),
        **more,
    )


def registered_model(row: rows.Model, latest: list[Any], aliases: Mapping[str, str]) -> Any:
    """Return a model with the latest version of each stage."""
    return RegisteredModel(
        name=row.model_name,
        creation_timestamp=_milliseconds(row.created_at),
        last_updated_timestamp=_milliseconds(row.updated_at),
        description=row.description,
        latest_versions=latest,
        tags=[RegisteredModelTag(key, value) for key, value in _tags(row.tags).items()],
        aliases=[
            RegisteredModelAlias(slot, number(held)) for slot, held in sorted(aliases.items())
        ],
    )


def number(version: str) -> int | str:
    """Return a version as MLflow's stores have it, as a number if it is one."""
    return int(version) if version.isdecimal() else version


def _updated(row: rows.ModelVersion, beside: Mapping[str, Any]) -> int:
    """Return when a version was registered, promoted or, as far as it is known, changed last."""
    known = beside.get(UPDATED)
    times = [_milliseconds(at) for at in (row.created_at, row.promoted_at) if at is not None]
    return max([*times, int(known)] if isinstance(known, (int, float)) else times)


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    """Return what MLflow can show as tags, which are texts."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in given.items()
        if key != KEY
    }


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
