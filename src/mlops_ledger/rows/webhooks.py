"""Webhooks and their deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Row):
    """An endpoint, the events that it is sent, and how sending goes.

    `pending` and `dead` count its deliveries, `failures` how often in a row the endpoint was down.
    """

    webhook: str
    host: str
    payload: str
    template: str | None
    types: list[str] | None
    model_name: str | None
    allow_private: bool
    enabled: bool
    created_at: datetime
    created_by: str
    failures: int
    retry_at: datetime | None
    pending: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint(Row):
    """Where and how a webhook sends; its address and secret are not shown."""

    webhook: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    payload: str
    template: str | None
    allow_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery(Row):
    """An event that a webhook sends or has sent, and the outcome of the last attempt."""

    webhook: str
    seq: int
    status: str
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime
    last_attempt_at: datetime | None
    status_code: int | None
    error: str | None
