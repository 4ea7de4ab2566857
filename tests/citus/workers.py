"""A worker of the cluster that runs on this machine, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg


class Worker:
    """The server that listens on a port of this machine."""

    def __init__(self, port: int) -> None:
        """Find it; raises LookupError when it is not of this machine or may not be looked at."""
        self.port = port
        process = self._process()
        try:
            self._environment, self._folder = process.environ(), process.cwd()
            self._user, self._group = process.uids().effective, process.gids().effective
            self._program = Path(process.exe()).with_name("pg_ctl")
        except psutil.AccessDenied as error:
            raise LookupError(port) from error

    def _process(self) -> psutil.Process:
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr.port == self.port and found.pid:
                return psutil.Process(found.pid)
        raise LookupError(self.port)

    def kill(self) -> None:
        """Kill it as a machine that fails does: with SIGKILL, and all its sessions."""
        process = self._process()
        sessions = process.children()
        os.kill(process.pid, signal.SIGKILL)
        for each in [process, *sessions]:
            each.wait(60)

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        subprocess.run(
            [self._program, "-w", "-t", "120", "-D", self._folder, "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            cwd=self._folder,
            user=self._user,
            group=self._group,
            extra_groups=[],
        )


def wait_for_worker(conninfo: str) -> None:
    """Wait until the coordinator reaches every worker again."""
    query = "SELECT bool_and(success) FROM run_command_on_workers('SELECT 1')"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while connection.execute(query).fetchone() != (True,):
            time.sleep(0.05)
