"""Routes that say whether the service is well."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from ...rows import Health
from .errors import RETRY_AFTER
from .state import Ledger, ledger_of

# Seconds that a probe waits for a database that does not answer.
_DEADLINE: Final = 2.0

_AWAY: Final = "the database cannot be reached, or refuses the user of the service"

CurrentLedger = Annotated[Ledger, Depends(ledger_of)]


class PredictionCounts(BaseModel):
    """What became of the predictions that this process logged."""

    accepted: int
    stored: int
    waiting: int = Field(description="In memory or in the spool; they arrive once it is possible.")
    refused: int = Field(description="Never accepted, for their values.")
    dead_lettered: int = Field(description="Refused by the database, kept to be requeued.")
    dropped: int = Field(description="Given up because the spool was full.")


class ServiceHealth(BaseModel):
    """The state of the service; `reason` says what is wrong when it is degraded."""

    status: Literal["ok", "degraded"]
    reason: str | None
    database_latency_ms: float | None
    schema_version: int | None
    predictions: PredictionCounts

    model_config = {
        "json_schema_extra": {
            "example": {
                "status": "degraded",
                "reason": _AWAY,
                "database_latency_ms": None,
                "schema_version": None,
                "predictions": {
                    "accepted": 301,
                    "stored": 290,
                    "waiting": 11,
                    "refused": 0,
                    "dead_lettered": 0,
                    "dropped": 0,
                },
            }
        }
    }


async def get_health(ledger: CurrentLedger) -> ServiceHealth:
    """Say ok, or degraded and why. The answer is always 200: the service itself works."""
    found, reason = await _look(ledger)
    if reason is None and ledger.is_failing:
        reason = "predictions wait: the last try to store them failed"
    return _told(ledger, found, reason)


async def _look(ledger: Ledger) -> tuple[Health | None, str | None]:
    """Return what the database says, and what is wrong with it."""
    try:
        async with asyncio.timeout(_DEADLINE):
            found = await ledger.health()
    except TimeoutError:
        return None, f"the database did not answer within {_DEADLINE:g} s"
    # The whole problem names server and user, which are not for everybody.
    return found, found.problem if found.reachable else _AWAY


def _told(ledger: Ledger, found: Health | None, reason: str | None) -> ServiceHealth:
    return ServiceHealth(
        status="ok" if reason is None else "degraded",
        reason=reason,
        database_latency_ms=found.latency_ms if found else None,
        schema_version=found.schema_version if found else None,
        predictions=PredictionCounts(
            accepted=ledger.count("accepted"),
            stored=ledger.count("stored"),
            waiting=ledger.count("buffered") + ledger.count("spooled"),
            refused=ledger.count("refused"),
            dead_lettered=ledger.count("dead_lettered"),
            dropped=ledger.count("dropped"),
        ),
    )


async def get_ready(ledger: CurrentLedger, response: Response) -> ServiceHealth:
    """Say whether the database can be used: 503 while it does not answer or has another schema."""
    found, reason = await _look(ledger)
    if reason is not None:
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER
    return _told(ledger, found, reason)


def health_router() -> APIRouter:
    """Return the routes `/health`, always 200, and `/ready`, 503 while the database is away.

    Both answer HEAD, which load balancers send, as GET.
    """
    router = APIRouter(tags=["health"])
    router.add_api_route("/health", get_health, summary="Is the service well?")
    router.add_api_route(
        "/ready",
        get_ready,
        summary="Can the service reach its database?",
        responses={503: {"model": ServiceHealth, "description": "Not ready"}},
    )
    # Routes of their own, as an operation of the schema has one method.
    for path, answer in (("/health", get_health), ("/ready", get_ready)):
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    return router
