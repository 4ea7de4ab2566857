# Generated from src/mlops_ledger/_async/summaries.py by tools/unasync.py: edit that file, then run `make sync`.
"""Summaries: the predictions of every version by the hour, kept up by folding what was written."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import scalar_row

from ..rows import PendingSummaries
from .repository import Repository

# As in the statement: one transaction folds so many hours at most.
_HOURS: Final = 24


class SummariesRepository(Repository):
    """Folds what was written into the summaries that monitoring reads."""

    _file = "summaries"

    def fold(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Count the hours with since <= predicted_at < until that were written to anew.

        Returns how many hours that were. Each transaction folds a day; killed at any point, the
        rest waits for the next fold. Waits for whoever folds the same version.
        """
        folded = 0
        for model_version_id in self._fetch("fold__marked", scalar_row, locals()):
            hours = _HOURS
            # Those who write meanwhile are the next fold's.
            while hours == _HOURS:
                hours = self._fold(model_version_id, since, until)
                folded += hours
        return folded

    def rebuild(
        self, *, model_name: str | None = None, model_version: str | None = None
    ) -> int:
        """Count everything anew that is still there, and return how many hours that were.

        Summaries of rows that retention has deleted stay.
        """
        self._fetch("rebuild", scalar_row, locals())
        return self.fold(model_name=model_name, model_version=model_version)

    def list_pending(
        self, *, model_name: str | None = None, model_version: str | None = None
    ) -> list[PendingSummaries]:
        """Return what waits to be folded, at most 1000 versions, the longest waiting first."""
        return self._rows("list_pending", PendingSummaries, locals())

    def _fold(
        self, model_version_id: UUID, since: datetime | None, until: datetime | None
    ) -> int:
        with self._db.transaction() as tx:
            within = SummariesRepository(tx)
            within._run("fold__be_patient")
            hours: int = within._value("fold__hours", locals())
            return hours
