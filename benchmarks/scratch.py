"""A server of its own for the measurements, with ordinary durability."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_ledger.embedded import EmbeddedServer
from tools.scratch import migrated_database


@contextmanager
def database() -> Iterator[str]:
    """Start a server with a migrated database and yield its connection string."""
    home = Path(tempfile.mkdtemp(prefix="mlops-ledger-bench-"))
    home.chmod(0o755)
    server = EmbeddedServer(home)
    try:
        server.start()
        with migrated_database(server.conninfo("postgres")) as dsn:
            yield dsn
    finally:
        server.stop()
        shutil.rmtree(home)
