# Generated from src/mlops_ledger/_async/summaries.py by tools/unasync.py: edit that file, then run `make sync`.
"""Summaries: the predictions of every version by the hour, kept up by folding what was written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import scalar_row

from ..checks.windows import full_buckets, require_model, require_order
from ..errors import NotFound
from ..rows import LatencyBucket, MonitoringBucket, PendingSummaries
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
        """Recount the hours with since <= predicted_at < until that have new rows.

        Returns how many hours that were, those between new rows that have none among them: longer
        partitions have more of these. Each transaction folds a day; killed at any point, the rest
        waits for the next fold. Waits for whoever folds the same version. Raises NotFound for an
        unknown model or version.
        """
        require_model(model_name, model_version)
        require_order(since, until)
        folded = 0
        marked = self._fetch("fold__marked", scalar_row, locals())
        if (
            model_name is not None
            and not marked
            and not self._value("fold__is_known", locals())
        ):
            raise _unknown(model_name, model_version)
        for model_version_id in marked:
            hours = _HOURS
            # Those who write meanwhile are the next fold's.
            while hours == _HOURS:
                hours = self._fold(model_version_id, since, until)
                folded += hours
        return folded

    def rebuild(
        self, *, model_name: str | None = None, model_version: str | None = None
    ) -> int:
        """Recount everything that is still there; return how many hours that was.

        Summaries of rows that retention has deleted stay. Raises NotFound for an unknown model or
        version.
        """
        require_model(model_name, model_version)
        self._fetch("rebuild", scalar_row, locals())
        return self.fold(model_name=model_name, model_version=model_version)

    def fold_in_passing(
        self, *, model_name: str, model_version: str | None = None, since: datetime, until: datetime
    ) -> None:
        """Recount the latest hours of a window before it is read, at most 48 of each version.

        After five seconds no further hours are begun.
        Does nothing where the caller may not fold, or somebody else folds.
        """
        self._fetch("fold_in_passing", scalar_row, locals())

    def list_pending(
        self, *, model_name: str | None = None, model_version: str | None = None
    ) -> list[PendingSummaries]:
        """Return what waits to be folded, at most 1000 versions, the longest waiting first."""
        require_model(model_name, model_version)
        return self._rows("list_pending", PendingSummaries, locals())

    def minimum_count(self) -> int | None:
        """Return how many predictions a day needs for readers to see its features.

        1 shows everything; None, when the owner has deleted the setting, shows nothing.
        """
        count: int | None = self._value("minimum_count", locals())
        return count

    def set_minimum_count(self, *, minimum_count: int) -> int:
        """Let roles that may not read inputs see features only of days with so many predictions.

        Above 1 such roles see features by whole days of UTC and no slices; an answer that would
        need others raises BelowMinimum. 1 shows them everything, at most a million can be
        asked. Takes the rights of the owner; the change is audited.
        """
        found: int = self._value("set_minimum_count", locals())
        return found

    def monitoring_series(
        self,
        *,
        model_name: str,
        model_version: str,
        since: datetime,
        until: datetime,
        bucket: timedelta = timedelta(days=1),
        positive_label: str | None = None,
        threshold: float = 0.5,
    ) -> list[MonitoringBucket]:
        """Return volume, scores and latencies of a version by bucket of time, oldest first.

        `since`, `until` and `bucket` are full hours; at most 1000 buckets. A prediction is positive
        when its label is `positive_label`, or without one when its probability reaches `threshold`,
        a full percent. What was written in the window is folded before, as far as the caller may
        and it is little: see `list_pending`. Raises NotFound for an unknown version.
        """
        since, until = full_buckets(since, until, bucket)
        self.fold_in_passing(
            model_name=model_name, model_version=model_version, since=since, until=until
        )
        found = self._rows("monitoring_series", MonitoringBucket, locals())
        if not found:
            raise NotFound(f"model {model_name} has no version {model_version}")
        return found

    def latency_series(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        since: datetime,
        until: datetime | None = None,
        bucket: timedelta = timedelta(days=1),
    ) -> list[LatencyBucket]:
        """Return the latencies of a model by bucket of time, oldest first, from its summaries.

        `since`, `until`, by default the present hour, and `bucket` are full hours; at most 1000
        buckets. Without `model_version` all versions together. Quantiles are those of DDSketch
        (Masson et al., VLDB 2019), the lower of two values where they lie between them. What was
        written in the window is folded before, as in `monitoring_series`. Raises NotFound for an
        unknown model or version.
        """
        since, until = full_buckets(since, until, bucket)
        self.fold_in_passing(
            model_name=model_name, model_version=model_version, since=since, until=until
        )
        found = self._rows("latency_series", LatencyBucket, locals())
        if not found:
            raise _unknown(model_name, model_version)
        return found

    def _fold(
        self, model_version_id: UUID, since: datetime | None, until: datetime | None
    ) -> int:
        with self._db.transaction() as tx:
            tx.be_patient()
            hours: int = SummariesRepository(tx)._value("fold__hours", locals())
            return hours


def _unknown(model_name: str, model_version: str | None) -> NotFound:
    named = f"version {model_version} of " if model_version is not None else ""
    return NotFound(f"there is no {named}model {model_name}")
