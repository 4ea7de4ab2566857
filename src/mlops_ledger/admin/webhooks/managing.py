"""Making webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...database import Database
from ...errors import InvalidValue
from ...repositories import EventsRepository, WebhooksRepository
from .addresses import parse_url
from .payloads import require_template
from .signing import key_of, new_secret


@dataclass(frozen=True, slots=True)
class AddedWebhook:
    """A new webhook; its secret is not shown again."""

    webhook: str
    host: str
    secret: str = field(repr=False)


def add_webhook(
    db: Database,
    webhook: str,
    url: str,
    *,
    secret: str | None = None,
    payload: str = "cloudevents",
    template: str | None = None,
    types: Sequence[str] | None = None,
    model_name: str | None = None,
    allow_private: bool = False,
    after: int | None = None,
    created_by: str | None = None,
) -> AddedWebhook:
    """Make a webhook that sends events to a URL, and return the secret that signs them.

    `types` and `model_name` say which events. `payload` is cloudevents, or slack with a `template`
    such as "$summary". It begins `after` an event, by default with the next. Without
    `allow_private` the URL must be https and lead to public addresses whenever something is sent.
    Raises InvalidValue for a URL, secret, type or template that is none, Conflict for a name that
    is taken.
    """
    target = parse_url(url, allow_private=allow_private)
    require_template(template)
    known = {one.type for one in EventsRepository(db).list_types()}
    for unknown in set(types or ()) - known:
        raise InvalidValue("types", f"there is no type {unknown}")
    given = new_secret() if secret is None else secret
    key_of(given)
    WebhooksRepository(db).add(
        webhook=webhook,
        url=url,
        secret=given,
        host=target.origin,
        payload=payload,
        template=template,
        types=types,
        model_name=model_name,
        allow_private=allow_private,
        after=after,
        created_by=created_by,
    )
    return AddedWebhook(webhook, target.origin, given)
