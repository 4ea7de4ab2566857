"""Webhooks: events sent by HTTP, signed, until they arrive or are given up."""

from .addresses import Undeliverable
from .delivering import DeliveryReport, deliver, deliver_forever, send_test
from .managing import AddedWebhook, add_webhook
from .signing import verify_webhook

__all__ = [
    "AddedWebhook",
    "DeliveryReport",
    "Undeliverable",
    "add_webhook",
    "deliver",
    "deliver_forever",
    "send_test",
    "verify_webhook",
]
