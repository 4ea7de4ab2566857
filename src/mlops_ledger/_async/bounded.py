"""Connections that do not wait without end for a server that has stopped answering."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import RV, PQGen
from psycopg.errors import _WaitTimeout

from ..errors.translate import NoAnswer

# Seconds in which a server that lives takes a cancellation and says what came of the statement.
_CANCEL = 3.0


class AsyncBoundedConnection(AsyncConnection[Any]):
    """A connection that waits for each answer for at most `patience` seconds, None for ever.

    The server ends a statement at its own timeout. A frozen one, or one behind a network that drops
    everything, does not; keepalives do not tell, as the system of a frozen server answers them.
    """

    patience: float | None = None
    # The positions that its server, a standby, is known to have replayed.
    replayed: Sequence[str] = ()

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for what the driver does; raises NoAnswer, and closes the connection."""
        if timeout is not None or self.patience is None:
            return await super().wait(gen, interval, timeout)
        with suppress(_WaitTimeout):
            return await super().wait(gen, interval, self.patience)
        # A server that lives tells whether the statement was executed.
        with suppress(psycopg.Error):
            await self.cancel_safe(timeout=_CANCEL)
        with suppress(_WaitTimeout):
            return await super().wait(gen, interval, _CANCEL)
        self.pgconn.finish()
        raise NoAnswer(self.patience)
