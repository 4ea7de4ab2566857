"""Sends what is due: each webhook by one process at a time, in the order of events."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ..._sync.event_stream import Waker
from ...database import Database
from ...errors import InvalidValue, NotFound, Unavailable
from ...repositories import WebhooksRepository
from ...rows import Event, WebhookEndpoint
from .addresses import Undeliverable, parse_url
from .payloads import message_id, payload
from .sending import Answer, send
from .signing import signed_headers

logger = logging.getLogger("mlops_ledger.webhooks")

# A request takes half a minute at most; whoever holds a webhook longer has died.
_LEASE: Final = timedelta(minutes=2)
_GIVE_UP_AFTER: Final = timedelta(days=3)
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What came of one round for a webhook; `problem` is that of its last failure."""

    webhook: str
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    problem: str | None = None


def deliver(
    db: Database, *, webhook: str | None = None, at: datetime | None = None
) -> list[DeliveryReport]:
    """Send the events that are due, of one webhook or all, and return the outcome.

    An event that is not accepted is sent again after 10 s, then 20 s, 40 s and so on up to an
    hour, and given up after three days. When the endpoint is down, that is without an answer or
    with a status of 500 and more, 408, 425 or 429, the events after it wait as well, and come in
    their order; else only that one waits. `at` stands for the clock. Raises NotFound for an unknown
    webhook.
    """
    repository = WebhooksRepository(db)
    names = [one.webhook for one in repository.list_webhooks()]
    if webhook is not None and webhook not in names:
        raise NotFound(f"webhook: there is no webhook {webhook}")
    rounds = (_round(repository, name, at) for name in ([webhook] if webhook else names))
    return [report for report in rounds if report is not None]


def deliver_forever(
    db: Database, *, webhook: str | None = None, poll: float = 5.0
) -> Iterator[list[DeliveryReport]]:
    """Send events as they happen, and yield the outcome of each round.

    Looks what is due every `poll` seconds, and when the server announces something. Waits for a
    database that is away. Otherwise as `deliver`.
    """
    waker = Waker(db, poll)
    try:
        while True:
            try:
                yield deliver(db, webhook=webhook)
            except Unavailable as error:
                logger.warning("webhooks: %s", error)
            waker.wait()
    finally:
        waker.close()


def send_test(db: Database, webhook: str, *, at: datetime | None = None) -> Answer:
    """Send an event of type mlops_ledger.webhook.test, and return the answer.

    Raises NotFound for an unknown webhook, Undeliverable when there is no answer.
    """
    now = datetime.now(UTC) if at is None else at
    event = Event(
        seq=0,
        type="mlops_ledger.webhook.test",
        time=now,
        database="test",
        subject=f"webhooks/{webhook}",
        model_name=None,
        data={"webhook": webhook},
    )
    return _post(WebhooksRepository(db).endpoint(webhook=webhook), event, now)


def _round(
    repository: WebhooksRepository, webhook: str, at: datetime | None
) -> DeliveryReport | None:
    """Send what is due of one webhook; None when another process does, or it must wait."""
    endpoint = repository.claim(webhook=webhook, lease=_LEASE, at=at)
    if endpoint is None:
        return None
    while repository.queue(webhook=webhook, at=at):
        pass
    repository.prune(webhook=webhook, at=at)
    report = DeliveryReport(webhook)
    for event in _due(repository, webhook, at):
        report, is_down = _attempt(repository, endpoint, event, report, at)
        if is_down:
            return report
    repository.release(webhook=webhook, at=at)
    return report


def _due(repository: WebhooksRepository, webhook: str, at: datetime | None) -> Iterator[Event]:
    # An event that failed is due later, so that a page never holds it again.
    while page := repository.due(webhook=webhook, limit=_PAGE, at=at):
        yield from page


def _attempt(
    repository: WebhooksRepository,
    endpoint: WebhookEndpoint,
    event: Event,
    report: DeliveryReport,
    at: datetime | None,
) -> tuple[DeliveryReport, bool]:
    """Send an event and record the outcome; return whether the endpoint is down."""
    answer, problem = None, None
    try:
        answer = _post(endpoint, event, datetime.now(UTC) if at is None else at)
    except (InvalidValue, Undeliverable) as error:
        problem = str(error)
    status_code = None if answer is None else answer.status_code
    if answer is not None and answer.is_accepted:
        repository.record_delivered(
            webhook=endpoint.webhook,
            seq=event.seq,
            status_code=answer.status_code,
            lease=_LEASE,
            at=at,
        )
        return replace(report, delivered=report.delivered + 1), False
    problem = problem or f"the answer was status {status_code}"
    is_down = answer is None or answer.is_down
    status = repository.record_failed(
        webhook=endpoint.webhook,
        seq=event.seq,
        status_code=status_code,
        error=problem,
        is_down=is_down,
        retry_after=None if answer is None else answer.retry_after,
        give_up_after=_GIVE_UP_AFTER,
        lease=_LEASE,
        at=at,
    )
    is_dead = status == "dead"
    return replace(
        report, failed=report.failed + 1, dead=report.dead + is_dead, problem=problem
    ), is_down


def _post(endpoint: WebhookEndpoint, event: Event, at: datetime) -> Answer:
    content_type, body = payload(endpoint, event)
    headers = signed_headers(endpoint.secret, message_id(event), at, body)
    return send(
        parse_url(endpoint.url, allow_private=endpoint.allow_private),
        body,
        {"content-type": content_type, **headers},
        allow_private=endpoint.allow_private,
    )
