"""A server of its own for the measurements, with ordinary durability."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_ledger import Settings
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.setup import initialise


@contextmanager
def database() -> Iterator[str]:
    """Start a server with a migrated database and yield its connection string."""
    home = Path(tempfile.mkdtemp(prefix="mlops-ledger-bench-"))
    home.chmod(0o755)
    server = EmbeddedServer(home)
    try:
        server.start()
        settings = Settings(conninfo=server.conninfo("bench"))
        initialise(settings)
        yield server.conninfo("bench")
    finally:
        server.stop()
        shutil.rmtree(home)
