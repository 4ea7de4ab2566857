"""The local PostgreSQL: an ordinary server on 127.0.0.1, made and started on demand."""

from __future__ import annotations

from ..connection.config import Settings
from .programs import find_binaries
from .server import EmbeddedServer, ServerStatus

__all__ = ["EmbeddedServer", "ServerStatus", "find_binaries", "resolve_conninfo"]


def resolve_conninfo(settings: Settings) -> str:
    """Return the libpq string of the configured database; the embedded server is started for it.

    Raises EmbeddedServerError.
    """
    if settings.conninfo is not None:
        return settings.conninfo
    return EmbeddedServer(settings.home, settings.pg_bin).conninfo(settings.database)
