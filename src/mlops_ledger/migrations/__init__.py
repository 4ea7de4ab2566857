"""Versioned `.sql` migrations: find them, apply and revert them, say where a database stands."""

from __future__ import annotations

from .files import (
    Migration,
    Script,
    create_migration,
    find_migrations,
    latest_version,
    schema_directory,
)
from .runner import Migrator
from .state import MigrationState, State

__all__ = [
    "Migration",
    "MigrationState",
    "Migrator",
    "Script",
    "State",
    "create_migration",
    "find_migrations",
    "latest_version",
    "schema_directory",
]
