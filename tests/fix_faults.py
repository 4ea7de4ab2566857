"""What the fault tests share: a server that may be killed, and a proxy that cuts connections."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import psycopg
from fix_servers import open_folder
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.migrations import Migrator

# As a call that returns after its patience is told from one that never does.
NEVER = 120
TORTURE = os.environ.get("MLOPS_TORTURE") == "1"
# Another server has had the whole suite.
AGAIN = os.environ.get("MLOPS_AGAIN") == "1"

# The first byte of what a client sends to have a statement executed: parse, bind, simple query.
_STATEMENT = b"PBQ"


def full(torture: int, otherwise: int) -> int:
    """Choose between the full size of a test and the one for every day."""
    return torture if TORTURE else otherwise


def examples(number: int) -> int:
    """Give a property test a quarter of its examples if another server has had them all.

    Two are the least: hypothesis begins with the simplest one, always the same.
    """
    return max(2, number // 4) if AGAIN else number


def slow_down(conn: psycopg.Connection[Any], seconds: float, *tables: str) -> None:
    """Have each statement that writes to a table take so long, until `speed_up`."""
    conn.execute(
        sql.SQL(
            "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$"
        ).format(seconds)
    )
    for table in tables:
        trigger = "CREATE TRIGGER sleep AFTER INSERT OR UPDATE ON {} EXECUTE FUNCTION sleep()"
        conn.execute(sql.SQL(trigger).format(sql.Identifier(table)))


def speed_up(conn: psycopg.Connection[Any]) -> None:
    """Have the tables as fast as before `slow_down`."""
    conn.execute("DROP FUNCTION sleep CASCADE")


@contextmanager
def own_server() -> Iterator[EmbeddedServer]:
    """Start a server that nobody else uses, so that it may be killed."""
    with open_folder() as home:
        server = EmbeddedServer(home)
        server.start()
        yield server


def migrated(server: EmbeddedServer, name: str = "mlops") -> str:
    """Make a database on the server with the ledger's schema."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dsn = server.conninfo(name)
    Migrator(dsn).up()
    return dsn


def stop(server: EmbeddedServer, how: str) -> None:
    """Stop the server: "fast" and "immediate" as pg_ctl does, or "kill -9".

    A session may outlive the server that was killed, for a time: all are gone afterwards.
    """
    if how == "fast":
        server.stop()
        return
    pid = server.status().pid
    assert pid is not None
    sessions = psutil.Process(pid).children()
    os.kill(pid, {"immediate": signal.SIGQUIT, "kill -9": signal.SIGKILL}[how])
    while server.status().running or any(map(_runs, sessions)):
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


@contextmanager
def frozen(server: EmbeddedServer) -> Iterator[None]:
    """Stop every process of a server, as a machine is stopped; a call that waits for it fails."""
    leader = server.status().pid
    assert leader is not None
    os.kill(leader, signal.SIGSTOP)
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(leader)], capture_output=True, text=True, check=True
    )
    pids = [leader, *map(int, listed.stdout.split())]

    def resume() -> None:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)

    for pid in pids[1:]:
        os.kill(pid, signal.SIGSTOP)
    rescue = threading.Timer(NEVER, resume)
    rescue.start()
    try:
        yield
    finally:
        rescue.cancel()
        resume()


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter of its own: it may fork, exit and hang without harm."""
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


class Proxy:
    """Stands between clients and server, and cuts a share of the connections at a statement.

    Half of the cuts come before the statement reaches the server, the others after it was
    executed and before its answer reaches the client. `cuts` counts both kinds.
    """

    def __init__(self, dsn: str, share: float, seed: int = 1) -> None:
        parts = conninfo_to_dict(dsn)
        self._target = (str(parts["host"]), int(str(parts["port"])))
        self._share = share
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.cuts: Counter[str] = Counter()
        self.dsn = make_conninfo(
            dsn,
            host="127.0.0.1",
            hostaddr="127.0.0.1",
            port=self._listener.getsockname()[1],
            sslmode="disable",
            gssencmode="disable",
        )

    def __enter__(self) -> Proxy:
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def _accept(self) -> None:
        sessions = []
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                break
            sessions.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
            sessions[-1].start()
        for session in sessions:
            session.join(10)

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, suppress(OSError):
            cut_the_answer = False
            while True:
                readable, _, _ = select.select([client, server], [], [])
                if server in readable:
                    answer = server.recv(65536)
                    if not answer or cut_the_answer:
                        return
                    client.sendall(answer)
                if client in readable:
                    request = client.recv(65536)
                    if not request:
                        return
                    fault = self._fault(request)
                    if fault == "before":
                        return
                    cut_the_answer = fault == "after"
                    server.sendall(request)

    def _fault(self, request: bytes) -> str | None:
        if request[0] not in _STATEMENT or self._random.random() >= self._share:
            return None
        fault = self._random.choice(("before", "after"))
        self.cuts[fault] += 1
        return fault


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Run `work(number)` in so many threads that begin together; raise what any of them raised."""
    barrier = threading.Barrier(count)
    results: list[object] = [None] * count
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            results[number] = work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
