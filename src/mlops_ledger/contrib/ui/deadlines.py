"""Connections that end when their client takes too long: slow ones cannot fill the server."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class Deadlines(H11Protocol):
    """HTTP/1.1 whose deadlines bytes that trickle in do not move."""

    # Seconds for the head of a request, and for the rest of it with its answer.
    head: ClassVar[float] = 10.0
    whole: ClassVar[float] = 60.0
    _timer: asyncio.TimerHandle | None = None
    _seen: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait(self.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Wait for the answer from when the head of a request is complete."""
        super().handle_events()
        if self.cycle is not self._seen:
            self._seen = self.cycle
            if not self.cycle.response_complete:
                self._wait(self.whole)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait(self.head)
        super().on_response_complete()

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        # Not closed: that would wait for a client which does not read.
        self.transport.abort()
