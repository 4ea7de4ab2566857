"""Routes that read the ledger: predictions, performance, drift, models.

What went into a model and who asked never leaves the database through them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute

from ..._async.overview import AsyncOverview
from ...database import AsyncDatabase
from ...errors import InvalidValue, NotFound, PermissionDenied, TimedOut, Unavailable
from ...repositories import (
    AsyncDriftReportsRepository,
    AsyncGroundTruthRepository,
    AsyncModelsRepository,
    AsyncModelVersionRepository,
    AsyncPredictionsRepository,
)
from ...rows import (
    Deployment,
    DriftReport,
    ModelOverview,
    Performance,
    PredictionStats,
    RecentPrediction,
    TimelineEntry,
)
from . import examples
from .dependencies import database
from .errors import problems
from .pages import (
    Before,
    CurrentWindow,
    Filter,
    LabelDistribution,
    Limit,
    ModelInPath,
    ModelName,
    ModelVersion,
    NamedPage,
    Page,
    Slot,
    Summary,
    Timestamp,
    Window,
    distribution,
    page,
    summary,
)

Db = Annotated[AsyncDatabase, Depends(database)]


async def get_summary(
    db: Db, within: CurrentWindow, model_name: Filter = None, model_version: Filter = None
) -> Summary:
    """Count the predictions of a window: success, latency in milliseconds, cache hits, labels."""
    return summary(within, await _stats(db, within, model_name, model_version))


async def get_label_distribution(
    db: Db, within: CurrentWindow, model_name: Filter = None, model_version: Filter = None
) -> LabelDistribution:
    """Count the predicted labels of a window."""
    return distribution(within, await _stats(db, within, model_name, model_version))


async def get_recent(
    db: Db,
    model_name: Filter = None,
    model_version: Filter = None,
    status: Filter = None,
    predicted_label: Filter = None,
    limit: Limit = 100,
    before: Before = None,
) -> Page[RecentPrediction]:
    """List the last predictions, without features, inputs, user agent and address."""
    rows = await AsyncPredictionsRepository(db).list_recent(
        model_name=model_name,
        model_version=model_version,
        status=status,
        predicted_label=predicted_label,
        limit=limit,
        before=before,
    )
    return page(rows, limit)


async def get_performance(
    db: Db,
    within: CurrentWindow,
    model_name: ModelName,
    model_version: ModelVersion = None,
    positive_label: Filter = None,
    threshold: Annotated[float, Query(ge=0, le=1)] = 0.5,
    source: Literal["auto", "rows", "summaries"] = "auto",
) -> Performance:
    """Compare the predictions of a window with their ground truth.

    A metric that cannot be computed is null, and `reasons` says why. `source` says whether rows
    were read, or summaries of a large window, where areas are at most their error off.
    """
    return await AsyncGroundTruthRepository(db).performance(
        model_name=model_name,
        model_version=model_version,
        since=within.since,
        until=within.until,
        positive_label=positive_label,
        threshold=threshold,
        source=source,
    )


async def get_drift(
    db: Db,
    model_name: Filter = None,
    since: Timestamp = None,
    until: Timestamp = None,
    limit: Limit = 100,
    before: Before = None,
) -> Page[DriftReport]:
    """List drift reports, newest first."""
    rows = await AsyncDriftReportsRepository(db).list_reports(
        model_name=model_name, since=since, until=until, limit=limit, before=before
    )
    return page(rows, limit)


async def get_models(
    db: Db,
    limit: Limit = 1000,
    after: Annotated[Filter, Query(description="`next_after` of the page before.")] = None,
) -> NamedPage[ModelOverview]:
    """List the models by name, each with its live version and what needs attention."""
    rows = await AsyncOverview(db).models(limit=limit, after=after)
    return NamedPage(items=rows, next_after=rows[-1].model_name if len(rows) == limit else None)


async def get_timeline(
    db: Db,
    model_name: ModelInPath,
    slot: Filter = None,
    limit: Limit = 100,
    before: Before = None,
) -> Page[TimelineEntry]:
    """List what was in production, newest first, with who, why and the decision behind it."""
    rows = await AsyncModelVersionRepository(db).timeline(
        model_name=model_name, slot=slot, limit=limit, before=before
    )
    if not rows and await AsyncModelsRepository(db).get(model_name=model_name) is None:
        raise NotFound("there is no such model")
    return page(rows, limit, key="deployment_id")


async def get_production(
    db: Db, model_name: ModelInPath, at: Timestamp = None, slot: Slot = "production"
) -> Deployment:
    """Say which version was in production at a time, now by default; 404 when there was none."""
    found = await AsyncModelVersionRepository(db).production_at(
        model_name=model_name, at=at, slot=slot
    )
    if found is None:
        raise NotFound("nothing was in production then")
    return found


async def _stats(
    db: AsyncDatabase, within: Window, model_name: str | None, model_version: str | None
) -> PredictionStats:
    return await AsyncPredictionsRepository(db).stats(
        model_name=model_name,
        model_version=model_version,
        since=within.since,
        until=within.until,
    )


# The path, what answers it, what it is called, and an answer.
_ROUTES: Final[tuple[tuple[str, Any, str, Any], ...]] = (
    ("/analytics/summary", get_summary, "Predictions in numbers", examples.SUMMARY),
    (
        "/analytics/label-distribution",
        get_label_distribution,
        "Predicted labels",
        examples.LABEL_DISTRIBUTION,
    ),
    (
        "/analytics/sentiment-distribution",
        get_label_distribution,
        "Predicted labels, as sentiment services call it",
        examples.LABEL_DISTRIBUTION,
    ),
    ("/analytics/recent", get_recent, "The last predictions", examples.RECENT),
    ("/analytics/performance", get_performance, "Right or wrong", examples.PERFORMANCE),
    ("/analytics/drift", get_drift, "Drift reports", examples.DRIFT),
    ("/models", get_models, "All models", examples.MODELS),
    ("/models/{model_name:path}/timeline", get_timeline, "A model's history", examples.TIMELINE),
    (
        "/models/{model_name:path}/production",
        get_production,
        "What was in production",
        examples.PRODUCTION,
    ),
)


def analytics_router(*, timeout: float = 10.0) -> APIRouter:
    """Return the routes below `/analytics` and `/models`, which only read.

    They are open to whoever reaches the service, unless
    `include_router(analytics_router(), dependencies=[...])` says who may. What takes longer than
    `timeout` seconds is cancelled and raises TimedOut; of a frozen server that takes ten more.
    """
    router = APIRouter(
        route_class=_bounded(timeout),
        tags=["analytics"],
        responses=problems(NotFound, InvalidValue, PermissionDenied, Unavailable),
    )
    for path, answer, title, example in _ROUTES:
        responses: dict[int | str, dict[str, Any]] = {
            200: {"content": {"application/json": {"example": example}}}
        }
        name = path.strip("/").replace("/{model_name:path}", "").replace("/", "_")
        router.add_api_route(path, answer, summary=title, name=name, responses=responses)
    return router


def _bounded(seconds: float) -> type[APIRoute]:
    """Return routes that nobody waits for any longer."""

    class Bounded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_in_time(request: Request) -> Response:
                try:
                    async with asyncio.timeout(seconds):
                        return await handle(request)
                except TimeoutError:
                    raise TimedOut(f"no answer within {seconds:g} s") from None

            return handle_in_time

    return Bounded
