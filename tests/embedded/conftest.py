"""Homes for embedded servers, and the users and programs to run them with."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from fix_servers import OLDEST_PROGRAMS, open_folder

from mlops_ledger.embedded import EmbeddedServer, find_binaries
from tools.versions import POSTGRESQL

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what configures a database, so that the embedded one is meant."""
    for name in os.environ:
        if name.startswith(("PG", "POSTGRES_", "MLOPS_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / "home"


@pytest.fixture(scope="session")
def made_home() -> Iterator[Path]:
    """Make a server once and stop it, to be copied: that is quicker than making many."""
    with open_folder() as folder:
        server = EmbeddedServer(folder / "home")
        server.start()
        server.stop()
        yield folder / "home"


@pytest.fixture
def server(made_home: Path, home: Path) -> EmbeddedServer:
    """Give a server that was made before and does not run."""
    subprocess.run(["cp", "-a", made_home, home], check=True)
    return EmbeddedServer(home)


@pytest.fixture
def new_server(home: Path) -> EmbeddedServer:
    """Give a server that was never started."""
    return EmbeddedServer(home)


@pytest.fixture(params=[POSTGRESQL[-1], POSTGRESQL[0]])
def programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Use the newest PostgreSQL there is, then Debian's oldest."""
    if request.param == POSTGRESQL[0]:
        if not OLDEST_PROGRAMS.exists():
            pytest.skip(f"no PostgreSQL in {OLDEST_PROGRAMS}")
        monkeypatch.setenv("MLOPS_PG_BIN", str(OLDEST_PROGRAMS))
    else:
        monkeypatch.setenv("MLOPS_PG_BIN", str(find_binaries(request.param)))
    return request.param


@pytest.fixture(params=["this user", "nobody"])
def run_as(request: pytest.FixtureRequest, folder: Path) -> Run:
    """Run Python code in a process of its own, as this user and as one without rights."""
    if request.param == "this user":
        return run_python
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    # A virtual environment made by root may point to a Python in root's home.
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, system):
        with suppress(OSError):
            run = partial(run_python, python=python, **identity)
            if run("import mlops_ledger, psycopg").returncode == 0:
                return run
    pytest.skip("nobody can run neither this Python nor the system's")


@pytest.fixture
def python() -> Run:
    return run_python


def run_python(
    code: str,
    *arguments: str,
    python: str = sys.executable,
    env: dict[str, str] | None = None,
    **identity: object,
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process of its own."""
    return subprocess.run(
        [python, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})},
        **identity,
    )
