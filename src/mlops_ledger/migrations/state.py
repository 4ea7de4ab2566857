"""Where a database stands: what was recorded in it, compared with the migration files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..errors import MigrationError
from .files import Migration

State = Literal["applied", "pending", "edited", "missing"]


@dataclass(frozen=True, slots=True)
class Record:
    """A row of `ledger_migrations`."""

    version: int
    name: str
    checksum: str
    applied_at: datetime
    applied_by: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class MigrationState:
    """A migration and whether this database has it.

    `edited`: its up file changed after it was applied; `missing`: applied by a newer release, its
    files are not here. The last three fields are None while it is pending.
    """

    version: int
    name: str
    state: State
    applied_at: datetime | None = None
    applied_by: str | None = None
    duration_ms: int | None = None

    def __str__(self) -> str:
        return f"{self.version:04d}_{self.name}"


def compare(migrations: Iterable[Migration], records: Mapping[int, Record]) -> list[MigrationState]:
    """List every migration known to the files or to the database, by version."""
    files = {migration.version: migration for migration in migrations}
    return [
        _state(files.get(version), records.get(version))
        for version in sorted(files.keys() | records.keys())
    ]


def refuse_disorder(states: Iterable[MigrationState]) -> None:
    """Raise MigrationError if an applied file was edited, or a new one is older than an applied."""
    states = list(states)
    if edited := [str(state) for state in states if state.state == "edited"]:
        raise MigrationError(
            f"{', '.join(edited)}: the up file was edited after it was applied; restore it and put "
            "the change into a new migration, or accept it with 'migrate up --allow-changed'"
        )
    newest = max((s.version for s in states if s.state != "pending"), default=0)
    if late := [str(s) for s in states if s.state == "pending" and s.version < newest]:
        raise MigrationError(
            f"{', '.join(late)}: not applied, but {newest:04d} already is; "
            "give a new migration the next free number"
        )


def _state(migration: Migration | None, record: Record | None) -> MigrationState:
    if record is None:
        assert migration is not None
        return MigrationState(migration.version, migration.name, "pending")
    state: State = "applied"
    if migration is None:
        state = "missing"
    elif migration.up.checksum != record.checksum:
        state = "edited"
    return MigrationState(
        record.version,
        record.name,
        state,
        record.applied_at,
        record.applied_by,
        record.duration_ms,
    )
