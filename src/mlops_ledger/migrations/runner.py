"""Move a database's schema to another version, or say what that would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..connection.conninfo import parse
from ..errors import InvalidValue, MigrationError, SchemaError
from .files import Migration, find_migrations
from .session import Session, open_session
from .state import MigrationState, compare, refuse_disorder

OnStep = Callable[[MigrationState], object]


class Migrator:
    """Applies and reverts the migrations of one folder on one database.

    Times are in seconds: `lock_timeout` is how long a statement may wait for a table that others
    use, `wait` how long to wait for another migrator. Raises ConfigError for a malformed connection
    string, MigrationError if the folder is not in order; the methods raise Unavailable if the
    server cannot be reached.
    """

    def __init__(
        self,
        conninfo: str,
        directory: Path | None = None,
        *,
        lock_timeout: float = 5.0,
        wait: float = 60.0,
    ) -> None:
        self._conninfo = parse(conninfo, "the connection string")
        self._migrations: Final = find_migrations(directory)
        self._lock_timeout = lock_timeout
        self._wait = wait

    def status(self) -> list[MigrationState]:
        """List every migration that the files or the database know, by version."""
        with open_session(self._conninfo, self._lock_timeout) as session:
            return self._states(session)

    def plan(self, to: int | None = None) -> list[Migration]:
        """List what `up` would apply. Raises MigrationError where `up` would refuse."""
        with open_session(self._conninfo, self._lock_timeout) as session:
            return self._pending(session, self._target(to))

    def up(
        self,
        to: int | None = None,
        *,
        allow_changed: bool = False,
        on_step: OnStep | None = None,
    ) -> list[MigrationState]:
        """Apply what is pending, up to version `to`; return it. Nothing pending is no error.

        `allow_changed` first records edited files as they are now. `on_step` is called after each
        migration, which is then committed. Raises MigrationError for the first that fails; those
        before it stay applied.
        """
        with self._locked() as session:
            if allow_changed:
                self._accept_edited(session)
            pending = self._pending(session, self._target(to))
            return [self._step(session, Session.apply, one, on_step) for one in pending]

    def down(
        self, *, steps: int = 1, to: int | None = None, on_step: OnStep | None = None
    ) -> list[MigrationState]:
        """Revert the newest `steps` migrations, or all above version `to`; return them.

        The data in what they made is deleted. Raises MigrationError for the first that fails.
        """
        if steps < 1:
            raise InvalidValue("steps", "must be at least 1")
        with self._locked() as session:
            applied = self._applied(session)
            doomed = applied[-steps:] if to is None else applied[self._target(to) :]
            return [self._step(session, Session.revert, one, on_step) for one in reversed(doomed)]

    def verify(self) -> None:
        """Check that the database has exactly the migrations that the files have.

        Raises SchemaError if it is behind or ahead, MigrationError if a file was edited.
        """
        states = self.status()
        refuse_disorder(states)
        if pending := [str(state) for state in states if state.state == "pending"]:
            raise SchemaError(
                f"the schema lacks {', '.join(pending)}: run 'mlops-ledger migrate up'"
            )
        _refuse_newer(states)

    def baseline(self, version: int) -> list[MigrationState]:
        """Record all migrations up to `version` as applied without running them; return them.

        For a schema that was made by other means, such as a dump. Raises MigrationError if any
        migration is recorded already.
        """
        with self._locked() as session:
            if session.records():
                raise MigrationError(
                    "migrations are already recorded; baseline is for a database without any"
                )
            for migration in self._migrations[: self._target(version)]:
                session.record(migration)
            return [state for state in self._states(session) if state.state == "applied"]

    @contextmanager
    def _locked(self) -> Iterator[Session]:
        with open_session(self._conninfo, self._lock_timeout) as session:
            session.lock(self._wait)
            session.require_plain_name()
            session.ensure_table()
            yield session

    def _states(self, session: Session) -> list[MigrationState]:
        return compare(self._migrations, session.records())

    def _pending(self, session: Session, target: int) -> list[Migration]:
        states = self._states(session)
        refuse_disorder(states)
        _refuse_newer(states)
        pending = {state.version for state in states if state.state == "pending"}
        return [m for m in self._migrations[:target] if m.version in pending]

    def _applied(self, session: Session) -> list[Migration]:
        states = self._states(session)
        refuse_disorder(states)
        _refuse_newer(states)
        return self._migrations[: sum(state.state == "applied" for state in states)]

    def _target(self, version: int | None) -> int:
        newest = len(self._migrations)
        if version is not None and not 0 <= version <= newest:
            raise MigrationError(f"there is no version {version}; the files end at {newest}")
        return newest if version is None else version

    def _accept_edited(self, session: Session) -> None:
        for state in self._states(session):
            if state.state == "edited":
                session.accept(self._migrations[state.version - 1])

    def _step(
        self,
        session: Session,
        change: Callable[[Session, Migration], None],
        migration: Migration,
        on_step: OnStep | None,
    ) -> MigrationState:
        change(session, migration)
        state = self._states(session)[migration.version - 1]
        if on_step is not None:
            on_step(state)
        return state


def _refuse_newer(states: list[MigrationState]) -> None:
    if newer := [str(state) for state in states if state.state == "missing"]:
        raise SchemaError(
            f"the database has {', '.join(newer)} of a newer release; use that or a later one"
        )
