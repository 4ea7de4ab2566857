from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mlops_ledger.errors import MigrationError
from mlops_ledger.migrations import Migrator

# Prints "ready", waits for a line, migrates, prints what it applied.
MIGRATE = """
import sys
from pathlib import Path
from mlops_ledger.migrations import Migrator
migrator = Migrator(sys.argv[1], Path(sys.argv[2]))
print("ready", flush=True)
input()
print(*[state.version for state in migrator.up()])
"""

SLEEPING = """
EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'
)
"""


@contextmanager
def migrating_process(dsn, folder) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", MIGRATE, dsn, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def start(process) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def wait_until(conn, condition) -> None:
    deadline = time.monotonic() + 60
    while not conn.execute(f"SELECT {condition}").fetchone()[0]:
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


def test_four_processes_at_once_apply_each_migration_once(empty_database, write):
    write("0001_a", "CREATE TABLE a (id int); SELECT pg_sleep(0.5);")
    write("0002_b", "CREATE TABLE b (id int); SELECT pg_sleep(0.5);")
    folder = write("0003_c", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY ON a (id);")

    with (
        migrating_process(empty_database, folder) as one,
        migrating_process(empty_database, folder) as two,
        migrating_process(empty_database, folder) as three,
        migrating_process(empty_database, folder) as four,
    ):
        processes = (one, two, three, four)
        for process in processes:
            start(process)
        output = [process.communicate(timeout=120) for process in processes]
        codes = [process.returncode for process in processes]

    assert (codes, [stderr for _, stderr in output]) == ([0] * 4, [""] * 4)
    assert sorted(stdout.strip() for stdout, _ in output) == ["", "", "", "1 2 3"]


def test_a_killed_migration_leaves_no_lock_and_nothing_of_its_file(empty_database, write):
    folder = write(
        "0001_a",
        "CREATE TABLE a (id int);\nSELECT pg_sleep(600) WHERE to_regclass('gate') IS NOT NULL;",
    )
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("CREATE TABLE gate ()")
        # The server's own interval must not be what helps.
        dsn = make_conninfo(empty_database, options="-c client_connection_check_interval=0")
        with migrating_process(dsn, folder) as process:
            start(process)
            wait_until(conn, SLEEPING)
            os.kill(process.pid, signal.SIGKILL)
        conn.execute("DROP TABLE gate")
        # Long before the statement would have ended by itself.
        applied = Migrator(empty_database, folder, wait=120).up()

    assert [state.version for state in applied] == [1]


def test_waiting_for_another_migrator_ends_with_a_clear_error(empty_database, write):
    folder = write("0001_a", "SELECT pg_sleep(60);")
    with (
        psycopg.connect(empty_database, autocommit=True) as conn,
        migrating_process(empty_database, folder) as process,
    ):
        start(process)
        wait_until(conn, SLEEPING)
        with pytest.raises(MigrationError, match=r"another process was still .* after 0\.2 s"):
            Migrator(empty_database, folder, wait=0.2).up()
        assert [state.state for state in Migrator(empty_database, folder).status()] == ["pending"]
