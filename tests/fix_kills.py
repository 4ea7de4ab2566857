"""What the tests that kill servers and workers share."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg
from fix_faults import migrated

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.logger.replay import Replayed, replay_spool


def ready(server: EmbeddedServer, folder: Path) -> Settings:
    """Make a database on the server with version 1 of m; the spool is in the folder."""
    settings = Settings(conninfo=migrated(server, f"t{time.time_ns()}"), home=folder)
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="m")
    return settings


def stored(settings: Settings) -> Counter[str]:
    """Count how often each request id is in the database."""
    assert settings.conninfo is not None
    with psycopg.connect(settings.conninfo) as conn:
        return Counter(row[0] for row in conn.execute("SELECT request_id FROM predictions"))


def replay(settings: Settings) -> Replayed:
    """Deliver what was left in the spool."""
    with Database(settings) as db:
        return replay_spool(db, settings.spool)


class ServerKiller(threading.Thread):
    """Kills a server with SIGKILL so many times, and starts it again each time."""

    def __init__(self, server: EmbeddedServer, times: int) -> None:
        super().__init__(daemon=True)
        self._server, self._times = server, times
        self.killed = 0

    def run(self) -> None:
        """Wait a second or less before each."""
        while self.killed < self._times:
            time.sleep(random.uniform(0.2, 1.0))
            pid = self._server.status().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            time.sleep(random.uniform(0, 0.5))
            self._server.start()
            self.killed += 1
