"""What was predicted: single predictions, pages of them, and numbers over a window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncClientCursor

from .. import arrow
from ..checks import values
from ..checks.predictions import EARLIEST, latest_timestamp
from ..checks.values import PREDICTION_STATUSES, choice, page_size
from ..checks.values import uuid as checked_uuid
from ..checks.windows import look_back, require_model, require_order
from ..connection.replica import or_primary
from ..errors import InvalidValue, LedgerError, NotFound
from ..ids import time_of, whole_millisecond
from ..rows import MonitoringSummary, Prediction, PredictionStats, RecentPrediction
from ..statements import load
from .database import AsyncDatabase
from .pages import iterate
from .replica import AsyncReadsAfter
from .repository import AsyncRepository, Row


@dataclass(frozen=True, slots=True)
class _Version:
    """A version, and whether predictions are spread over workers."""

    id: UUID
    is_distributed: bool


class AsyncPredictionReads(AsyncRepository):
    """The questions that PredictionsRepository answers."""

    _file = "predictions"
    _never_prepared = (
        "list_predictions",
        "list_predictions__of_versions",
        "list_predictions__distributed",
        "list_recent",
        "list_recent__of_versions",
        "list_recent__distributed",
        "stats",
        "monitoring_summary",
    )

    async def get(self, *, id: UUID) -> Prediction | None:
        """Return one prediction, or None."""
        place = _place(id)
        return None if place is None else await self._row("get", Prediction, place)

    async def get_recent(self, *, id: UUID) -> RecentPrediction | None:
        """Return one prediction as `get`, without features, inputs and client; or None."""
        place = _place(id)
        return None if place is None else await self._row("get_recent", RecentPrediction, place)

    async def list_predictions(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        status: str | None = None,
        predicted_label: str | None = None,
        batch_id: str | None = None,
        request_id: str | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[Prediction]:
        """Return the predictions with since <= predicted_at < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        return await self._page("list_predictions", Prediction, locals())

    iter_predictions = iterate(list_predictions)

    async def recent(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        hours: float = 24,
        limit: int = 100,
    ) -> list[Prediction]:
        """Return the predictions of the last hours, newest first; at most `limit` (1 to 1000)."""
        since = look_back(datetime.now(UTC), hours, "hours")
        return await self.list_predictions(
            model_name=model_name, model_version=model_version, since=since, limit=limit
        )

    async def list_recent(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        status: str | None = None,
        predicted_label: str | None = None,
        batch_id: str | None = None,
        request_id: str | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[RecentPrediction]:
        """Return the last predictions as `list_predictions`, without features, inputs and client.

        For dashboards and services: what went into a model and who asked stays in the database,
        and a role that may only read gets an answer.
        """
        return await self._page("list_recent", RecentPrediction, locals())

    iter_recent = iterate(list_recent)

    async def stats(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> PredictionStats:
        """Describe the predictions with since <= predicted_at < until in numbers.

        Latencies are in milliseconds, rates 0 to 1; `label_distribution` counts the 1000 most
        frequent labels. Raises NotFound for an unknown model or version.
        """
        since, until = _window(since, until)
        version_ids = await self._version_ids(model_name, model_version)
        await self._require_known(model_name, model_version, version_ids)
        return await self._one("stats", PredictionStats, locals())

    async def monitoring_summary(
        self,
        *,
        model_name: str,
        model_version: str | None = None,
        timestamp: datetime | None = None,
        lookback_hours: float = 24,
        positive_label: str | None = None,
        threshold: float = 0.5,
    ) -> MonitoringSummary:
        """Compute what a monitoring run records of the hours that end at `timestamp`, or now.

        `positive_rate` is the share of the same class that `performance` is about: that of
        `positive_label`, by default the version's. A prediction without a class is positive when
        its probability reaches `threshold`. `entropy` is the mean in bits of the probabilities of
        all classes, else of a probability and its complement. Labels count that were known by
        `timestamp`. Raises NotFound for an unknown model or version.
        """
        until = datetime.now(UTC) if timestamp is None else values.timestamp("timestamp", timestamp)
        since = look_back(until, lookback_hours, "lookback_hours")
        version_ids = await self._version_ids(model_name, model_version)
        await self._require_known(model_name, model_version, version_ids)
        return await self._one("monitoring_summary", MonitoringSummary, locals())

    async def fetch_arrow(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """Return the predictions with since <= predicted_at < until as an Arrow table.

        Features are a list in the order of the version's feature_names, `inputs` and `metadata`
        JSON text; the order of the rows is not defined. It reads what is committed, over a
        connection of its own; needs the extra `arrow`.
        """
        source = await self._source(model_name, model_version, since, until, columns)
        return await asyncio.to_thread(arrow.read_table, source)

    async def iter_batches(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> AsyncIterator[Any]:
        """Yield what `fetch_arrow` returns as Arrow record batches, in memory for few of them.

        Close what it returns when you leave it early.
        """
        source = await self._source(model_name, model_version, since, until, columns)
        batches = arrow.read_batches(source)
        try:
            while True:
                batch = await asyncio.to_thread(next, batches, None)
                if batch is None:
                    return
                yield batch
        finally:
            batches.close()

    async def fetch_polars(self, **window: Any) -> Any:
        """Return what `fetch_arrow` does as a Polars data frame; the same arguments."""
        return arrow.to_polars(await self.fetch_arrow(**window))

    async def fetch_pandas(self, **window: Any) -> Any:
        """Return what `fetch_arrow` does as a pandas data frame; the same arguments."""
        return arrow.to_pandas(await self.fetch_arrow(**window))

    async def _source(
        self,
        model_name: str | None,
        model_version: str | None,
        since: datetime | None,
        until: datetime | None,
        columns: Sequence[str] | None,
    ) -> arrow.Source:
        if not isinstance(self._db, AsyncDatabase | AsyncReadsAfter):
            raise LedgerError("a table is read outside of transactions: use the database itself")
        since, until = _window(since, until)
        version_ids = await self._version_ids(model_name, model_version)
        statement = load(self._file)["fetch"]
        source: Any = self._db
        if (replica := source.replica) is not None:
            with or_primary():
                source = await replica.ready()
        async with source.connection() as connection:
            query = AsyncClientCursor(connection).mogrify(statement.text, statement.bind(locals()))
        conninfo = await source.conninfo()
        return arrow.Source(conninfo, arrow.selection(query, columns), source.preamble)

    async def _page(self, name: str, row: type[Row], given: dict[str, Any]) -> list[Row]:
        """Return a page of predictions, merged from the newest of each version of a model.

        Most pages are full of the last day, which is planned in a millisecond; the partitions of
        three months take twenty.
        """
        status = choice("status", given["status"], PREDICTION_STATUSES)
        since, until = _window(given["since"], given["until"])
        before, before_at = given["before"], None
        if before is not None:
            with suppress(OverflowError):
                before_at = time_of(checked_uuid("before", before))
                until = min(until, whole_millisecond(before_at) + timedelta(milliseconds=1))
        versions = await self._versions_of(given["model_name"], given["model_version"])
        if versions == [] or until <= since:
            return []
        if versions is not None:
            name += "__distributed" if versions[0].is_distributed else "__of_versions"
        limit = page_size(given["limit"])
        values = {
            **given,
            "status": status,
            "limit": limit,
            "until": until,
            "before_at": before_at,
            "before_from": before_at and whole_millisecond(before_at),
            "version_ids": _ids(versions),
        }
        newest, day = min(until, datetime.now(UTC)), timedelta(days=1)
        if newest - since > day:
            page = await self._rows(name, row, values | {"since": newest - day})
            if len(page) == limit:
                return page
        return await self._rows(name, row, values | {"since": since})

    async def _require_known(
        self, model_name: str | None, model_version: str | None, version_ids: list[UUID] | None
    ) -> None:
        if version_ids == [] and not await self._value("stats__is_known", locals()):
            version = "" if model_version is None else f" with a version {model_version}"
            raise NotFound(f"there is no model {model_name}{version}")

    async def _version_ids(
        self, model_name: str | None, model_version: str | None
    ) -> list[UUID] | None:
        return _ids(await self._versions_of(model_name, model_version))

    async def _versions_of(
        self, model_name: str | None, model_version: str | None
    ) -> list[_Version] | None:
        require_model(model_name, model_version)
        if model_name is None:
            return None
        return await self._rows("version_ids", _Version, locals())


def _ids(versions: list[_Version] | None) -> list[UUID] | None:
    return None if versions is None else [version.id for version in versions]


def _place(id: UUID) -> dict[str, object] | None:
    """Return where a prediction of that id is stored, None for an id whose time is out of range."""
    try:
        predicted_at = time_of(checked_uuid("id", id))
    except OverflowError:
        return None
    return {
        "id": id,
        "predicted_at": predicted_at,
        "predicted_from": whole_millisecond(predicted_at),
    }


def _window(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """Return both ends of a window, so that only the partitions between them are read."""
    start = EARLIEST if since is None else values.timestamp("since", since)
    if until is not None:
        end = values.timestamp("until", until)
        require_order(start, end)
        return start, end
    end = latest_timestamp() + timedelta(days=1)
    if end <= start:
        raise InvalidValue("since", "lies further in the future than any prediction may")
    return start, end
