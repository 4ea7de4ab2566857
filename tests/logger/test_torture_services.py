"""Workers of gunicorn and uvicorn killed with SIGKILL while they answer: none lost, none twice."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fix_faults import TORTURE, full
from fix_kills import ServerKiller, ready, replay, stored
from fix_logger import wait_until

from mlops_ledger import Settings
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.logger.inspect import inspect_spool

pytestmark = [
    pytest.mark.xdist_group("logger-torture"),
    pytest.mark.skipif(not TORTURE, reason="for make torture"),
]

# Predictions of a request.
EACH = 100
CLIENTS = 4
# A logger is lost sight of after so many requests of a worker.
SOURCE = """
import os
from pathlib import Path
from mlops_ledger import AsyncPredictionLogger, PredictionLogger, Settings
settings = Settings(conninfo=os.environ["LOGGER_DSN"], home=Path(os.environ["LOGGER_HOME"]))
each = int(os.environ["LOGGER_EACH"])
options = dict(model_name="m", model_version="1", durability=os.environ["LOGGER_LEVEL"])
def loggers(kind, requests=int(os.environ["LOGGER_REQUESTS"])):
    while True:
        log = kind(settings, **options)
        for _ in range(requests):
            yield log
        del log
def predictions(path):
    features = [float(n) for n in range(12)]
    return [{"features": features, "request_id": f"{path[1:]}-{n}"} for n in range(each)]
"""

GUNICORN = """
log = loggers(PredictionLogger)
# Made before the fork, with --preload.
next(log)
def app(environ, start_response):
    next(log).many(predictions(environ["PATH_INFO"]))
    body = b"%d" % os.getpid()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

UVICORN = """
log = loggers(AsyncPredictionLogger)
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await next(log).many(predictions(scope["path"]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
"""

NEVER = 10**9
# Command, source, requests of a logger.
SERVICES = {
    "gunicorn": ("gunicorn -w 2", GUNICORN, NEVER),
    "gunicorn --preload": ("gunicorn -w 2 --preload", GUNICORN, NEVER),
    "gunicorn, collected": ("gunicorn -w 2", GUNICORN, 20),
    "uvicorn": ("uvicorn --workers 2", UVICORN, NEVER),
    "uvicorn, collected": ("uvicorn --workers 2", UVICORN, 20),
}


class Client(threading.Thread):
    """Asks the service until it is to end, and notes what was answered, and by which process."""

    def __init__(self, number: int, port: int) -> None:
        super().__init__(daemon=True)
        self._number, self._url = number, f"http://127.0.0.1:{port}"
        self.ended = threading.Event()
        self.acknowledged: list[str] = []
        self.pid: int | None = None

    def run(self) -> None:
        """What a killed worker was asked has no answer, and is not asked again."""
        asked = 0
        while not self.ended.is_set():
            name = f"{self._number}-{asked}"
            asked += 1
            try:
                with urllib.request.urlopen(f"{self._url}/{name}", timeout=60) as answer:
                    pid = int(answer.read())
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
            else:
                self.acknowledged.append(name)
                self.pid = pid


@contextmanager
def serving(home: Settings, level: str, service: str) -> Iterator[int]:
    """Run a service until it is told to end; the port."""
    command, source, requests = SERVICES[service]
    program, *options = command.split()
    pytest.importorskip(program)
    (home.home / "service.py").write_text(SOURCE + source)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = ["-b", f"127.0.0.1:{port}"] if program == "gunicorn" else ["--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", program, *options, *where, "service:app"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*sys.path, str(home.home)]),
            "LOGGER_DSN": str(home.conninfo),
            "LOGGER_HOME": str(home.home),
            "LOGGER_LEVEL": level,
            "LOGGER_EACH": str(EACH),
            "LOGGER_REQUESTS": str(requests),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(60)


def kill_workers(clients: list[Client], times: int) -> set[int]:
    """Kill so many workers, each of which has answered since the one before was killed."""
    killed: set[int] = set()
    while len(killed) < times:
        time.sleep(random.uniform(0, 0.5))
        pid = random.choice(clients).pid
        if pid is not None and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    return killed


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("level", ["process", "disk"])
def test_workers_of_a_service_that_are_killed_cost_nothing(
    victim: EmbeddedServer, tmp_path: Path, level: str, service: str
) -> None:
    count, kills = full(100_000, 2_000), full(20, 1)
    home = ready(victim, tmp_path)
    killer = ServerKiller(victim, kills)
    with serving(home, level, service) as port:
        clients = [Client(number, port) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: all(client.acknowledged for client in clients))
        killer.start()
        kill_workers(clients, kills)
        killer.join()
        wait_until(lambda: EACH * sum(len(client.acknowledged) for client in clients) >= count)
        for client in clients:
            client.ended.set()
        for client in clients:
            client.join()
    wait_until(lambda: not any(folder.live for folder in inspect_spool(home.spool)))
    assert killer.killed == kills
    replay(home)
    found = stored(home)
    assert set(found.values()) == {1}
    assert {
        f"{name}-{number}"
        for client in clients
        for name in client.acknowledged
        for number in range(EACH)
    } <= set(found)
    assert inspect_spool(home.spool) == []
