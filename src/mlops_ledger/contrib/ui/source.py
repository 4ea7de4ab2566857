"""What the pages read beyond what the repositories give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row

from ..._sync.repository import Repository
from ...errors import NotFound
from ...logger.folder import folders, is_live, problem_of, stored_segments, target_of
from ...rows import FeatureDrift

_FOLDERS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """When a model began, and when it was heard of last."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """The predictions of some days; the latency is a mean in milliseconds."""

    bucket: datetime
    num_predictions: int
    num_errors: int | None
    latency_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """From when until when the summaries of a version reach."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The values of a feature in one hour or day: the bins that hold something; -1 is missing."""

    starts_at: datetime
    bins: list[int]
    counts: list[int]
    sums: list[float | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is wrong with the data of a version in production in the last days that it has."""

    id: UUID
    model_name: str
    model_version: str
    slots: list[str]
    since: datetime | None
    until: datetime | None
    num_predictions: int | None
    num_errors: int | None
    num_missing: int | None
    num_values: int | None
    is_hidden: bool | None
    num_labeled: int | None
    num_strangers: int | None
    pending_since: datetime | None
    baseline_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A table with its partitions: bytes with indexes, rows as last estimated."""

    table_name: str
    bytes: int
    rows: int
    partitions: int
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A migration that was applied."""

    version: int
    name: str
    applied_at: datetime
    applied_by: str
    duration_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A folder of this machine's spool, and whether the process of its logger lives."""

    folder: str
    target: str | None
    live: bool
    bytes: int
    problem: str | None


def spooled(root: Path) -> list[Spooled]:
    """Return what prediction loggers have left on this machine; what is in it is not read."""
    return [
        Spooled(
            folder=folder.name,
            target=target_of(folder),
            live=is_live(folder),
            bytes=sum(segment.size for segment in stored_segments(folder)),
            problem=problem_of(folder),
        )
        for folder in islice(folders(root), _FOLDERS)
    ]


class Source(Repository):
    """Statements of the pages."""

    _file = "ui"

    def activity(self, model_name: str) -> Activity:
        """Return when there was something of a model. Raises NotFound for an unknown one."""
        found = self._row("activity", Activity, locals())
        if found is None:
            raise NotFound(f"there is no model {model_name}")
        return found

    def volume(
        self, *, model_name: str, since: datetime, until: datetime, bucket: timedelta
    ) -> list[Volume]:
        """Count the predictions of a window by days, oldest first."""
        return self._rows("volume", Volume, locals())

    def decision(self, id: UUID) -> dict[str, Any] | None:
        """Return a decision with what came before and after it."""
        rows = self._fetch("gates", dict_row, locals())
        return rows[0] if rows else None

    def folded(self, model_version_id: UUID) -> Folded | None:
        """Return how far the summaries of a version reach, None before there are any."""
        return self._row("folded", Folded, locals())

    def drift(
        self, *, model_version_id: UUID, baseline_id: UUID, since: datetime, until: datetime
    ) -> list[FeatureDrift]:
        """Compare a window of full hours with a baseline, as far as it was folded."""
        return self._rows("drift", FeatureDrift, locals())

    def counted(
        self,
        *,
        model_version_id: UUID,
        baseline_id: UUID,
        series: int,
        grain: str,
        since: datetime,
        until: datetime,
    ) -> list[Counted]:
        """Return the values of a feature in bins, by hour or day, oldest first."""
        return self._rows("counted", Counted, locals())

    def quality(
        self, *, model_name: str | None, length: timedelta, limit: int, after: UUID | None
    ) -> list[Quality]:
        """Return the versions in production with what is wrong with their data."""
        return self._rows("quality", Quality, locals())

    def sizes(self) -> list[Size]:
        """Return the tables, the largest first; nothing is counted."""
        return self._rows("sizes", Size, locals())

    def migrations(self) -> list[Migration]:
        """Return the migrations that were applied, newest first."""
        return self._rows("migrations", Migration, locals())
