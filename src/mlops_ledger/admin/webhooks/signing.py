"""Signatures of what webhooks send, as the Standard Webhooks specification has them.

Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from ...errors import InvalidValue

_PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def new_secret() -> str:
    """Return a new key of 32 random bytes."""
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises InvalidValue when it is not whsec_ and 24 to 64 bytes in base64.
    """
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise InvalidValue(
            "secret", f"must be {_PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64"
        )
    return key


def signed_headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(secret, message_id, timestamp, body),
    }


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    at: datetime | None = None,
    tolerance: timedelta = timedelta(minutes=5),
) -> bool:
    """Return whether a request was signed with the secret, within `tolerance` of `at` (now).

    For receivers in Python; the libraries of Standard Webhooks do the same in other languages.
    Header names are compared in any case. Raises InvalidValue for a secret that is none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signatures = given.get("webhook-signature", "").split()
    expected = _signature(secret, message_id, timestamp, body)
    # All are compared, so that the time taken tells nothing.
    known = [hmac.compare_digest(expected.encode(), one.encode()) for one in signatures]
    if not any(known) or not timestamp.isascii() or not timestamp.isdigit():
        return False
    now = datetime.now(UTC) if at is None else at
    return abs(now.timestamp() - int(timestamp)) <= tolerance.total_seconds()


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()
