"""Databases and servers that cannot hold every text are refused before anything is made."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from fix_servers import open_folder
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, ModelVersionRepository, SchemaError, Settings
from mlops_ledger.admin.create import initialise
from mlops_ledger.embedded import EmbeddedServer, cluster
from mlops_ledger.embedded.account import Account
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
                "CREATE DATABASE {} ENCODING {} LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
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


@pytest.fixture
def latin(monkeypatch: pytest.MonkeyPatch, server: EmbeddedServer | None) -> Iterator[str]:
    """A connection string to a server whose locale is one of ISO 8859-1."""
    if server is None or shutil.which("localedef") is None:
        pytest.skip("needs a server of its own and localedef")
    with open_folder() as home:
        locale = "en_US.ISO-8859-1"
        made = subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1", home / locale])
        if made.returncode != 0:
            pytest.skip("the sources of locales are not installed")
        run, options = Account.run, cluster._options

        def with_locale(self: Account, command: Sequence[str], **given: Any) -> Any:
            return run(self, ["env", f"LOCPATH={home}", *command], **given)

        def for_latin(*given: Any) -> list[str]:
            kept = [
                option for option in options(*given) if option.startswith(("--u", "--pw", "--au"))
            ]
            return [*kept, f"--locale={locale}"]

        monkeypatch.setattr(Account, "run", with_locale)
        monkeypatch.setattr(cluster, "_options", for_latin)
        own = EmbeddedServer(home / "latin")
        own.start()
        yield own.conninfo("new")


def test_a_server_whose_locale_cannot_hold_utf8_says_what_helps(latin: str) -> None:
    settings = Settings(conninfo=latin)
    with pytest.raises(SchemaError, match=r"locale cannot hold UTF8.* CREATE DATABASE") as caught:
        initialise(settings)
    _, _, statement = str(caught.value).partition("make the database by ")
    with psycopg.connect(make_conninfo(latin, dbname="postgres"), autocommit=True) as conn:
        assert conn.execute("SHOW server_encoding").fetchone() == ("LATIN1",)
        conn.execute(statement.encode())
    made = initialise(settings)
    assert (made.created, len(made.applied) > 20) == (False, True)
    with Database(settings) as db:
        models = ModelVersionRepository(db)
        models.insert(model_name="漢字 é")
        assert [row.model_name for row in models.list_versions()] == ["漢字 é"]
