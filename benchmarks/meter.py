"""What some work costs: time, CPU of both sides, WAL. CPU and WAL hardly change between runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import NamedTuple

import psycopg


class Cost(NamedTuple):
    """The cost of one row: µs of wall clock, of client and server CPU; bytes of WAL."""

    wall: float
    client: float
    server: float
    wal: float


def middle(costs: Iterable[Cost]) -> Cost:
    """Return the medians."""
    return Cost(*(median(column) for column in zip(*costs, strict=True)))


class Meter:
    """Measures work against a server on this machine."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        [(folder,)] = self.connection.execute("SHOW data_directory").fetchall()
        self._postmaster = int((Path(folder) / "postmaster.pid").read_text().split()[0])

    def cost(self, work: Callable[[], object], rows: int) -> Cost:
        """Do some work after a checkpoint and return its cost for each row."""
        self.connection.execute("CHECKPOINT")
        server, wal = self._server_cpu(), self._wal()
        began, client = perf_counter(), process_time()
        work()
        wall, client = perf_counter() - began, process_time() - client
        # The CPU of a session that has just ended is nowhere until its process is reaped.
        sleep(0.1)
        server, wal = self._server_cpu() - server, self._wal() - wal
        scale = 1e6 / rows
        return Cost(wall * scale, client * scale, server * scale, wal / rows)

    def _wal(self) -> float:
        [(position,)] = self.connection.execute(
            "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
        ).fetchall()
        return float(position)

    def _server_cpu(self) -> float:
        """Return the CPU seconds of the server, processes that ended included."""
        total = sum(_numbers(self._postmaster)[10:14])
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                numbers = _numbers(int(folder.name))
            except OSError:
                continue
            if numbers[0] == self._postmaster:
                total += sum(numbers[10:12])
        return total / os.sysconf("SC_CLK_TCK")


def session_cpu(connection: psycopg.Connection) -> float:
    """Return the CPU seconds that the server has spent on a session."""
    return sum(_numbers(connection.info.backend_pid)[10:12]) / os.sysconf("SC_CLK_TCK")


def _numbers(pid: int) -> list[int]:
    """Return the numbers of /proc/PID/stat, from the process id of the parent on."""
    return [int(n) for n in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1:]]
