"""MLflow's registry store, kept in the ledger; an alias is a slot."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry import (
    SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
    SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD,
)
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils import validation
from mlflow.utils.search_utils import SearchUtils

from .errors import explained, raised, refuse
from .registry import Registry, database

# What the database takes as an offset.
_LAST: Final = 2**62

_NEWEST_FIRST = ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]


class LedgerStore(AbstractStore):  # type: ignore[misc]
    """Keeps registered models, versions, tags, aliases and stages in mlops-ledger.

    What MLflow would forget is refused with FEATURE_DISABLED: to rename or delete a model, to
    delete a version.
    """

    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._registry = Registry(database(store_uri or ""), tracking_uri)

    # Models

    def create_registered_model(
        self,
        name: str,
        tags: Any = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> Any:
        """Register a model."""
        validation._validate_model_name(name)
        for tag in tags or []:
            validation._validate_registered_model_tag(tag.key, tag.value)
        with explained():
            return self._registry.create_model(name, _pairs(tags), description)

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> Any:
        """Replace the description of a model."""
        with explained():
            return self._registry.describe_model(name, description)

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        """Refuse: history names models."""
        refuse("a model cannot be renamed")

    def delete_registered_model(self, name: str) -> None:
        """Refuse: history names models."""
        refuse("a model cannot be deleted")

    def get_registered_model(self, name: str) -> Any:
        """Return a model."""
        validation._validate_model_name(name)
        with explained():
            return self._registry.model(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """Return a page of the models that match, in MLflow's filter language."""
        limit = _limit(
            max_results,
            SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
            SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD,
        )
        with explained():
            return _page(
                self._registry.models,
                _without_prompts(filter_string),
                [_order(clause) for clause in order_by or ()],
                limit,
                page_token,
            )

    def get_latest_versions(self, name: str, stages: list[str] | None = None) -> list[Any]:
        """Return the version with the highest number of each stage."""
        from mlflow.entities.model_registry.model_version_stages import (
            ALL_STAGES,
            get_canonical_stage,
        )

        wanted = set(map(get_canonical_stage, stages or ALL_STAGES))
        model = self.get_registered_model(name)
        return [each for each in model.latest_versions if each.current_stage in wanted]

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag of a model."""
        validation._validate_model_name(name)
        validation._validate_registered_model_tag(tag.key, tag.value)
        with explained():
            self._registry.tag_model(name, {tag.key: tag.value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag from a model."""
        validation._validate_model_name(name)
        validation._validate_tag_name(key)
        with explained():
            self._registry.tag_model(name, {key: None})

    # Versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> Any:
        """Register the next version of a model, with what MLflow knows of its run."""
        validation._validate_model_name(name)
        for tag in tags or []:
            validation._validate_model_version_tag(tag.key, tag.value)
        with explained():
            return self._registry.create_version(
                name, source, run_id, tags or [], run_link, description, model_id
            )

    def update_model_version(
        self, name: str, version: str | int, description: str | None = None
    ) -> Any:
        """Replace the description of a version."""
        number = _number(name, version)
        with explained():
            return self._registry.describe_version(name, number, description)

    def transition_model_version_stage(
        self, name: str, version: str | int, stage: str, archive_existing_versions: bool
    ) -> Any:
        """Move a version to another stage; Production is the slot of that name."""
        from mlflow.entities.model_registry.model_version_stages import get_canonical_stage

        number, stage = _number(name, version), get_canonical_stage(stage)
        if archive_existing_versions and stage not in ("Staging", "Production"):
            raise raised(
                "Model version transition cannot archive existing model versions because"
                f" {stage} is not an Active stage",
                "INVALID_PARAMETER_VALUE",
            )
        with explained():
            return self._registry.move(name, number, stage, archive_existing_versions)

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Refuse: history names versions."""
        refuse("a version cannot be deleted")

    def get_model_version(self, name: str, version: str | int) -> Any:
        """Return a version."""
        number = _number(name, version)
        with explained():
            return self._registry.version(name, number)

    def get_model_version_download_uri(self, name: str, version: str | int) -> Any:
        """Return where the artifacts of a version are."""
        number = _number(name, version)
        with explained():
            return self._registry.location(name, number)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """Return a page of the versions that match, in MLflow's filter language."""
        limit = _limit(
            max_results,
            SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
            SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD,
        )
        with explained():
            return _page(
                self._registry.versions,
                _without_prompts(filter_string),
                order_by or _NEWEST_FIRST,
                limit,
                page_token,
            )

    def set_model_version_tag(self, name: str, version: str | int, tag: Any) -> None:
        """Set a tag of a version."""
        validation._validate_model_version_tag(tag.key, tag.value)
        self._tag(name, version, tag.key, tag.value)

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        """Take a tag from a version."""
        validation._validate_tag_name(key)
        self._tag(name, version, key, None)

    def _tag(self, name: str, version: str | int, key: str, value: str | None) -> None:
        number = _number(name, version)
        with explained():
            self._registry.tag_version(name, number, {key: value})

    # Aliases

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        """Promote a version into the slot of that name."""
        validation._validate_model_alias_name(alias)
        # MLflow 2 checks what is reserved with the rest.
        if hasattr(validation, "_validate_model_alias_name_reserved"):
            validation._validate_model_alias_name_reserved(alias)
        number = _number(name, version)
        with explained():
            self._registry.promote(name, number, alias)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Empty the slot of that name."""
        validation._validate_model_name(name)
        validation._validate_model_alias_name(alias)
        with explained():
            self._registry.retire(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        """Return the version that is in the slot of that name."""
        validation._validate_model_name(name)
        validation._validate_model_alias_name(alias)
        with explained():
            return self._registry.at(name, alias)


def _number(name: str, version: str | int) -> str:
    validation._validate_model_name(name)
    validation._validate_model_version(version)
    return str(version)


def _pairs(tags: Any) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags or []}


def _limit(max_results: int | None, default: int, most: int) -> int:
    if max_results is None:
        return default
    if not isinstance(max_results, int) or not 1 <= max_results <= most:
        raise raised(
            "Invalid value for request parameter max_results. It must be at least 1 and at most"
            f" {most}, but got value {max_results}",
            "INVALID_PARAMETER_VALUE",
        )
    return max_results


def _order(clause: str) -> str:
    """Return a clause of an order; MLflow knows the time of the last update by two names."""
    return re.sub(r"^timestamp\b", "last_updated_timestamp", clause)


def _without_prompts(filter_string: str | None) -> str | None:
    """Return a filter that leaves out prompts, as MLflow 3 does."""
    try:
        from mlflow.prompt.registry_utils import add_prompt_filter_string
    except ImportError:
        return filter_string
    found: str | None = add_prompt_filter_string(filter_string, is_prompt=False)
    return found


def _page(
    search: Callable[[str | None, list[str], int, int], list[Any]],
    query: str | None,
    order_by: list[str],
    limit: int,
    token: str | None,
) -> Any:
    """Return a page; MLflow's tokens count what came before it."""
    start = _start(token)
    found = search(query, order_by, limit + 1, start)
    following = SearchUtils.create_page_token(start + limit) if len(found) > limit else None
    return PagedList(found[:limit], following)


def _start(token: str | None) -> int:
    """Read a token; MLflow's own reader raises anything for one that is none."""
    try:
        start = SearchUtils.parse_start_offset_from_page_token(token)
    except (AttributeError, TypeError, ValueError):
        start = None
    if not isinstance(start, int) or not 0 <= start <= _LAST:
        raise raised("Invalid page token", "INVALID_PARAMETER_VALUE")
    return start
