"""300 requests, then the end: scripts, forks, gunicorn and uvicorn lose nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_faults import TORTURE

from mlops_ledger import Database, Settings
from mlops_ledger.logger.inspect import inspect_spool
from mlops_ledger.logger.replay import replay_spool

REQUESTS = 300
PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
from mlops_ledger import AsyncPredictionLogger, PredictionLogger, Settings
settings = Settings(conninfo=os.environ["LOGGER_DSN"], home=Path(os.environ["LOGGER_HOME"]))
level = os.environ["LOGGER_LEVEL"]
options = dict(model_name="m", model_version="1", durability=level)
def work(log, first, count):
    for number in range(first, first + count):
        log(features=[1.0, 2.0, 3.0], request_id=str(number))
"""

# How a script ends, and whether its records can only be in the spool then.
ENDS = {
    "collected": (
        "def job():\n    work(PredictionLogger(settings, **options), 0, 300)\n"
        "import gc\njob(); gc.collect()",
        ("memory", "process", "disk"),
    ),
    "collected, async": (
        "import asyncio, gc\nasync def job():\n"
        "    log = AsyncPredictionLogger(settings, **options)\n"
        "    for n in range(300): await log(features=[1.0, 2.0, 3.0], request_id=str(n))\n"
        "asyncio.run(job()); gc.collect()",
        ("memory", "process"),
    ),
    "with block": ("with log: work(log, 0, 300)", ("memory", "process", "disk")),
    "falls off its end": ("work(log, 0, 300)", ("memory", "process", "disk")),
    "sys.exit": ("work(log, 0, 300); sys.exit(3)", ("memory", "process")),
    "raises": ("work(log, 0, 300); 1 / 0", ("memory", "process")),
    "SIGTERM": ("work(log, 0, 300); os.kill(os.getpid(), 15); time.sleep(9)", ("process", "disk")),
    "SIGINT": ("work(log, 0, 300); os.kill(os.getpid(), 2); time.sleep(9)", ("memory", "process")),
    "SIGKILL": ("work(log, 0, 300); os.kill(os.getpid(), 9)", ("process", "disk")),
    "os._exit": ("work(log, 0, 300); os._exit(0)", ("process", "disk")),
    "parent and child": (
        "work(log, 0, 100)\nif os.fork():\n    work(log, 100, 100); os.wait()\n"
        "else:\n    work(log, 200, 100)",
        ("memory", "process", "disk"),
    ),
    "child that is killed": (
        "work(log, 0, 100)\nif os.fork():\n    work(log, 100, 100); os.wait()\n"
        "else:\n    work(log, 200, 100); os._exit(0)",
        ("process", "disk"),
    ),
    "grandchild": (
        "work(log, 0, 100)\nif os.fork():\n    os.wait()\nelif os.fork():\n"
        "    work(log, 100, 100); os.wait()\nelse:\n    work(log, 200, 100)",
        ("memory", "process"),
    ),
    "multiprocessing": (
        "import multiprocessing\nwork(log, 0, 100)\n"
        "processes = [multiprocessing.get_context('fork').Process(target=work, args=(log, n, 100))"
        " for n in (100, 200)]\n"
        "[p.start() for p in processes]; [p.join() for p in processes]",
        ("memory", "process", "disk"),
    ),
    "threads": (
        "import threading\n"
        "[threading.Thread(target=work, args=(log, n, 100)).start() for n in (0, 100, 200)]",
        ("memory", "process"),
    ),
}


def environment(settings: Settings, level: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(settings.home)]),
        "PYTHONWARNINGS": "ignore",
        "LOGGER_DSN": str(settings.conninfo),
        "LOGGER_HOME": str(settings.home),
        "LOGGER_LEVEL": level,
    }


def require_all_stored(settings: Settings, stored: Callable[[], list[str]]) -> int:
    """Require the 300 in the database, after a replay of what was left; return how many were."""
    before = len(stored())
    with Database(settings) as db:
        replay_spool(db, settings.spool)
    assert sorted(map(int, stored())) == list(range(REQUESTS))
    assert inspect_spool(settings.spool) == []
    return before


@pytest.mark.parametrize(
    ("end", "level"),
    [
        (end, level)
        for end, (_, levels) in ENDS.items()
        for level in (levels if TORTURE else levels[:2])
    ],
)
def test_a_script_loses_nothing(
    home: Settings, stored: Callable[[], list[str]], end: str, level: str
) -> None:
    script = PREAMBLE + "log = PredictionLogger(settings, **options)\n" + ENDS[end][0]
    subprocess.run(
        [sys.executable, "-c", script],
        env=environment(home, level),
        timeout=60,
        stderr=subprocess.DEVNULL,
    )
    before = require_all_stored(home, stored)
    if level == "memory":
        assert before == REQUESTS


INTERRUPTED = """
import atexit
def stop(*_): raise {error}
signal.signal({number}, stop)
atexit.register(lambda: print("ending", flush=True))
work(log, 0, 300)
"""


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGINT, "KeyboardInterrupt"),
        (signal.SIGTERM, "SystemExit(0)"),
        (signal.SIGHUP, "RuntimeError"),
        (signal.SIGALRM, "TimeoutError"),
    ],
)
@pytest.mark.parametrize("level", ["memory", "disk"])
def test_a_signal_whose_handler_raises_during_the_closing_at_exit_loses_nothing(
    home: Settings, stored: Callable[[], list[str]], level: str, number: int, error: str
) -> None:
    ending = INTERRUPTED.format(number=int(number), error=error)
    script = PREAMBLE + "log = PredictionLogger(settings, **options)\n" + ending
    with Database(home) as db, db.transaction() as tx, tx.connection() as connection:
        # The closing would wait for this until its time is up.
        connection.execute("LOCK TABLE prediction_batches IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment(home, level),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ending\n"
            while process.poll() is None:
                process.send_signal(number)
                time.sleep(0.05)
    assert require_all_stored(home, stored) == 0


GUNICORN = """
log = PredictionLogger(settings, **options)
def app(environ, start_response):
    log(features=[1.0, 2.0, 3.0], request_id=environ["PATH_INFO"][1:])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""

UVICORN = """
from contextlib import asynccontextmanager
log = AsyncPredictionLogger(settings, **options)
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if os.environ["LOGGER_CLOSES"] == "yes":
            await log.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await log(features=[1.0, 2.0, 3.0], request_id=scope["path"][1:])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""

# Command, source, closes, what was stored without a replay: at least.
SERVERS = {
    "gunicorn": ("gunicorn -w 2 -b 127.0.0.1:{port} service:app", GUNICORN, REQUESTS),
    "gunicorn --preload": (
        "gunicorn -w 2 --preload -b 127.0.0.1:{port} service:app",
        GUNICORN,
        REQUESTS,
    ),
    "gunicorn threads": (
        "gunicorn -w 1 --threads 4 --preload -b 127.0.0.1:{port} service:app",
        GUNICORN,
        REQUESTS,
    ),
    "uvicorn": ("uvicorn --workers 2 --port {port} service:app", UVICORN, REQUESTS),
    "uvicorn without close": ("uvicorn --workers 2 --port {port} service:app", UVICORN, 0),
}


@pytest.mark.parametrize(
    ("service", "level"),
    [
        (service, level)
        for service in SERVERS
        for level in ("memory", "process")
        if (service, level) != ("uvicorn without close", "memory")
    ],
)
def test_a_service_loses_nothing(
    home: Settings, stored: Callable[[], list[str]], service: str, level: str
) -> None:
    command, source, least = SERVERS[service]
    pytest.importorskip(command.split()[0])
    (home.home / "service.py").write_text(PREAMBLE + source)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    closes = "no" if service.endswith("without close") else "yes"
    process = subprocess.Popen(
        [sys.executable, "-m", *command.format(port=port).split()],
        env={**environment(home, level), "LOGGER_CLOSES": closes},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        for number in range(REQUESTS):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=60) as answer:
                assert answer.read() == b"ok"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    _wait_until_free(home.spool)
    assert require_all_stored(home, stored) >= least


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the service does not answer")


def _wait_until_free(root: Path) -> None:
    """Wait until the last worker is gone: the arbiter may be faster."""
    for _ in range(100):
        if not any(folder.live for folder in inspect_spool(root)):
            return
        time.sleep(0.1)
