"""The versions that the rows of a file name, and what their columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...._sync.database import Database
from ...._sync.model_versions import ModelVersionRepository
from ....checks.prediction_fields import FIELDS as PREDICTION_FIELDS
from ....checks.predictions import KnownVersion
from ....errors import InvalidValue, NotFound

KEYS: Final = ("model_name", "model_version")
FIELDS: Final = {
    *(field.name for field in PREDICTION_FIELDS),
    *KEYS,
    "id",
    "predicted_at",
    "features",
}


class Versions:
    """Looks up versions once each; a file may name them, or the caller for all of its rows."""

    def __init__(
        self,
        db: Database,
        model_name: str | None,
        model_version: str | None,
        ignore: Sequence[str],
    ) -> None:
        self._models = ModelVersionRepository(db)
        self._default = model_name, model_version
        self._known: dict[tuple[str, str], KnownVersion] = {}
        self.ignore = frozenset(ignore)
        if None not in self._default:
            self.get(*self._default)

    def key(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return the model and the version of a row; raises InvalidValue when one is missing."""
        found = []
        for name, default in zip(KEYS, self._default, strict=True):
            value = row.get(name, default)
            if value is None:
                option = "--model" if name == "model_name" else "--version"
                raise InvalidValue(name, f"is missing; give one for all with {option}")
            found.append(str(value))
        return found[0], found[1]

    def get(self, model_name: Any, model_version: Any) -> KnownVersion:
        """Return a version; raises NotFound."""
        key = model_name, model_version
        if key not in self._known:
            found = self._models.get(model_name=model_name, model_version=model_version)
            if found is None:
                raise NotFound(f"model {model_name} has no version {model_version}")
            self._known[key] = KnownVersion(found.id, found.feature_names, found.class_names)
        return self._known[key]

    def kinds(self) -> dict[str, str]:
        """Return the type of the columns that are features of the version of all rows."""
        names = self.get(*self._default).feature_names if None not in self._default else None
        return dict.fromkeys(names or [], "double precision")

    def row(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a row, its features gathered; raises InvalidValue for others."""
        key = self.key(given)
        names = self.get(*key).feature_names or []
        row = {name: value for name, value in given.items() if name in FIELDS}
        others = {n: v for n, v in given.items() if n not in FIELDS and n not in self.ignore}
        for name in others:
            if name not in names:
                raise InvalidValue(name, unknown(key))
        if others:
            row["features"] = {**dict.fromkeys(names), **others}
        return {**row, **dict(zip(KEYS, key, strict=True))}


def unknown(key: tuple[str, str]) -> str:
    """Say what is wrong with a column that nothing knows."""
    return (
        f"is neither a field of a prediction nor a feature of {key[0]} {key[1]}; "
        "leave it out with --ignore"
    )
