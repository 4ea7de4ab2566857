"""What the ledger knows by name: for suggestions and for completion in a shell."""

from __future__ import annotations

from psycopg.rows import scalar_row

from .._sync.repository import Repository

_MANY = 1000


class Names(Repository):
    """The names of models, versions and slots."""

    _file = "names"

    def models(self, *, limit: int = _MANY) -> list[str]:
        """Return names of models in their order."""
        return self._fetch("models", scalar_row, {"limit": limit})

    def versions(self, *, model_name: str, limit: int = _MANY) -> list[str]:
        """Return the versions of a model, newest first."""
        return self._fetch("versions", scalar_row, locals())

    def slots(self, *, model_name: str, limit: int = _MANY) -> list[str]:
        """Return the slots of a model."""
        return self._fetch("slots", scalar_row, locals())
