"""Folders and programs that cannot be used are named, and root's own stay closed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from fix_servers import OLDEST_PROGRAMS

from mlops_ledger import Database, ModelVersionRepository, Settings
from mlops_ledger.admin.backup import backup, restore
from mlops_ledger.admin.create import initialise
from mlops_ledger.embedded import EmbeddedServer, find_binaries, programs
from mlops_ledger.errors import EmbeddedServerError
from tools.versions import POSTGRESQL

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are closed to us")


@pytest.fixture
def private(folder: Path) -> Path:
    """Give a folder that only root can enter, as root's home is."""
    path = folder / "private"
    path.mkdir(mode=0o700)
    return path


@as_root
def test_home_below_a_closed_folder_of_root_works_and_stays_closed(private: Path) -> None:
    server = EmbeddedServer(private / "home")
    data = server.start().data
    try:
        assert data.is_relative_to("/var/lib/mlops-ledger")
        assert private.stat().st_mode & 0o777 == 0o700
        assert EmbeddedServer(private / "home").status().running
        # Opened later, it is still the same server.
        private.chmod(0o755)
        assert EmbeddedServer(private / "home").status().data == data
    finally:
        server.stop()
        shutil.rmtree(data.parent)


@as_root
def test_programs_below_a_closed_folder_of_root_work(
    monkeypatch: pytest.MonkeyPatch, private: Path, home: Path
) -> None:
    package = find_binaries(POSTGRESQL[-1]).parent.parent
    for source in (package / "pginstall18", package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, private / source.relative_to(package.parent), symlinks=True)
    hidden = private / package.name / "pginstall18/bin"
    monkeypatch.setenv("MLOPS_PG_BIN", str(hidden))
    server = EmbeddedServer(home)
    with psycopg.connect(server.conninfo("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    copies = Path("/var/lib/mlops-ledger/programs")
    pid = server.status().pid
    running = Path(f"/proc/{pid}/exe").readlink()
    assert running.is_relative_to(copies)
    server.stop()
    shutil.rmtree(copies / running.relative_to(copies).parts[0])


def test_file_in_place_of_the_home_is_named(folder: Path) -> None:
    (folder / "file").touch()
    for home in (folder / "file", folder / "file/below"):
        with pytest.raises(EmbeddedServerError, match=r"file.*set MLOPS_LEDGER_HOME"):
            EmbeddedServer(home).start()


def test_home_that_cannot_be_written_is_named(
    run_as: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o555)
    code = """
import pathlib, sys
from mlops_ledger.embedded import EmbeddedServer
try:
    print(EmbeddedServer(pathlib.Path(sys.argv[1])).start().running)
except Exception as error:
    print(type(error).__name__, error)
"""
    done = run_as(code, str(closed / "home"))
    if done.stdout == "True\n":
        pytest.skip("root can write everywhere")
    assert done.stdout.startswith(
        f"EmbeddedServerError {closed}/home: Permission denied; set MLOPS"
    )


def test_a_home_that_others_could_have_made_is_refused(
    server: EmbeddedServer, home: Path, folder: Path
) -> None:
    """Their server would be told every prediction, and believed."""
    linked = folder / "linked"
    linked.symlink_to(home)
    with pytest.raises(EmbeddedServerError, match="linked is a symbolic link"):
        EmbeddedServer(linked).start()
    for mode in (0o770, 0o702):
        home.chmod(mode)
        with pytest.raises(EmbeddedServerError, match=r"home can be written by others.*chmod go-w"):
            server.start()
    home.chmod(0o711)
    folder.chmod(0o777)
    with pytest.raises(EmbeddedServerError, match=r"home lies in .*everybody can rename it"):
        server.start()
    # As /tmp is.
    folder.chmod(0o1777)
    assert server.start().running


@as_root
def test_a_home_of_another_user_is_refused(server: EmbeddedServer, home: Path) -> None:
    os.chown(home, 12345, -1)
    with pytest.raises(EmbeddedServerError, match=r"home belongs to another user \(uid 12345\)"):
        server.conninfo("postgres")
    os.chown(home, 0, -1)
    assert server.conninfo("postgres")


@pytest.mark.parametrize("mode", [0o602, 0o640])
def test_a_password_file_that_others_use_is_refused(
    server: EmbeddedServer, home: Path, mode: int
) -> None:
    (home / "password").chmod(mode)
    with pytest.raises(EmbeddedServerError, match=r"password can be (written|read) by others"):
        server.start()


def test_a_password_file_that_is_a_link_is_refused(server: EmbeddedServer, home: Path) -> None:
    (home / "password").rename(home / "real")
    (home / "password").symlink_to(home / "real")
    with pytest.raises(EmbeddedServerError, match="password is a symbolic link"):
        server.start()


@as_root
def test_a_password_file_of_another_user_is_refused(server: EmbeddedServer, home: Path) -> None:
    os.chown(home / "password", 12345, -1)
    with pytest.raises(EmbeddedServerError, match="password belongs to another user"):
        server.start()


def test_folder_that_is_not_postgresql_s_is_left_alone(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data/thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedServerError, match="is not a PostgreSQL data folder"):
        EmbeddedServer(home).start()
    assert (home / "data/thesis.txt").read_text() == "mine"


def test_broken_configuration_is_quoted_with_the_log(home: Path) -> None:
    server = EmbeddedServer(home)
    data = server.start().data
    server.stop()
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write("max_connections = many\n")
    with pytest.raises(EmbeddedServerError, match=r"did not start: .*see .*/server\.log"):
        server.start()


@pytest.mark.skipif(not OLDEST_PROGRAMS.exists(), reason=f"no PostgreSQL in {OLDEST_PROGRAMS}")
def test_data_of_another_version_take_their_own_programs_or_none(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    newest = find_binaries(POSTGRESQL[-1])
    server = EmbeddedServer(home)
    monkeypatch.setenv("MLOPS_PG_BIN", str(OLDEST_PROGRAMS))
    server.start()
    server.stop()
    monkeypatch.setenv("MLOPS_PG_BIN", str(newest))
    with pytest.raises(
        EmbeddedServerError,
        match=f"is of PostgreSQL {POSTGRESQL[0]}, and only programs of {POSTGRESQL[-1]}",
    ):
        server.start()
    monkeypatch.delenv("MLOPS_PG_BIN")
    assert str(server.start().version).startswith(f"{POSTGRESQL[0]}.")


@pytest.mark.skipif(not OLDEST_PROGRAMS.exists(), reason=f"no PostgreSQL in {OLDEST_PROGRAMS}")
def test_a_backup_carries_the_data_to_another_version(
    monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    """As docs/how-to/upgrade.md says it."""
    settings = Settings(home=home)
    newest = find_binaries(POSTGRESQL[-1])
    monkeypatch.setenv("MLOPS_PG_BIN", str(OLDEST_PROGRAMS))
    initialise(settings)
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="churn", model_version="1")
    backup(settings, tmp_path / "ledger.backup")
    server = EmbeddedServer(home)
    data = server.status().data
    server.stop()
    data.rename(data.with_name("data-old"))
    monkeypatch.setenv("MLOPS_PG_BIN", str(newest))
    restore(settings, tmp_path / "ledger.backup")
    with Database(settings) as db:
        assert ModelVersionRepository(db).get(model_name="churn", model_version="1") is not None
        assert str(server.status().version).startswith(f"{POSTGRESQL[-1]}.")


def test_missing_programs_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(programs, "DEBIAN", Path("/nonexistent"))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EmbeddedServerError, match=r"pip install 'mlops-ledger\[embedded\]'"):
        find_binaries()


def test_wrong_program_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_PG_BIN", "/usr/bin")
    with pytest.raises(EmbeddedServerError, match="MLOPS_PG_BIN must be the folder"):
        find_binaries()


def test_a_home_whose_name_is_not_utf8_is_a_home(folder: Path) -> None:
    home = Path(os.fsdecode(bytes(folder) + b"/\xe9"))
    server = EmbeddedServer(home)
    server.start()
    try:
        with psycopg.connect(server.conninfo("postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert EmbeddedServer(home).status().running
    finally:
        server.stop()
