# Generated from src/mlops_ledger/_async/models.py by tools/unasync.py: edit that file, then run `make sync`.
"""The models themselves, also before their first version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from ..checks.values import mapping, page_size
from ..errors import Conflict, NotFound
from ..errors.constraints import VIOLATIONS
from ..rows import Model
from .pages import iterate
from .repository import Repository

T = TypeVar("T")


class ModelsRepository(Repository):
    """Describes models; registering a version makes its model if it is new."""

    _file = "models"

    def insert(
        self,
        *,
        model_name: str,
        description: str | None = None,
        slice_key: str | None = None,
        tags: Mapping[str, Any] | None = None,
        created_at: datetime | None = None,
        created_by: str | None = None,
    ) -> Model:
        """Register a model and return it; `slice_key` is as in `set_slice_key`.

        Raises Conflict when there is one of that name, or of a name that looks like it,
        InvalidValue for a value that is refused.
        """
        made = self._row("insert", Model, locals())
        if made is None:
            with self._db.transaction() as tx:
                found = type(self)(tx).get(model_name=model_name)
            if found is None:
                raise Conflict(VIOLATIONS["models_no_look_alikes"][1])
            raise Conflict(f"{VIOLATIONS['models_pkey'][1]}; change its description or tags")
        return made

    def get(self, *, model_name: str) -> Model | None:
        """Return a model; None when there is none of that name."""
        return self._row("get", Model, locals())

    def list_models(
        self,
        *,
        tags: Mapping[str, Any] | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> list[Model]:
        """Return the models that carry all the given tags, by name.

        At most `limit` (1 to 1000); the next page is `after` the name of the last.
        """
        limit = page_size(limit)
        tags = mapping("tags", tags)
        return self._rows("list_models", Model, locals())

    iter_models = iterate(list_models, key="model_name", place="after")

    def set_description(self, *, model_name: str, description: str | None) -> Model:
        """Replace the description of a model, None takes it away; the audit log has the old one.

        Raises NotFound for an unknown model.
        """
        return _known(model_name, self._row("set_description", Model, locals()))

    def set_slice_key(self, *, model_name: str, slice_key: str | None) -> Model:
        """Declare the feature or input by whose values performance is kept as well.

        Take one of few values, such as a country: each of the first 50 gets summaries of its own,
        all others share one. Another key, or None, deletes the slices of the one before; what is
        still there is counted by the new one with the next folds. Raises NotFound for an unknown
        model.
        """
        return _known(model_name, self._row("set_slice_key", Model, locals()))

    def set_tags(self, *, model_name: str, tags: Mapping[str, Any]) -> dict[str, Any]:
        """Merge tags into a model's and return all of them; a value of None removes the tag.

        Raises NotFound for an unknown model.
        """
        found: dict[str, Any] | None = self._value("set_tags", locals())
        return _known(model_name, found)


def _known(model_name: str, found: T | None) -> T:
    if found is None:
        raise NotFound(f"there is no model {model_name}")
    return found
