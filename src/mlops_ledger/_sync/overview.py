# Generated from src/mlops_ledger/_async/overview.py by tools/unasync.py: edit that file, then run `make sync`.
"""The whole ledger at a glance."""

from __future__ import annotations

from ..checks.values import page_size
from ..rows import ModelOverview
from .repository import Repository


class Overview(Repository):
    """What `mlops-ledger models`, `mlops-ledger status` and `GET /models` show."""

    _file = "overview"

    def models(self, *, limit: int = 1000, after: str | None = None) -> list[ModelOverview]:
        """Return a row for each model, by name.

        At most `limit` (1 to 1000); the next page is `after` the name of the last.
        """
        limit = page_size(limit)
        return self._rows("models", ModelOverview, locals())
