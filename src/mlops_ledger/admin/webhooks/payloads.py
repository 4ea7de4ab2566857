"""What a webhook sends about an event."""

from __future__ import annotations

from string import Template
from typing import Any, Final
from urllib.parse import quote

import orjson

from ...errors import InvalidValue
from ...event_texts import describe_event
from ...rows import Event, WebhookEndpoint

_CONTENT_TYPES: Final = {
    "cloudevents": "application/cloudevents+json",
    "slack": "application/json",
}
# What means something in a message of Slack, https://docs.slack.dev/messaging/formatting-message-text
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def message_id(event: Event) -> str:
    """Return what tells an event from all others, the same in each attempt.

    It has no full stop, which ends it where it is signed.
    """
    return f"{quote(event.database, safe='').replace('.', '%2E')}/{event.seq}"


def payload(endpoint: WebhookEndpoint, event: Event) -> tuple[str, bytes]:
    """Return content type and body."""
    if endpoint.payload == "slack":
        body: dict[str, Any] = {"text": message(endpoint.template, event)}
    else:
        body = event.cloud_event()
    return _CONTENT_TYPES[endpoint.payload], orjson.dumps(body)


def message(template: str | None, event: Event) -> str:
    """Fill in the template of a message; text of the record cannot mark it up or mention people."""
    values = {
        **event.data,
        "summary": describe_event(event),
        "type": event.type,
        "seq": event.seq,
        "time": event.cloud_event()["time"],
        "subject": event.subject,
        "model_name": event.model_name,
    }
    texts = {name: _text(value).translate(_ESCAPES) for name, value in values.items()}
    return Template(template or "$summary").safe_substitute(texts)


def require_template(template: str | None) -> None:
    """Raise InvalidValue for a template with a $ that begins no name."""
    if template is not None and not Template(template).is_valid():
        raise InvalidValue("template", "has a $ that begins no name; write $$ for one")


def _text(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
