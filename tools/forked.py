"""Processes that begin with the ledger imported: forking one takes a tenth of starting Python."""

from __future__ import annotations

import atexit
import os
import pkgutil
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlops_ledger
from mlops_ledger.__main__ import run as run_main
from tools import fork_client, fork_server

# The commands, and what they import only when they run.
_PACKAGES = ("_sync", "admin", "audit", "cli", "logger", "rows")
_IMPORTED = [
    *(
        module.name
        for package in _PACKAGES
        for module in pkgutil.walk_packages(
            [str(Path(mlops_ledger.__path__[0], package))], f"mlops_ledger.{package}."
        )
    ),
    "dotenv",
    "mlops_ledger.database",
    "mlops_ledger.embedded",
    "mlops_ledger.event_stream",
    "mlops_ledger.health",
    "mlops_ledger.migrations",
    "mlops_ledger.monitoring",
    "mlops_ledger.repositories",
    "numpy",
    "psycopg_pool",
    "rich.progress",
    "rich.table",
    "tools.run_page",
    "zoneinfo",
]


def run(
    function: Callable[..., object],
    *arguments: Any,
    imported: Sequence[str] = (),
    folder: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    given: str = "",
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Call a function in a process of its own and return what it printed, as `subprocess.run` does.

    Its arguments are what can be marshalled. `imported` are modules that this process and all later
    ones begin with. Raises TimeoutError.
    """
    place = str(folder or Path.cwd()), dict(environment)
    request = fork_server.Request(_name(function), arguments, *place, imported)
    with TemporaryDirectory() as scratch, ExitStack() as stack:
        files = [Path(scratch) / name for name in ("stdin", "stdout", "stderr")]
        files[0].write_text(given, encoding="utf-8")
        # Appended, as the process may have two for one.
        streams = [
            stack.enter_context(file.open(mode)) for file, mode in zip(files, "raa", strict=True)
        ]
        numbers = [stream.fileno() for stream in streams]
        code = fork_client.call(_address(), tuple(request), numbers, timeout)
        printed = [file.read_text(encoding="utf-8") for file in files[1:]]
        return subprocess.CompletedProcess(arguments, code, *printed)


def run_command(arguments: list[str]) -> None:
    """Run a command of the ledger as `mlops-ledger` does, in the place of this process."""
    sys.argv = ["mlops-ledger", *arguments]
    run_main()


@contextmanager
def program(
    name: str, function: Callable[[list[str]], object], imported: Sequence[str] = ()
) -> Iterator[Path]:
    """Give a folder with a program of that name, whose every run is a call with its arguments."""
    with TemporaryDirectory() as folder:
        fixed = [_address(), _name(function), " ".join(imported)]
        command = shlex.join([sys.executable, "-IS", fork_client.__file__, *fixed])
        file = Path(folder, name)
        file.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        file.chmod(0o755)
        yield Path(folder)


def _name(function: Callable[..., object]) -> str:
    module = function.__module__
    if module == "__main__" and (spec := sys.modules[module].__spec__):
        # What is run by `python -m` has another name for whoever imports it.
        module = spec.name
    return f"{module}:{function.__qualname__}"


def _address() -> str:
    """Where the server listens whose fork this process is, or that it starts."""
    return fork_server.address or _start()


@cache
def _start() -> str:
    """Start a server that ends with this process, and return where it listens."""
    place = TemporaryDirectory()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(place.name, "socket")))
        listener.listen()
        source = (
            f"import sys; sys.path[:] = {sys.path!r}; from tools.fork_server import serve; "
            f"serve({listener.fileno()}, {_IMPORTED!r})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", source], stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        )
        atexit.register(process.communicate)
        atexit.register(place.cleanup)
        return str(listener.getsockname())
