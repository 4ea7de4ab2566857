"""Finds pg_dump and pg_restore of the server's version, and runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from ...connection.bounded import watched
from ...connection.config import Settings
from ...connection.conninfo import describe
from ...connection.session import child_environment
from ...embedded.programs import debian_folders, wheel_folders
from ...errors import BackupError, Unavailable

Program = Literal["pg_dump", "pg_restore"]
# Called with the table that is worked on, as `schema.table`.
OnTable = Callable[[str], object]

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_TABLE: Final = re.compile(
    r'pg_\w+: (?:dumping contents of|processing data for) table "(.+)"', re.DOTALL
)


def find_program(name: Program, server: int, settings: Settings) -> tuple[Path, int]:
    """Return the program for a server of a major version, and its own major version.

    That of the same version is preferred, then the next newer one; an older one cannot know what
    the server has. Raises BackupError when there is none.
    """
    found = {major: path for path, major in reversed(list(_programs(name, settings)))}
    fitting = [major for major in sorted(found) if major >= server]
    if fitting:
        return found[fitting[0]], fitting[0]
    there = f"found only version {max(found)}" if found else "found none"
    raise BackupError(
        f"the server is PostgreSQL {server}, which needs its own {name} or a newer one, and "
        f"{there}: install postgresql-client-{server}, "
        f"or set MLOPS_PG_BIN to the folder that holds it"
    )


def run(command: list[str | Path], conninfo: str, on_table: OnTable) -> None:
    """Run one of the programs on a database; raises BackupError with its own words if it fails.

    The connection goes into the environment: every user can read the arguments of a process.
    Raises Unavailable when the server answers nobody any more: they would wait for ever.
    """
    environment = {**child_environment(conninfo), b"LC_ALL": b"C"}
    complaint = ""
    with subprocess.Popen(
        [*command, "--verbose", "--no-password"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stderr is not None
        try:
            # Killed, because at any other signal they ask the server to cancel, and wait.
            with watched(conninfo, process.kill) as silent:
                for line in process.stderr:
                    if match := _TABLE.match(line):
                        on_table(match[1])
                    # Only the first line of an error: the next may quote a row.
                    elif ": error: " in line and not complaint:
                        complaint = line.partition(": error: ")[2].strip()
        except BaseException:
            process.terminate()
            raise
    name = Path(command[0]).name
    if silent.is_set():
        raise Unavailable(
            f"{describe(conninfo)} no longer answers, so {name} was ended: "
            "run this again once it does"
        )
    if process.returncode != 0:
        reason = complaint or f"it ended with {process.returncode}"
        raise BackupError(f"{name} failed: {reason}")


def _programs(name: Program, settings: Settings) -> Iterator[tuple[Path, int]]:
    on_path = shutil.which(name)
    own = [Path(on_path).parent] if on_path else []
    if settings.pg_bin is not None:
        folders = [settings.pg_bin.expanduser().absolute()]
    elif settings.embedded:
        folders = [*wheel_folders(), *debian_folders(), *own]
    else:
        # Those of the [embedded] extra cannot encrypt, which servers elsewhere may demand.
        folders = [*debian_folders(), *own, *wheel_folders()]
    for path in (folder / name for folder in folders):
        if os.access(path, os.X_OK):
            done = subprocess.run([path, "--version"], capture_output=True, text=True)
            if match := _VERSION.search(done.stdout):
                yield path, int(match[1])
