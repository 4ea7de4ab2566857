"""Connections that do not wait without end for a server that has stopped answering.

The server ends a statement at its own timeout. A frozen one, or one behind a network that drops
everything, does not; keepalives do not tell, as the system of a frozen server answers them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection, ConnectionInfo
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo
from psycopg.errors import ConnectionTimeout, _WaitTimeout

from ..errors.translate import NoAnswer

T = TypeVar("T")

# Seconds of silence after which a server is asked on another connection whether it lives.
SILENCE: Final = 10.0
_TRIES: Final = 5
# Seconds in which a server that lives takes a cancellation and says what came of the statement.
_CANCEL: Final = 3.0


def answers(conninfo: str) -> bool:
    """Return whether a server answers anybody who connects; a refusal is an answer.

    Takes five times the connect timeout of the connection string, and four seconds, at the most.
    """
    for attempt in range(_TRIES):
        if attempt:
            sleep(1)
        try:
            Connection.connect(conninfo, target_session_attrs="any").close()
        except ConnectionTimeout:
            continue
        except psycopg.Error:
            pass
        return True
    return False


def _whereabouts(info: ConnectionInfo) -> str:
    """Return a connection string of the one server that a connection has reached."""
    address = {"hostaddr": info.hostaddr} if "hostaddr" in info.get_parameters() else {}
    return make_conninfo(
        info.dsn, host=info.host, port=info.port, password=info.password or None, **address
    )


@contextmanager
def watched(conninfo: str, end: Callable[[], object]) -> Iterator[Event]:
    """Call `end`, and set the event, if the server answers nobody any more during the block."""
    is_over, silent = Event(), Event()

    def watch() -> None:
        while not is_over.wait(SILENCE):
            if not answers(conninfo):
                silent.set()
                end()
                return

    Thread(target=watch, daemon=True).start()
    try:
        yield silent
    finally:
        is_over.set()


def attended(conninfo: str, work: Callable[[], T]) -> T:
    """Return what some work of another driver returns; raises NoAnswer as connections here do.

    It is done in a thread of its own, which can be left behind but not ended.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    began = monotonic()
    Thread(target=run, daemon=True).start()
    while not wait([outcome], SILENCE).done:
        if not answers(conninfo):
            raise NoAnswer(round(monotonic() - began))
    return outcome.result()


class BoundedConnection(Connection[Any]):
    """A connection that waits for each answer for at most `patience` seconds.

    With None, for statements that may take hours, it waits for as long as the server answers
    anybody.
    """

    patience: float | None = None
    # The positions that its server, a standby, is known to have replayed.
    replayed: Sequence[str] = ()

    @classmethod
    def connect(  # type: ignore[override]
        cls, conninfo: str = "", *, spare: list[Self] | None = None, **options: Any
    ) -> Self:
        """Take a spare connection, if there is one, or open another."""
        # Asked first, another thread may have taken it meanwhile.
        with suppress(IndexError):
            if spare is not None:
                return spare.pop()
        return super().connect(conninfo, **options)

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for what the driver does; raises NoAnswer, and closes the connection."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        began = monotonic()
        with suppress(_WaitTimeout):
            return super().wait(gen, interval, self.patience or SILENCE)
        if self.patience is None:
            while answers(_whereabouts(self.info)):
                with suppress(_WaitTimeout):
                    return super().wait(gen, interval, SILENCE)
        else:
            # A server that lives tells whether the statement was executed.
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_CANCEL)
            with suppress(_WaitTimeout):
                return super().wait(gen, interval, _CANCEL)
        self.pgconn.finish()
        raise NoAnswer(self.patience or round(monotonic() - began))


class AsyncBoundedConnection(AsyncConnection[Any]):
    """A connection as BoundedConnection is, for an event loop."""

    patience: float | None = None
    replayed: Sequence[str] = ()

    @classmethod
    async def connect(  # type: ignore[override]
        cls, conninfo: str = "", *, spare: list[Self] | None = None, **options: Any
    ) -> Self:
        """Take a spare connection, if there is one, or open another."""
        with suppress(IndexError):
            if spare is not None:
                return spare.pop()
        return await super().connect(conninfo, **options)

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for what the driver does; raises NoAnswer, and closes the connection."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        began = monotonic()
        with suppress(_WaitTimeout):
            return await super().wait(gen, interval, self.patience or SILENCE)
        if self.patience is None:
            while await asyncio.to_thread(answers, _whereabouts(self.info)):
                with suppress(_WaitTimeout):
                    return await super().wait(gen, interval, SILENCE)
        else:
            with suppress(psycopg.Error):
                await self.cancel_safe(timeout=_CANCEL)
            with suppress(_WaitTimeout):
                return await super().wait(gen, interval, _CANCEL)
        self.pgconn.finish()
        raise NoAnswer(self.patience or round(monotonic() - began))
