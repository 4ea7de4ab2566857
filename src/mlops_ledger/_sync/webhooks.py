# Generated from src/mlops_ledger/_async/webhooks.py by tools/unasync.py: edit that file, then run `make sync`.
"""Webhooks: endpoints that are sent events by HTTP. Sending is in `mlops_ledger.admin.webhooks`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..checks.values import choice, page_size
from ..errors import NotFound
from ..rows import Event, Webhook, WebhookDelivery, WebhookEndpoint
from .repository import Repository

_STATUSES = ("pending", "delivered", "dead")


class WebhooksRepository(Repository):
    """Keeps webhooks and the log of their deliveries; changing them takes the role owner.

    The clock is that of the server, unless `at` is given.
    """

    _file = "webhooks"

    def add(
        self,
        *,
        webhook: str,
        url: str,
        secret: str,
        host: str,
        payload: str = "cloudevents",
        template: str | None = None,
        types: Sequence[str] | None = None,
        model_name: str | None = None,
        allow_private: bool = False,
        after: int | None = None,
        created_by: str | None = None,
    ) -> None:
        """Make a webhook; `add_webhook` of `mlops_ledger.admin.webhooks` checks its address first.

        It begins `after` an event, by default with the next. Raises Conflict when there is one of
        that name.
        """
        self._value("add", locals())

    def remove(self, *, webhook: str) -> None:
        """Forget a webhook, its secret and its deliveries. Raises NotFound for an unknown one."""
        self._require(webhook, self._value("remove", locals()))

    def set_enabled(self, *, webhook: str, enabled: bool) -> None:
        """Resume or pause sending; events are kept. Raises NotFound for an unknown webhook."""
        self._require(webhook, self._value("set_enabled", locals()))

    def list_webhooks(self) -> list[Webhook]:
        """Return all webhooks by name, without their addresses and secrets."""
        return self._rows("list_webhooks", Webhook, {})

    def endpoint(self, *, webhook: str) -> WebhookEndpoint:
        """Return where a webhook leads. Raises NotFound for an unknown one."""
        found = self._row("endpoint", WebhookEndpoint, locals())
        self._require(webhook, found)
        assert found is not None
        return found

    def claim(
        self, *, webhook: str, lease: timedelta, at: datetime | None = None
    ) -> WebhookEndpoint | None:
        """Take a webhook for so long; None when another has it, or it is too early to try."""
        return self._row("claim", WebhookEndpoint, locals())

    def release(self, *, webhook: str, at: datetime | None = None) -> None:
        """Give a webhook back."""
        self._value("release", locals())

    def queue(self, *, webhook: str, at: datetime | None = None) -> bool:
        """Queue what has happened since, and return whether there may be more."""
        is_behind: bool = self._value("queue", locals())
        return is_behind

    def prune(self, *, webhook: str, at: datetime | None = None) -> None:
        """Drop what was delivered more than 30 days ago."""
        self._value("prune", locals())

    def due(
        self, *, webhook: str, limit: int = 100, at: datetime | None = None
    ) -> list[Event]:
        """Return the events to be sent now, oldest first."""
        return self._rows("due", Event, locals())

    def record_delivered(
        self,
        *,
        webhook: str,
        seq: int,
        status_code: int,
        lease: timedelta,
        at: datetime | None = None,
    ) -> None:
        """Record that an event has arrived."""
        self._value("record_delivered", locals())

    def record_failed(
        self,
        *,
        webhook: str,
        seq: int,
        status_code: int | None,
        error: str,
        is_down: bool,
        retry_after: timedelta | None,
        give_up_after: timedelta,
        lease: timedelta,
        at: datetime | None = None,
    ) -> str:
        """Record that an event has not arrived, and return its status: pending or dead.

        With `is_down` the whole endpoint waits, not only this event.
        """
        status: str = self._value("record_failed", locals())
        return status

    def requeue(self, *, webhook: str, at: datetime | None = None) -> int:
        """Queue the dead deliveries of a webhook again and return how many."""
        requeued: int = self._value("requeue", locals())
        return requeued

    def list_deliveries(
        self,
        *,
        webhook: str,
        status: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[WebhookDelivery]:
        """Return the deliveries of a webhook, newest first.

        At most `limit` (1 to 1000); the next page is `before` the seq of the last.
        """
        limit = page_size(limit)
        status = choice("status", status, _STATUSES)
        return self._rows("list_deliveries", WebhookDelivery, locals())

    @staticmethod
    def _require(webhook: str, found: object) -> None:
        if found is None:
            raise NotFound(f"webhook: there is no webhook {webhook}")
