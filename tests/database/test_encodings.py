"""Databases and servers that cannot hold every text are refused before anything is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fix_servers import open_folder
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import Database, SchemaError, Settings
from mlops_ledger.admin.create import initialise
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.migrations import Migrator

EVERYTHING = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.fixture(params=["SQL_ASCII", "LATIN1", "EUC_JP"])
def other(server_dsn: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A connection string to a database in another encoding than UTF8."""
    name = f"other_{os.getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name))
        conn.execute(drop)
        conn.execute(
            sql.SQL(
                "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            ).format(sql.Identifier(name), request.param)
        )
        yield make_conninfo(server_dsn, dbname=name)
        conn.execute(drop)


def test_a_database_of_another_encoding_is_refused_with_the_way_out(other: str) -> None:
    settings = Settings(conninfo=other)
    for attempt in (
        lambda: initialise(settings),
        lambda: Migrator(other).up(),
    ):
        with pytest.raises(SchemaError, match=r"needs UTF8: make another with CREATE DATABASE"):
            attempt()
    with psycopg.connect(other) as conn:
        assert conn.execute(EVERYTHING).fetchone() == (0,)
    with pytest.raises(SchemaError), Database(settings):
        pass
    assert Database(settings).health().problem


def test_a_server_whose_locale_cannot_hold_utf8_says_what_helps(
    server: EmbeddedServer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server is None:
        pytest.skip("needs a server of its own")
    with open_folder() as home:
        latin = EmbeddedServer(home)
        monkeypatch.setattr("mlops_ledger.embedded.cluster._LOCALE", "x", raising=False)
        latin.start()
        yield_dsn = latin.conninfo("postgres")
        assert conninfo_to_dict(yield_dsn)
