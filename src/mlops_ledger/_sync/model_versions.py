# Generated from src/mlops_ledger/_async/model_versions.py by tools/unasync.py: edit that file, then run `make sync`.
"""The model registry and the history of production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ..checks import classes
from ..checks.values import STAGES, TASKS, choice, mapping, page_size
from ..errors import Conflict, InvalidValue, NotFound
from ..rows import Deployment, ModelVersion, PromotionPolicy, TimelineEntry, WithdrawnVersion
from .pages import iterate
from .repository import Repository

_UNNAMED: Final = {"model_name": None, "model_version": None}


class ModelVersionRepository(Repository):
    """Registers versions of models and moves them in and out of production."""

    _file = "model_versions"

    def insert(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        stage: str = "development",
        mlflow_run_id: str | None = None,
        description: str | None = None,
        algorithm: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        hyperparameters: Mapping[str, Any] | None = None,
        feature_names: Sequence[str] | None = None,
        task: str | None = None,
        class_names: Sequence[str] | None = None,
        positive_label: str | None = None,
        training_samples: int | None = None,
        dataset_version: str | None = None,
        dataset_digest: str | None = None,
        artifact_uri: str | None = None,
        metadata_uri: str | None = None,
        tags: Mapping[str, Any] | None = None,
        created_at: datetime | None = None,
        created_by: str | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Register a version and return its id.

        Without `model_version` it takes the next integer of the model. `task` is binary,
        multiclass or regression; `class_names` are the classes in the order of
        `class_probabilities`, as `classes_` of a classifier, and `positive_label` is the one that
        `probability` is about: by default 1 of 0 and 1 or of -1 and 1, true of false and true, in
        any order, else the second of two. What is left out is derived from labelled predictions. A
        version enters production through `promote`, never by its stage. Repeating a call with the
        same `id` registers nothing twice. Raises Conflict when the version exists, InvalidValue
        for a value that is refused.
        """
        values = {
            **locals(),
            "task": choice("task", task, TASKS),
            "class_names": classes.class_names("class_names", class_names),
            "positive_label": classes.class_name("positive_label", positive_label),
        }
        return self._insert_once(
            "insert",
            values,
            "id: already names another version of a model, or this one with other content",
        )

    def register(self, *, model_name: str, **content: Any) -> ModelVersion:
        """Register a version and return it, with its number; `insert` returns its id alone.

        `content` is the other arguments of `insert`, whose rules and exceptions are those of this.
        """
        with self._db.transaction() as tx:
            within = type(self)(tx)
            return within._by_id(within.insert(model_name=model_name, **content))

    def get_or_insert(
        self, *, model_name: str, model_version: str, **content: Any
    ) -> ModelVersion:
        """Return a version, which is registered unless it is there.

        `content` is the other arguments of `insert` but `id`. Raises Conflict when the version is
        there with other content; its stage, description and tags may have changed.
        """
        named: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
        found = self._in_primary(named)
        if found is None:
            try:
                # A failure must leave a transaction of the caller usable.
                with self._db.transaction() as tx:
                    within = type(self)(tx)
                    return within._by_id(within.insert(**named, **content))
            except Conflict:
                # Somebody else was first.
                found = self._in_primary(named)
                if found is None:
                    raise
        try:
            self.insert(**named, **content, id=found.id)
        except Conflict:
            raise Conflict(
                f"model {model_name} has a version {model_version} with other content: "
                "register another version"
            ) from None
        return found

    def get(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        id: UUID | None = None,
    ) -> ModelVersion | None:
        """Return a version by its id, or by its model and number; None when there is none."""
        if (id is None) == (model_name is None or model_version is None):
            raise InvalidValue("id", "give either an id, or model_name and model_version")
        return self._row("get", ModelVersion, locals())

    def list_versions(
        self,
        *,
        model_name: str | None = None,
        stage: str | None = None,
        tags: Mapping[str, Any] | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[ModelVersion]:
        """Return versions, newest first, that carry all the given tags.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        stage = choice("stage", stage, STAGES)
        tags = mapping("tags", tags)
        return self._rows("list_versions", ModelVersion, locals())

    iter_versions = iterate(list_versions)

    def set_tags(
        self, *, model_name: str, model_version: str, tags: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Merge tags into a version's and return all of them; a value of None removes the tag.

        Raises NotFound for an unknown version.
        """
        found: dict[str, Any] | None = self._value("set_tags", locals())
        if found is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        return found

    def set_description(
        self, *, model_name: str, model_version: str, description: str | None
    ) -> ModelVersion:
        """Replace the description of a version, None takes it away; the audit log has the old one.

        Raises NotFound for an unknown version.
        """
        changed = self._row("set_description", ModelVersion, locals())
        if changed is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        return changed

    def set_stage(self, *, model_name: str, model_version: str, stage: str) -> ModelVersion:
        """Move a version that is not in production to development, staging or archived.

        Raises NotFound for an unknown version, PromotionRefused for production, which a version
        enters and leaves through `promote`, `rollback` and `retire`.
        """
        changed = self._row("set_stage", ModelVersion, locals())
        if changed is None:
            raise NotFound(f"model {model_name} has no version {model_version}")
        return changed

    def declare_task(
        self,
        *,
        model_name: str,
        model_version: str,
        task: str | None = None,
        class_names: Sequence[str] | None = None,
        positive_label: str | None = None,
    ) -> ModelVersion:
        """Declare what a version predicts that was registered without it; the audit log has it.

        The arguments are those of `insert`; repeating a call changes nothing. Raises Conflict when
        it has declared something else, or labelled predictions have shown other classes, NotFound
        for an unknown version.
        """
        task = choice("task", task, TASKS)
        names = classes.class_names("class_names", class_names)
        label = classes.class_name("positive_label", positive_label)
        values = {**locals(), "class_names": names, "positive_label": label}
        return self._one("declare_task", ModelVersion, values)

    def correct(
        self,
        *,
        model_name: str,
        model_version: str,
        mlflow_run_id: str | None = None,
        algorithm: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        hyperparameters: Mapping[str, Any] | None = None,
        feature_names: Sequence[str] | None = None,
        task: str | None = None,
        class_names: Sequence[str] | None = None,
        positive_label: str | None = None,
        training_samples: int | None = None,
        dataset_version: str | None = None,
        dataset_digest: str | None = None,
        artifact_uri: str | None = None,
        metadata_uri: str | None = None,
    ) -> ModelVersion:
        """Correct the registration of a version that nothing refers to; the audit log has the old.

        The arguments are those of `insert`. What is None stays as it is; `task`, `class_names` and
        `positive_label` are one declaration, of which what is left out is derived again. Raises
        Conflict, which names the tables, when decisions, predictions or anything else refers to
        the version; NotFound for an unknown version.
        """
        task = choice("task", task, TASKS)
        names = classes.class_names("class_names", class_names)
        label = classes.class_name("positive_label", positive_label)
        values = {**locals(), "class_names": names, "positive_label": label}
        return self._one("correct", ModelVersion, values)

    def withdraw(
        self,
        *,
        model_name: str,
        model_version: str,
        withdrawn_by: str | None = None,
        reason: str | None = None,
    ) -> WithdrawnVersion:
        """Take back a version that nothing refers to; its number is never given again.

        The table withdrawn_versions and the audit log keep it. Repeating a call changes nothing.
        Raises Conflict, which names the tables, when decisions, predictions or anything else
        refers to the version; NotFound for an unknown version.
        """
        return self._one("withdraw", WithdrawnVersion, locals())

    def promote(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        slot: str = "production",
        promoted_by: str | None = None,
        reason: str | None = None,
        decision_id: UUID | None = None,
        action_id: UUID | None = None,
        at: datetime | None = None,
        deployment_id: UUID | None = None,
    ) -> Deployment:
        """Put a version into a slot, in one step with the end of the one before.

        Without `model_version` it is the candidate that `decision_id` judged, or the version that
        the action is about; without `decision_id`, the decision is the one that the action names.
        The approved action of `action_id` is marked executed in the same transaction. Promoting
        the version that is already there changes nothing and returns its deployment. A call with
        a `deployment_id`, such as `new_id()`, can be repeated when its outcome is not known: it is
        always recorded, and once. `at` may lie in the past, but not before the slot's last change.
        Raises NotFound for an unknown version, decision or action, PromotionRefused when the
        decision or the action does not allow this promotion, or when the policy of the slot
        requires one that is not given.
        """
        return self._one("promote", Deployment, locals())

    def rollback(
        self,
        *,
        model_name: str,
        slot: str = "production",
        rolled_back_by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        deployment_id: UUID | None = None,
    ) -> Deployment:
        """Put back the version that held the slot before; after `retire`, the one retired.

        Rolling back twice goes two versions back. Repeating a call with the same `deployment_id`
        changes nothing. Raises NotFound when there is no earlier version.
        """
        return self._one("rollback", Deployment, locals())

    def retire(
        self,
        *,
        model_name: str,
        slot: str = "production",
        retired_by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        deployment_id: UUID | None = None,
    ) -> Deployment:
        """Empty a slot and return the deployment that ended.

        With `deployment_id` it retires that very deployment, and repeating the call changes
        nothing. Raises NotFound when there is nothing to retire.
        """
        return self._one("retire", Deployment, locals())

    def production_at(
        self, *, model_name: str, at: datetime | None = None, slot: str = "production"
    ) -> Deployment | None:
        """Return what held a slot at a timestamp, now by default; None when it was empty."""
        return self._row("production_at", Deployment, locals())

    def list_live(self, *, model_name: str, limit: int = 100) -> list[Deployment]:
        """Return what is live of a model, by slot; at most `limit` (1 to 1000)."""
        limit = page_size(limit)
        return self._rows("list_live", Deployment, locals())

    def live(self, *, model_name: str, slot: str = "production") -> ModelVersion | None:
        """Return the version that holds a slot now; None when it is empty."""
        return self._row("live", ModelVersion, locals())

    def timeline(
        self,
        *,
        model_name: str | None = None,
        slot: str | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[TimelineEntry]:
        """Return deployments, newest first, with their versions, decisions and approvals.

        At most `limit` (1 to 1000); the next page is `before` the deployment_id of the last.
        """
        limit = page_size(limit)
        return self._rows("timeline", TimelineEntry, locals())

    iter_timeline = iterate(timeline, key="deployment_id")

    def promotion_policy(
        self, *, model_name: str, slot: str = "production"
    ) -> PromotionPolicy | None:
        """Return what a promotion into a slot needs; None when nothing was set."""
        return self._row("promotion_policy", PromotionPolicy, locals())

    def set_promotion_policy(
        self,
        *,
        model_name: str,
        slot: str = "production",
        requires_decision: bool | None = None,
        requires_approval: bool | None = None,
        updated_by: str | None = None,
    ) -> PromotionPolicy:
        """Say whether a promotion needs a decision or an approved action, for psql users too.

        What is None stays as it is, at first false. `rollback` and `retire` need neither. Raises
        NotFound for an unknown model.
        """
        return self._one("set_promotion_policy", PromotionPolicy, locals())

    def _in_primary(self, named: dict[str, Any]) -> ModelVersion | None:
        with self._db.transaction() as tx:
            within = type(self)(tx)
            return within.get(**named)

    def _by_id(self, id: UUID) -> ModelVersion:
        return self._one("get", ModelVersion, {**_UNNAMED, "id": id})
