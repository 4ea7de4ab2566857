"""The service: it answers whether texts are positive or negative, and logs what it answered."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import HTTPConnection

from mlops_ledger import AsyncDatabase, AsyncGroundTruthRepository
from mlops_ledger.contrib.fastapi import (
    LiveModel,
    add_exception_handlers,
    analytics_router,
    database,
    health_router,
    ledger_lifespan,
    live_model,
    problems,
)
from mlops_ledger.contrib.prometheus import LoggerMetrics
from mlops_ledger.errors import Conflict, PermissionDenied, Unavailable
from mlops_ledger.rows import PredictionFields

from . import model
from .shapes import Answer, BatchAnswer, Feedback, Recorded, Text, Texts


def follow(
    refresh: float = 5,
) -> Callable[[HTTPConnection], Awaitable[LiveModel[model.Classifier]]]:
    """Return the dependency that gives the live model.

    While the ledger is away at the start, the first version answers.
    """
    return live_model(model.MODEL_NAME, model.load, initial_version="1", refresh=refresh)


live = follow()
Db = Annotated[AsyncDatabase, Depends(database)]


async def watched(connection: HTTPConnection) -> LiveModel[model.Classifier]:
    """Return the live model, whose logger is among the metrics of this process."""
    current = await live(connection)
    state = connection.app.state
    if current.version not in state.watched:
        state.watched.add(current.version)
        state.metrics.watch(current.log, name=current.version)
    return current


Current = Annotated[LiveModel[model.Classifier], Depends(watched)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the ledger, load the live version, and close both."""
    app.state.registry = CollectorRegistry()
    app.state.metrics = LoggerMetrics(registry=app.state.registry)
    app.state.watched = set()
    async with ledger_lifespan(initialise=True)(app):
        await watched(HTTPConnection({"type": "http", "app": app}))
        yield
    app.state.metrics.close()


app = FastAPI(
    title="Sentiment",
    description="Says whether texts are positive or negative, and keeps what it said.",
    lifespan=lifespan,
)
app.include_router(analytics_router())
app.include_router(health_router())
add_exception_handlers(app)


@app.post("/predict", tags=["predictions"])
async def predict(given: Text, current: Current) -> Answer:
    """Say whether a text is positive or negative."""
    prediction = answer(given.text, current.model)
    prediction_id = await current.log(**prediction)
    return shown(prediction, prediction_id, current.version)


@app.post("/batch", tags=["predictions"])
async def predict_batch(given: Texts, current: Current) -> BatchAnswer:
    """Say it of up to 100 texts, which are logged together."""
    batch_id = str(uuid4())
    predictions = [answer(text, current.model) for text in given.texts]
    for prediction in predictions:
        prediction["batch_id"] = batch_id
    ids = await current.log.many(predictions)
    answers = [
        shown(prediction, prediction_id, current.version)
        for prediction, prediction_id in zip(predictions, ids, strict=True)
    ]
    return BatchAnswer(batch_id=batch_id, answers=answers)


@app.post(
    "/feedback",
    tags=["predictions"],
    responses=problems(Conflict, PermissionDenied, Unavailable),
)
async def record_feedback(given: Feedback, db: Db) -> Recorded:
    """Record what a text was in truth; it may come before its prediction is stored."""
    labels = AsyncGroundTruthRepository(db)
    found = await labels.insert(
        prediction_id=given.prediction_id, actual_label=given.label, source="feedback"
    )
    return Recorded(stored=found.stored, waiting=found.waiting)


@app.get("/metrics", tags=["health"], response_class=Response)
async def read_metrics() -> Response:
    """Show the counters of the prediction loggers to Prometheus, of all workers together."""
    registry = app.state.registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def answer(text: str, classifier: model.Classifier) -> PredictionFields:
    """Return what the ledger is told about a text."""
    began = perf_counter()
    probability, was_cached = classifier.predict(text)
    return {
        "inputs": {"text": text},
        "probability": probability,
        "predicted_label": model.label(probability),
        "cache_hit": was_cached,
        "latency_ms": (perf_counter() - began) * 1000,
    }


def shown(prediction: PredictionFields, prediction_id: UUID | None, version: str) -> Answer:
    """Return what the client is told; never what it sent."""
    return Answer.model_validate(
        {
            "prediction_id": prediction_id,
            "label": prediction["predicted_label"],
            "probability": prediction["probability"],
            "model_version": version,
        }
    )
