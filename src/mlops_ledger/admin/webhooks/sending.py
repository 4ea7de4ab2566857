"""One request to one endpoint: no redirects, no proxies, and an end in any case."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from typing import Final

from .addresses import Target, Undeliverable, resolve

# Seconds until the connection stands, and until a step of the answer; then for all of it.
TIMEOUT: Final = 10.0
_ALTOGETHER: Final = 30.0
_LONGEST_WAIT: Final = 3600
_TOO_EARLY: Final = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered."""

    status_code: int
    retry_after: timedelta | None

    @property
    def is_accepted(self) -> bool:
        """Whether it has taken the event."""
        return 200 <= self.status_code < 300

    @property
    def is_down(self) -> bool:
        """Whether it could take no event now; else it refuses this one."""
        return self.status_code >= 500 or self.status_code in _TOO_EARLY


class _Connection(HTTPConnection):
    """A connection to an address that was looked up before."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT)
        self._address = address
        # The certificate must be that of the name, whatever the address.
        self._context = ssl.create_default_context() if target.scheme == "https" else None

    def connect(self) -> None:
        """Connect to the address."""
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT)
        if self._context is not None:
            # The handshake comes later, so that the deadline holds for it too.
            self.sock = self._context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )


def send(target: Target, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Answer:
    """Post a body and return the answer. Raises Undeliverable when there is none."""
    connection = _Connection(target, resolve(target, allow_private=allow_private))
    try:
        connection.connect()
        with _deadline(connection.sock):
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            connection.request("POST", target.path, body, {"user-agent": "mlops-ledger", **headers})
            answer = connection.getresponse()
            return Answer(answer.status, _seconds(answer.getheader("retry-after")))
    except TimeoutError:
        raise Undeliverable(f"no answer within {TIMEOUT:g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise Undeliverable(f"the certificate is not valid: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise Undeliverable(f"no TLS connection: {error.reason}") from None
    except OSError as error:
        raise Undeliverable(f"no connection: {error.strerror or 'it was ended'}") from None
    except HTTPException:
        raise Undeliverable("the answer is not HTTP") from None
    finally:
        connection.close()


@contextmanager
def _deadline(sock: socket.socket) -> Iterator[None]:
    """End a connection after a while, however slowly it keeps sending."""
    timer = threading.Timer(_ALTOGETHER, _end, [sock])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _seconds(text: str | None) -> timedelta | None:
    """Return how long an endpoint wants to be left alone; at most an hour."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return timedelta(seconds=min(int(text[:9]), _LONGEST_WAIT))
