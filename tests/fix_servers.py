"""Folders for the servers that tests start."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from mlops_ledger.embedded import EmbeddedServer
from tools.versions import POSTGRESQL

# Where Debian puts the oldest supported server.
OLDEST_PROGRAMS = Path(f"/usr/lib/postgresql/{POSTGRESQL[0]}/bin")
_MEMORY = "/dev/shm"


def _in_memory() -> bool:
    """Whether servers and programs can be kept in memory, which is several times quicker."""
    if not os.access(_MEMORY, os.W_OK):
        return False
    found = os.statvfs(_MEMORY)
    return found.f_bavail * found.f_frsize > 2**30 and not found.f_flag & os.ST_NOEXEC


if _in_memory():
    # Whatever is synced is several times quicker there; the programs that tests start inherit it.
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY


@contextmanager
def open_folder(keep: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Make a folder that every user can enter, which pytest's own are not; stop its servers.

    `keep` is asked at the end whether folder and servers stay.
    """
    path = Path(tempfile.mkdtemp(prefix="mlops-ledger-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        if not keep():
            for lock in path.glob("**/lock"):
                EmbeddedServer(lock.parent).stop()
            shutil.rmtree(path)


def make_quick(server: EmbeddedServer) -> None:
    """Have a running server spare what no test asks for, now and whenever it is started again."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        # Sessions of the ledger have JIT off, but not those of psql, as which tests look.
        settings = ("fsync", "synchronous_commit", "full_page_writes", "jit", "autovacuum")
        for setting in settings:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        if sys.platform == "linux" and connection.info.server_version >= 180000:
            # The kernel copies the files of a new database, not the server.
            connection.execute("ALTER SYSTEM SET file_copy_method = clone")
        _hash_passwords_once(connection)
        connection.execute("SELECT pg_reload_conf()")


def pack(dsn: str) -> None:
    """Rewrite the catalogs of a database, so that to copy and drop it takes a third less CPU.

    Neither the gaps that migrating has left are copied then, nor files about free space.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        catalogs = connection.execute(
            "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class"
            " WHERE relkind = 'r' AND NOT relisshared"
            " AND relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        ).fetchall()
        connection.execute(sql.SQL("VACUUM (FULL) {}").format(sql.SQL(catalogs[0][0])))
    # The first session after that writes a file that makes the next ones quick, in each copy too.
    psycopg.connect(dsn).close()


def _hash_passwords_once(connection: psycopg.Connection) -> None:
    """Spare every connection 4096 rounds of hashing, a quarter of the CPU of a small test.

    A server takes a password that is hashed already, with as few rounds as it says (RFC 5803).
    """
    if connection.info.server_version >= 160000:
        # For the roles that tests make.
        connection.execute("ALTER SYSTEM SET scram_iterations = 1")
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", connection.info.password.encode(), salt, 1)
    client, server = (
        hmac.digest(salted, b"%s Key" % of, "sha256") for of in (b"Client", b"Server")
    )
    stored = hashlib.sha256(client).digest()
    parts = (b64encode(part).decode() for part in (salt, stored, server))
    connection.execute(
        sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(
            "SCRAM-SHA-256$1:{}${}:{}".format(*parts)
        )
    )
