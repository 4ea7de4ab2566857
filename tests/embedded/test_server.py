"""The embedded server starts anywhere, survives what happens to servers, and is one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_faults import frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger.connection.config import Settings
from mlops_ledger.embedded import EmbeddedServer, find_binaries, resolve_conninfo
from mlops_ledger.embedded import server as server_module
from mlops_ledger.embedded.account import Account
from mlops_ledger.errors import EmbeddedServerError

START = """
import pathlib, sys
from mlops_ledger.embedded import EmbeddedServer
status = EmbeddedServer(pathlib.Path(sys.argv[1])).start()
print(status.pid, status.port)
"""


def ask(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchone()[0] if cursor.description else None


@contextmanager
def sleeping_process_of(owner: int) -> Iterator[int]:
    identity = {"user": owner} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], **identity) as process:
        yield process.pid
        assert process.poll() is None, "it was killed by us"
        process.kill()


def test_first_start_runs_each_program_once(
    programs: int, new_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []
    run = Account.run

    def counted(account: Account, command: list[str | Path], **options: Any) -> Any:
        commands.append(Path(command[0]).name)
        return run(account, command, **options)

    monkeypatch.setattr(Account, "run", counted)
    status = new_server.start()
    assert [name for name in commands if name != "test"] == ["initdb", "pg_ctl"]
    assert status.running
    assert status.version is not None
    assert status.version.startswith(f"{programs}.")


def test_new_server_is_set_up_safely(programs: int, new_server: EmbeddedServer) -> None:
    expected = {
        "data_checksums": "on",
        "fsync": "on",
        "listen_addresses": "127.0.0.1",
        "server_encoding": "UTF8",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "unix_socket_directories": "",
    }
    assert {name: ask(new_server, f"SHOW {name}") for name in expected} == expected
    assert ask(new_server, "SELECT upper('é')") == "É"
    letters = "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{ä,b,B}'::text[]) x"
    assert ask(new_server, letters) == "Bbä"


def test_start_of_a_running_server_changes_nothing(server: EmbeddedServer) -> None:
    assert server.start() == server.start() == server.status()


def test_stop_says_whether_a_server_ran(server: EmbeddedServer) -> None:
    assert not server.stop()
    server.start()
    assert server.stop()
    assert not server.status().running
    assert not server.stop()


def test_status_of_nothing_makes_nothing(new_server: EmbeddedServer, home: Path) -> None:
    assert not new_server.status().running
    assert not home.exists()


def test_restart_keeps_data_and_address(server: EmbeddedServer) -> None:
    before = server.conninfo("postgres")
    ask(server, "CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    assert server.conninfo("postgres") == before
    assert ask(server, "SELECT number FROM kept") == 7


def test_racing_starters_agree_on_one_server(home: Path) -> None:
    command = [sys.executable, "-c", START, str(home)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, umask=0o077) for _ in range(8)]
    answers = {starter.communicate(timeout=60)[0] for starter in starters}
    assert {starter.returncode for starter in starters} == {0}
    assert len(answers) == 1


def test_racing_threads_agree_on_one_server(home: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: EmbeddedServer(home).start(), range(4)))
    assert len(set(found)) == 1


def test_killed_server_starts_again_with_everything_committed(
    programs: int, new_server: EmbeddedServer
) -> None:
    server = new_server
    ask(server, "CREATE TABLE kept AS SELECT 7 AS number")
    pid = server.start().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert ask(server, "SELECT number FROM kept") == 7
    assert server.status().pid != pid


def test_killed_server_starts_again_although_a_session_was_busy(server: EmbeddedServer) -> None:
    busy = psycopg.connect(server.conninfo("postgres"), autocommit=True)
    loop = b"DO 'BEGIN FOR i IN 1..30000000 LOOP END LOOP; END'"
    busy.pgconn.send_query(loop)
    pid = server.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert ask(server, "SELECT 1") == 1
    busy.close()


@pytest.mark.parametrize("content", ["{sleeping}\n{rest}", "999999\n{rest}", "17", "", "\0x\n\n"])
def test_stale_process_file_is_seen_through(server: EmbeddedServer, content: str) -> None:
    server.start()
    file = server.status().data / "postmaster.pid"
    rest = file.read_text().partition("\n")[2]
    server.stop()
    owner = file.parent.stat().st_uid
    with sleeping_process_of(owner) as sleeping:
        file.write_text(content.format(sleeping=sleeping, rest=rest))
        os.chown(file, owner, -1)
        assert not server.status().running
        assert not server.stop()
        assert ask(server, "SELECT 1") == 1
        assert server.stop()


def test_taken_port_is_left_to_the_other_program(server: EmbeddedServer) -> None:
    port = server.start().port
    assert port
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        assert ask(server, "SELECT 1") == 1
        moved = server.status().port
        assert moved != port
        server.stop()
    assert server.start().port == moved


def test_copy_of_a_folder_is_a_server_of_its_own(server: EmbeddedServer, home: Path) -> None:
    server.start()
    server.stop()
    other = home.with_name("copy")
    subprocess.run(["cp", "-a", home, other], check=True)
    ask(server, "CREATE TABLE only_in_original ()")
    shutil.copy2(home / "data/postmaster.pid", other / "data/postmaster.pid")
    copy = EmbeddedServer(other)
    assert not copy.status().running
    assert not copy.stop()
    assert ask(copy, "SELECT to_regclass('only_in_original') IS NULL")
    assert server.status().running


def test_half_made_data_folder_is_made_again(new_server: EmbeddedServer, home: Path) -> None:
    (home / "data.part/base").mkdir(parents=True)
    (home / "data.part/PG_VERSION").write_text("18\n")
    home.chmod(0o711)
    assert ask(new_server, "SELECT 1") == 1
    assert not (home / "data.part").exists()


def test_start_succeeds_after_a_starter_was_killed_anywhere(folder: Path) -> None:
    for number, delay in enumerate((0.25, 0.4, 0.6)):
        home = folder / str(number)
        starter = subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=-3)
        time.sleep(delay)
        starter.kill()
        starter.wait()
        assert ask(EmbeddedServer(home), "SELECT 1") == 1


@pytest.mark.parametrize("name", ["a space", 'it\'s "quoted" & $HOME `id` \\', "Größe 日本"])
def test_home_may_have_any_name(folder: Path, name: str) -> None:
    server = EmbeddedServer(folder / name)
    assert ask(server, "SELECT 1") == 1
    assert server.stop()
    assert sorted(path.name for path in folder.iterdir()) == [name]


def test_environment_does_not_disturb(
    monkeypatch: pytest.MonkeyPatch, new_server: EmbeddedServer
) -> None:
    server = new_server
    foreign = {
        "PGPORT": "1",
        "PGHOST": "nowhere.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGDATA": "/nonexistent",
        "PGUSER": "someone",
        "PGPASSWORD": "wrong",
        "PGDATABASE": "missing",
        "PGSSLMODE": "verify-full",
        "PGCHANNELBINDING": "require",
        "PGGSSENCMODE": "require",
        "TZ": "Asia/Tokyo",
        "LANG": "xx_XX.UTF-8",
        "LC_ALL": "xx_XX",
        "LC_MESSAGES": "de_DE.UTF-8",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    assert ask(server, "SELECT current_setting('log_timezone')") == "UTC"
    assert server.stop()


def test_a_variable_that_no_string_overrules_is_named(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    for name in ("PGTZ", "PGDATESTYLE", "PGGEQO"):
        monkeypatch.setenv(name, "nowhere")
        with pytest.raises(EmbeddedServerError, match="PGTZ, PGDATESTYLE or PGGEQO"):
            server.start()
        monkeypatch.delenv(name)


def test_server_refuses_who_has_no_password(server: EmbeddedServer) -> None:
    conninfo = conninfo_to_dict(server.conninfo("postgres"))
    for password in ("wrong", None):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(
                make_conninfo(**{**conninfo, "password": password}, passfile="/dev/null")
            )


def test_password_is_in_a_private_file_and_no_process_list(
    monkeypatch: pytest.MonkeyPatch, folder: Path, home: Path
) -> None:
    """Programs that note their arguments and environment stand before the real ones."""
    real, spies, notes = find_binaries(), folder / "spies", folder / "notes"
    spies.mkdir()
    notes.touch()
    notes.chmod(0o666)
    for name in ("postgres", "initdb", "pg_ctl"):
        noting = f'{{ echo "$0 $@"; test "$1" = --version || env; }} >> {notes}'
        (spies / name).write_text(f'#!/bin/sh\n{noting}\nexec {real / name} "$@"\n')
        (spies / name).chmod(0o755)
    monkeypatch.setenv("MLOPS_PG_BIN", str(spies))
    monkeypatch.setenv("SOME_TOKEN", "S3cret")
    conninfo = EmbeddedServer(home).conninfo("postgres")
    password = str(conninfo_to_dict(conninfo)["password"])
    assert len(password) >= 32
    assert "--pwfile" in notes.read_text()
    assert "pg_ctl start" in notes.read_text()
    assert password not in notes.read_text()
    assert "S3cret" not in notes.read_text()
    files = [p for p in home.rglob("*") if p.is_file() and password.encode() in p.read_bytes()]
    assert [file.name for file in files] == ["password"]
    assert files[0].stat().st_mode & 0o077 == 0


def test_log_holds_no_statement_and_no_row(server: EmbeddedServer) -> None:
    ask(server, "CREATE TABLE people (name text CHECK (name <> 'Pl4nted'))")
    with pytest.raises(psycopg.errors.CheckViolation):
        ask(server, "INSERT INTO people VALUES ('Pl4nted')")
    log = server.status().log.read_text()
    assert "people_name_check" in log
    assert "Pl4nted" not in log


def test_server_outlives_its_starter_and_a_terminal_s_interrupt(home: Path) -> None:
    code = START + "sys.stdout.flush(); import time; time.sleep(60)"
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert starter.stdout
    pid = int(starter.stdout.readline().split()[0])
    os.killpg(starter.pid, signal.SIGINT)
    starter.communicate()
    assert EmbeddedServer(home).status().pid == pid


def test_server_started_by_hand_is_used_and_stopped(server: EmbeddedServer) -> None:
    data = server.start().data
    server.stop()
    owner = data.stat().st_uid
    identity = {"user": owner, "extra_groups": []} if os.geteuid() == 0 else {}
    programs = find_binaries(int((data / "PG_VERSION").read_text()))
    by_hand = [programs / "pg_ctl", "start", "-w", "-D", data, "-l", data / "hand.log"]
    subprocess.run(by_hand, check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)
    pid = server.status().pid
    assert ask(server, "SELECT 1") == 1
    assert server.status().pid == pid
    assert server.stop()
    assert not server.status().running


def test_changed_password_is_named_instead_of_a_second_server(server: EmbeddedServer) -> None:
    ask(server, "ALTER ROLE mlops PASSWORD 'Pl4nted'")
    with pytest.raises(EmbeddedServerError, match=r"password in .*/password was changed"):
        server.start()
    assert server.stop()


def test_a_frozen_server_is_given_up_and_holds_up_no_other_thread(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PATIENCE_IF_SILENT", 1)
    server.start()
    with frozen(server), ThreadPoolExecutor() as pool:
        starting = pool.submit(server.start)
        longest, before = 0.0, time.monotonic()
        while not starting.done():
            time.sleep(0.01)
            longest, before = max(longest, time.monotonic() - before), time.monotonic()
        with pytest.raises(EmbeddedServerError, match="does not answer"):
            starting.result()
    assert longest < server_module._CONNECT_TIMEOUT - 1
    assert server.start().running


def test_configured_database_needs_no_server(home: Path) -> None:
    settings = Settings(conninfo="host=db.example dbname=mlops", home=home)
    found = conninfo_to_dict(resolve_conninfo(settings))
    assert found == {"host": "db.example", "dbname": "mlops"}
    assert not home.exists()


def test_without_configuration_the_embedded_server_is_meant(home: Path) -> None:
    parts = conninfo_to_dict(resolve_conninfo(Settings(home=home, database="flights")))
    assert (parts["host"], parts["dbname"]) == ("127.0.0.1", "flights")
    assert EmbeddedServer(home).status().running


def test_life_of_a_server_under_any_user(run_as: Callable[..., object], home: Path) -> None:
    life = """
import os, pathlib, signal, sys, psycopg
from mlops_ledger.embedded import EmbeddedServer
os.umask(0o077)
server = EmbeddedServer(pathlib.Path(sys.argv[1]))
first = server.start().pid
assert not server.status().data.stat().st_mode & 0o077
with psycopg.connect(server.conninfo("postgres")) as connection:
    connection.execute("CREATE TABLE kept ()")
os.kill(first, signal.SIGKILL)
with psycopg.connect(server.conninfo("postgres")) as connection:
    connection.execute("SELECT FROM kept")
assert server.stop() and not server.stop() and server.start().running
print(server.stop())
"""
    done = run_as(life, str(home))
    assert (done.stdout, done.stderr) == ("True\n", "")
