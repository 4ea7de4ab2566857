"""Processes that begin with the ledger imported: forking one takes a tenth of starting Python."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops_ledger import cli

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [f"{cli.__name__}.{module.name}" for module in pkgutil.iter_modules(cli.__path__)]
)


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


def _begin(
    files: list[Path],
    folder: Path,
    environment: dict[str, str],
    function: Callable[..., object],
    arguments: tuple[Any, ...],
) -> None:
    """Take the place, the environment and the streams of a program, and end as one."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files):
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    try:
        function(*arguments)
    finally:
        atexit._run_exitfuncs()
