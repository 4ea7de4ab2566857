"""The ledger, asked and told in the terms of MLflow."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    ModelsRepository,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
    Transaction,
    rows,
)
from mlops_ledger.contrib.mlflow import mapping
from mlops_ledger.contrib.mlflow.importer import register
from mlops_ledger.errors import InvalidValue

from . import entities, search
from .errors import missing, raised

_SCHEME: Final = "mlops-ledger://"
_MANY: Final = 1000
_STAGES: Final = {shown: stage for stage, shown in entities.STAGES.items()}


@cache
def database(uri: str) -> Database:
    """Return the database of a URI; the stores of one share its pool."""
    rest = uri.removeprefix(_SCHEME).strip("/")
    return Database(f"postgresql://{rest}" if rest else None)


class Registry:
    """The models of a ledger."""

    def __init__(self, db: Database | Transaction, tracking_uri: str | None) -> None:
        self._db = db
        self._tracking_uri = tracking_uri
        self._models = ModelsRepository(self._db)
        self._versions = ModelVersionRepository(self._db)

    def create_model(self, name: str, tags: dict[str, str], description: str | None) -> Any:
        """Register a model."""
        if self._models.get(model_name=name) is not None:
            raise raised(
                f"Registered Model (name={name}) already exists.", "RESOURCE_ALREADY_EXISTS"
            )
        row = self._models.insert(
            model_name=name, description=description, tags=tags, created_by=_user()
        )
        return entities.registered_model(row, [], {})

    def model(self, name: str) -> Any:
        """Return a model with its latest versions."""
        row = self._models.get(model_name=name)
        if row is None:
            raise missing(f"Registered Model with name={name} not found")
        return self._with_versions([row])[0]

    def models(
        self, filter_string: str | None, order_by: list[str], limit: int, offset: int
    ) -> list[Any]:
        """Return a page of the models that match a filter of MLflow."""
        return self._with_versions(
            search.search_models(self._db, filter_string, order_by, limit, offset)
        )

    def describe_model(self, name: str, description: str | None) -> Any:
        """Replace the description of a model."""
        self.model(name)
        row = self._models.set_description(model_name=name, description=description)
        return self._with_versions([row])[0]

    def tag_model(self, name: str, tags: dict[str, str | None]) -> None:
        """Set or take away tags of a model."""
        self.model(name)
        self._models.set_tags(model_name=name, tags=tags)

    def create_version(
        self,
        name: str,
        source: str,
        run_id: str | None,
        tags: list[Any],
        run_link: str | None,
        description: str | None,
        model_id: str | None,
    ) -> Any:
        """Register the next version of a model, with what the tracking store knows of its run."""
        self.model(name)
        location, run_id, model_id = self._origin(source, run_id, model_id)
        given = ModelVersion(
            name, "0", int(time.time() * 1000), description=description, user_id=_user(),
            source=source, run_id=run_id, tags=tags, run_link=run_link,
        )  # fmt: skip
        version = mapping.version(given, name, run_id, self._run(run_id), lambda *_: None)
        beside = version.fields["tags"][mapping.KEY]
        if location != source:
            beside["storage_location"] = location
        if model_id:
            beside["model_id"] = model_id
        del version.fields["model_version"]
        made = register(self._db, version, lambda *_: None)
        return entities.model_version(made, [])

    def version(self, name: str, number: str) -> Any:
        """Return a version with its aliases."""
        row = self._row(name, number)
        aliases = [slot for slot, held in self._slots(name).items() if held == number]
        return entities.model_version(row, aliases)

    def versions(
        self, filter_string: str | None, order_by: list[str], limit: int, offset: int
    ) -> list[Any]:
        """Return a page of the versions that match a filter of MLflow."""
        found = search.search_versions(self._db, filter_string, order_by, limit, offset)
        return [entities.model_version(row, slots) for row, slots in found]

    def describe_version(self, name: str, number: str, description: str | None) -> Any:
        """Replace the description of a version."""
        with self._whole() as whole:
            row = whole._row(name, number)
            whole._versions.set_description(
                model_name=name, model_version=number, description=description
            )
            whole._touch([row])
        return self.version(name, number)

    def tag_version(self, name: str, number: str, tags: dict[str, str | None]) -> None:
        """Set or take away tags of a version."""
        if mapping.KEY in tags:
            raise InvalidValue("tags", f"{mapping.KEY} is the ledger's own key")
        self._row(name, number)
        self._versions.set_tags(model_name=name, model_version=number, tags=tags)

    def location(self, name: str, number: str) -> str | None:
        """Return where the artifacts of a version are."""
        row = self._row(name, number)
        stored: str | None = mapping.kept(row.tags).get("storage_location")
        return stored or row.artifact_uri

    def move(self, name: str, number: str, stage: str, archive_existing: bool) -> Any:
        """Move a version to a stage of MLflow, and those it replaces to another, or none."""
        with self._whole() as whole:
            moved = [whole._row(name, number)]
            if stage == "Production":
                held = whole._versions.live(model_name=name)
                moved += [held] if held is not None and held.id != moved[0].id else []
                whole.promote(name, number, "production")
            else:
                if moved[0].stage == "production":
                    whole.retire(name, "production")
                if archive_existing:
                    there = whole._pages(name, _STAGES[stage])
                    moved += [each for each in there if each.model_version != number]
                # In one order, so that two who move versions do not wait for each other.
                for each in sorted(moved, key=lambda row: row.id):
                    moves = each.model_version == number
                    whole._set_stage(name, each.model_version, stage if moves else "Archived")
            whole._touch(moved)
        return self.version(name, number)

    @contextmanager
    def _whole(self) -> Iterator[Registry]:
        """Make what is done in the block one transaction."""
        with self._db.transaction() as tx:
            yield Registry(tx, self._tracking_uri)

    def _touch(self, changed: list[rows.ModelVersion]) -> None:
        """Remember when versions were changed, as MLflow shows it."""
        now = int(time.time() * 1000)
        for row in changed:
            if not isinstance(row.tags.get(mapping.KEY, {}), dict):
                continue  # Somebody's own tag.
            beside = {**mapping.kept(row.tags), mapping.UPDATED: now}
            self._versions.set_tags(
                model_name=row.model_name,
                model_version=row.model_version,
                tags={mapping.KEY: beside},
            )

    def promote(self, name: str, number: str, alias: str) -> None:
        """Put a version into the slot of an alias, with what its policy requires."""
        row = self._row(name, number)
        slot = alias.lower()
        policy = self._versions.promotion_policy(model_name=name, slot=slot)
        allowed: dict[str, Any] = {}
        if policy is not None and policy.requires_approval:
            allowed["action_id"] = self._approved_action(row, slot)
        if policy is not None and policy.requires_decision:
            allowed["decision_id"] = self._decision(row)
        self._versions.promote(
            model_name=name, model_version=number, slot=slot, promoted_by=_user(), **allowed
        )

    def retire(self, name: str, alias: str) -> None:
        """Empty the slot of an alias, if there is something in it."""
        self.model(name)
        if alias.lower() in self._slots(name):
            self._versions.retire(model_name=name, slot=alias.lower(), retired_by=_user())

    def at(self, name: str, alias: str) -> Any:
        """Return the version that an alias points to."""
        self.model(name)
        held = self._versions.production_at(model_name=name, slot=alias.lower())
        if held is None:
            # As MLflow's own stores have it.
            raise InvalidValue("alias", f"Registered model alias {alias} not found.")
        return self.version(name, held.model_version)

    def _origin(
        self, source: str, run_id: str | None, model_id: str | None
    ) -> tuple[str, str | None, str | None]:
        """Return where the artifacts of a source are, its run and its logged model."""
        location = source
        if source.startswith("models:/"):
            from mlflow.store.artifact.utils.models import _parse_model_uri

            parsed = _parse_model_uri(source)
            model_id = model_id or getattr(parsed, "model_id", None)
            if getattr(parsed, "model_id", None) is None:
                found = self.location(parsed.name, str(parsed.version))
                location = found or source
        if model_id and hasattr(MlflowClient, "get_logged_model"):
            logged = MlflowClient(self._tracking_uri).get_logged_model(model_id)
            run_id = run_id or logged.source_run_id
            if location.startswith("models:/"):
                location = logged.artifact_location
        return location, run_id, model_id

    def _run(self, run_id: str | None) -> Any:
        """Return a run; None where the tracking store does not have it."""
        if run_id is None:
            return None
        try:
            return MlflowClient(self._tracking_uri).get_run(run_id)
        except MlflowException:
            return None

    def _row(self, name: str, number: str) -> rows.ModelVersion:
        row = self._versions.get(model_name=name, model_version=number)
        if row is None:
            raise missing(f"Model Version (name={name}, version={number}) not found")
        return row

    def _pages(
        self, name: str | None = None, stage: str | None = None
    ) -> Iterator[rows.ModelVersion]:
        before = None
        while page := self._versions.list_versions(
            model_name=name, stage=stage, limit=_MANY, before=before
        ):
            yield from page
            before = page[-1].id

    def _slots(self, name: str) -> dict[str, str]:
        """Return the version in each slot of a model that holds one."""
        live = self._versions.list_live(model_name=name, limit=_MANY)
        return {held.slot: held.model_version for held in live}

    def _with_versions(self, models: list[rows.Model]) -> list[Any]:
        """Return models with the latest versions of each stage, and their aliases."""
        names = [row.model_name for row in models]
        latest = search.latest_versions(self._db, names)
        slots = search.slots_of(self._db, names)
        return [
            entities.registered_model(
                row,
                [entities.model_version(each, held) for each, held in latest[row.model_name]],
                slots[row.model_name],
            )
            for row in models
        ]

    def _set_stage(self, name: str, number: str, stage: str) -> None:
        self._versions.set_stage(model_name=name, model_version=number, stage=_STAGES[stage])

    def _approved_action(self, row: rows.ModelVersion, slot: str) -> Any:
        """Return the newest approved action to promote a version into a slot."""
        actions = AgentActionsRepository(self._db).list_actions(
            model_name=row.model_name, status="approved", limit=_MANY
        )
        fitting = (
            action.id
            for action in actions
            if action.action_type == "promote"
            and action.model_version_id in (None, row.id)
            and action.parameters.get("slot", slot) == slot
        )
        return next(fitting, None)

    def _decision(self, row: rows.ModelVersion) -> Any:
        """Return the newest decision to promote a version."""
        decisions = RetrainingDecisionsRepository(self._db).list_decisions(
            model_name=row.model_name, action="promote", limit=_MANY
        )
        fitting = (each.id for each in decisions if each.candidate_version_id == row.id)
        return next(fitting, None)


def _user() -> str:
    """Return who does it, as MLflow's own context has it."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "mlflow"
