"""Two servers of which one follows the other by streaming replication."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from fix_servers import open_folder
from psycopg.conninfo import make_conninfo

from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.embedded.account import Account
from mlops_ledger.embedded.files import make_folder, write_file
from mlops_ledger.embedded.programs import find_binaries, reachable_for
from mlops_ledger.migrations import Migrator

# What the standby calls itself, to be named in synchronous_standby_names.
STANDBY = "standby"


@dataclass(frozen=True)
class Nodes:
    """A primary with a migrated database, and its hot standby."""

    primary: EmbeddedServer
    standby: EmbeddedServer
    dsn: str
    standby_dsn: str

    def set(self, name: str, value: str) -> None:
        """Change a setting of the primary."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")

    def pause(self) -> None:
        """Have the standby replay nothing more until `resume`."""
        self._ask_standby("SELECT pg_wal_replay_pause()")
        while self._ask_standby("SELECT pg_get_wal_replay_pause_state()") != "paused":
            time.sleep(0.01)

    def resume(self) -> None:
        """Have the standby replay again."""
        self._ask_standby("SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Wait until the standby has replayed what the primary has written."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            [(end,)] = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchall()
        while not self._ask_standby(f"SELECT pg_last_wal_replay_lsn() >= '{end}'"):
            time.sleep(0.01)

    def both(self, kind: str) -> str:
        """Return a connection string with both servers, for one of a kind."""
        ports = f"{self.primary.status().port},{self.standby.status().port}"
        hosts = "127.0.0.1,127.0.0.1"
        return make_conninfo(self.dsn, host=hosts, port=ports, target_session_attrs=kind)

    def _ask_standby(self, query: str) -> object:
        with psycopg.connect(self.standby_dsn, autocommit=True) as connection:
            [(found,)] = connection.execute(query).fetchall()
        return found


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """Start a primary and its hot standby, asynchronous at first."""
    with open_folder() as home:
        primary = EmbeddedServer(home / "a")
        primary.start()
        dsn = primary.conninfo("postgres")
        with psycopg.connect(dsn, autocommit=True) as connection:
            # What these tests kill are processes, not the machine.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET wal_receiver_status_interval = '100ms'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE mlops")
        Migrator(primary.conninfo("mlops")).up()
        standby = EmbeddedServer(home / "b")
        _copy(primary, standby, dsn)
        standby.start()
        names = primary.conninfo("mlops"), standby.conninfo("mlops")
        yield Nodes(primary, standby, *names)


def _copy(primary: EmbeddedServer, standby: EmbeddedServer, dsn: str) -> None:
    source, target = primary.status().data, standby.status().data
    account = Account.for_data(source)
    make_folder(target.parent, account)
    password = (source.parent / "password").read_text("utf-8")
    write_file(target.parent / "password", password, account)
    target.mkdir(mode=0o700)
    account.own(target)
    follow = make_conninfo(dsn, dbname="postgres", application_name=STANDBY)
    program = reachable_for(account, find_binaries()) / "pg_basebackup"
    command: list[str | Path] = [program, "-d", follow, "-D", target, "-R", "-c", "fast"]
    done = account.run(command)
    assert done.returncode == 0, done.stderr
    # A port of its own.
    (target / "mlops-ledger.conf").unlink()
    write_file(target / "mlops-ledger.conf", "", account)
