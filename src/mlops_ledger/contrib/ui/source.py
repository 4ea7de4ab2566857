"""What the pages read beyond what the repositories give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from ..._sync.repository import Repository
from ...copying.labels import predicted_from
from ...errors import InvalidValue, NotFound
from ...rows import RecentPrediction


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


class Source(Repository):
    """Statements of the pages."""

    _file = "pages"

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

    def prediction(self, id: UUID) -> RecentPrediction | None:
        """Return what every reader may see of a prediction."""
        try:
            began = predicted_from(id)
        except InvalidValue:
            return None
        return self._row("prediction", RecentPrediction, {"id": id, "predicted_from": began})

    def decision(self, id: UUID) -> dict[str, Any] | None:
        """Return a decision with what came before and after it."""
        rows = self._fetch("gates", dict_row, locals())
        return rows[0] if rows else None
