# Generated from src/mlops_ledger/_async/replica.py by tools/unasync.py: edit that file, then run `make sync`.
"""Reads on hot standbys, as far as these answer and have replayed what a reader needs."""

from __future__ import annotations

from time import sleep
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from psycopg.rows import class_row

from .. import health
from ..connection.bounded import BoundedConnection
from ..connection.replica import AWAY, POLL, Standby, behind, checked
from ..errors import LedgerError, PermissionDenied, Unavailable
from ..rows import ReplicaHealth
from ..statements import load


class Replica:
    """The standbys of a primary: lends connections for reading.

    They must have replayed what was written before the program last used the primary, and
    `position`, for which they get `wait` seconds.
    """

    def __init__(
        self,
        primary: Any,
        standby: Any,
        state: Standby | None = None,
        position: str | None = None,
        wait: float = 0.0,
    ) -> None:
        self._primary, self._standby = primary, standby
        self._state = Standby() if state is None else state
        self._position, self._wait = position, wait

    @property
    def is_away(self) -> bool:
        """Whether it has just not answered, so that asking would only cost time."""
        return self._state.is_away

    def after(self, position: str, wait: float) -> Replica:
        """Return the same standbys for reads that need a position replayed."""
        return Replica(self._primary, self._standby, self._state, position, wait)

    @contextmanager
    def connection(self) -> Iterator[BoundedConnection]:
        """Lend a connection for reading.

        Raises Unavailable or SchemaError when no standby can answer, ConfigError when it is none
        of this primary.
        """
        is_lent = False
        try:
            self._require_own()
            with self._standby.connection() as connection:
                is_lent = True
                self._replay(connection)
                yield connection
        except AWAY as error:
            if not is_lent:
                self._state.note_away(error)
            raise

    def ready(self) -> Any:
        """Return the standbys as a database, once they can answer; raises as `connection`."""
        with self.connection():
            return self._standby

    def health(self) -> ReplicaHealth:
        """Look at the standby and how far it is behind; never raises for what is wrong with it."""
        try:
            position = self._primary.position()
        except LedgerError:
            position = None
        try:
            self._require_own()
            with self._standby._lend() as connection:
                cursor = connection.cursor(row_factory=class_row(ReplicaHealth))
                cursor.execute(load("health")["replica"].text, {"position": position})
                found: list[ReplicaHealth] = cursor.fetchall()
                return found[0]
        except LedgerError as error:
            return health.unreachable_replica(str(error))

    def note_use(self) -> None:
        """Note that the program has used the primary, and may have written."""
        self._state.note_use()

    def close(self) -> None:
        """Close the connections."""
        self._standby.close()

    def _require_own(self) -> None:
        if self._state.is_known:
            return
        found = _identity(self._standby)
        try:
            expected = _identity(self._primary)
        except Unavailable:
            # Looked at again with the next read: without a primary, reads go on.
            return
        self._state.require_own(found, expected)

    def _replay(self, connection: BoundedConnection) -> None:
        """Wait until the server of a connection has replayed what it must."""
        if (uses := self._state.uses) is not None:
            self._state.note_position(uses, self._primary.position())
        positions = self._state.positions(self._position)
        if not positions or connection.replayed == positions:
            return
        deadline = monotonic() + self._wait
        statement = load("health")["has_replayed"]
        while True:
            cursor = connection.execute(statement.text, {"positions": positions})
            [(has_replayed,)] = cursor.fetchall()
            if has_replayed:
                connection.replayed = positions
                return
            if monotonic() >= deadline:
                raise behind(self._wait)
            sleep(POLL)


class ReadsAfter:
    """A database whose reads see what was written up to a position."""

    def __init__(self, db: Any, replica: Replica | None, position: str, wait: float) -> None:
        self._db = db
        position, wait = checked(position, wait)
        self._replica = None if replica is None else replica.after(position, wait)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._db!r}>"

    def connection(self) -> Any:
        """Lend a connection of the primary."""
        return self._db.connection()

    def transaction(self) -> Any:
        """Begin a transaction on the primary."""
        return self._db.transaction()

    def conninfo(self) -> str:
        """Return the primary's connection string for other drivers; it contains the password."""
        return str(self._db.conninfo())

    @property
    def preamble(self) -> str | None:
        """What another driver has to run first in a transaction on the primary."""
        found: str | None = self._db.preamble
        return found

    @property
    def replica(self) -> Replica | None:
        """The standbys, unless there are none or they were just away."""
        return None if self._replica is None or self._replica.is_away else self._replica


def _identity(db: Any) -> str:
    try:
        with db._lend() as connection:
            cursor = connection.execute(load("health")["identity"].text)
            [(identity,)] = cursor.fetchall()
    except PermissionDenied:
        # A host may keep it from its customers: then both sides are the same nothing.
        return ""
    return str(identity)
