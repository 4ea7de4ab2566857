"""Processes that begin with the ledger imported: forking one takes a tenth of starting Python."""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import pkgutil
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops_ledger import cli
from mlops_ledger.__main__ import run as run_main

_FORKS = multiprocessing.get_context("forkserver")
# The commands, and what they import only when they run.
_IMPORTED = [
    *(f"{cli.__name__}.{module.name}" for module in pkgutil.iter_modules(cli.__path__)),
    "dotenv",
    "mlops_ledger.embedded",
    "mlops_ledger.health",
    "mlops_ledger.migrations",
    "mlops_ledger.monitoring",
    "mlops_ledger.repositories",
    "numpy",
    "psycopg_pool",
    "rich.table",
    "zoneinfo",
]
_FORKS.set_forkserver_preload(_IMPORTED)
# A program that has its arguments, streams and surroundings used by another process.
_PROGRAM = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    request = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(4)], [0, 1, 2])
    server.sendall(request)
    sys.exit(int(server.recv(8) or b"1"))
"""


def preload(module: str) -> None:
    """Have processes begin with one more module imported, unless one has begun already."""
    _FORKS.set_forkserver_preload([*_IMPORTED, module])


def run(
    function: Callable[..., object],
    *arguments: Any,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: str = "",
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Call a function in a process of its own and return what it printed, as `subprocess.run` does.

    Raises subprocess.TimeoutExpired.
    """
    with TemporaryDirectory() as place:
        files = [Path(place) / name for name in ("stdin", "stdout", "stderr")]
        files[0].write_text(given, encoding="utf-8")
        surroundings = (files, folder or Path.cwd(), dict(environment or os.environ))
        process = _FORKS.Process(target=_begin, args=(*surroundings, function, arguments))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([str(function), *arguments], timeout or 0)
        printed = [file.read_text(encoding="utf-8") for file in files[1:]]
        return subprocess.CompletedProcess(arguments, process.exitcode, *printed)


def run_command(arguments: list[str]) -> None:
    """Run a command of the ledger as `mlops-ledger` does, in the place of this process."""
    sys.argv = ["mlops-ledger", *arguments]
    run_main()


@contextmanager
def program(name: str, function: Callable[[list[str]], object]) -> Iterator[Path]:
    """Give a folder with a program of that name, whose every run is a call with its arguments."""
    with TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as listener:
        folder, address = Path(place), str(Path(place, "socket"))
        listener.bind(address)
        listener.listen()
        (folder / "program.py").write_text(_PROGRAM, encoding="utf-8")
        command = shlex.join([sys.executable, "-IS", str(folder / "program.py"), address])
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
        threading.Thread(target=_serve, args=(listener, function)).start()
        try:
            yield folder
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, function: Callable[[list[str]], object]) -> None:
    """Start a process for each run of the program, until nobody listens any more."""
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_stand_in, args=(client, function)).start()


def _stand_in(client: socket.socket, function: Callable[[list[str]], object]) -> None:
    """Run a program's process to its end; it is terminated with the program."""
    with client:
        size, streams, _, _ = socket.recv_fds(client, 4, 3)
        with client.makefile("rb") as stream:
            arguments, folder, environment = json.loads(stream.read(int.from_bytes(size)))
        surroundings = ([DupFd(number) for number in streams], folder, environment)
        process = _FORKS.Process(target=_begin, args=(*surroundings, function, (arguments,)))
        process.start()
        for number in streams:
            os.close(number)
        if process.sentinel not in wait([process.sentinel, client]):
            process.terminate()
        process.join()
        with suppress(BrokenPipeError):
            client.sendall(b"%d" % (process.exitcode or 0))


def _begin(
    streams: list[Any],
    folder: Path | str,
    environment: dict[str, str],
    function: Callable[..., object],
    arguments: tuple[Any, ...],
) -> None:
    """Take the place, the environment and the streams of a program, and end as one."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        if isinstance(stream, Path):
            opened = os.open(stream, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        else:
            opened = stream.detach()
        os.dup2(opened, number)
        os.close(opened)
    # Those that were opened before may take a pipe for a file.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering, encoding="utf-8", closefd=False)
        for number, (mode, buffering) in enumerate((("r", -1), ("w", -1), ("w", 1)))
    )
    try:
        function(*arguments)
    finally:
        atexit._run_exitfuncs()
