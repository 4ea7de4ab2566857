"""Backup and restore: identical or refused, and never half of it."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from fix_db import DISTRIBUTED
from fix_roles import KINDS, drop_roles
from fix_servers import OLDEST_PROGRAMS
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    Settings,
)
from mlops_ledger.admin.backup import backup, read_manifest, restore
from mlops_ledger.admin.backup.manifest import seal
from mlops_ledger.admin.backup.programs import find_program, run
from mlops_ledger.admin.roles import Roles
from mlops_ledger.admin.verify import verify
from mlops_ledger.cli import main
from mlops_ledger.connection.session import child_environment
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.errors import BackupError, ConfigError, SchemaError
from tools.versions import POSTGRESQL

# Different each time it is asked for, or about the file and not the database.
VOLATILE = ("\\restrict", "\\unrestrict", "-- Dumped ", "-- Started", "-- Completed")


@pytest.fixture
def new_name(server_dsn: str) -> Iterator[str]:
    """The name of a database that is not there yet."""
    name = f"test_{uuid4().hex}"
    yield name
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)


@pytest.fixture
def prefix(filled: str) -> Iterator[str]:
    """How the names of the roles begin that the ledger is shared with."""
    prefix = f"t{uuid4().hex}_"
    with Database(filled) as db:
        Roles(db).create(prefix=prefix)
    yield prefix
    with psycopg.connect(filled, autocommit=True) as connection:
        drop_roles(connection, *(prefix + kind for kind in KINDS))


@pytest.fixture
def empty_cluster() -> Iterator[EmbeddedServer]:
    """Another server of the same version, with nothing in it."""
    home = Path(tempfile.mkdtemp(prefix="mlops-ledger-restore-"))
    home.chmod(0o755)
    other = EmbeddedServer(home)
    other.start()
    yield other
    other.stop()
    shutil.rmtree(home)


def dump(conninfo: str) -> str:
    """Everything in a database as text."""
    with psycopg.connect(conninfo) as connection:
        major = connection.info.server_version // 10000
    program, _ = find_program("pg_dump", major, Settings.from_environment())
    # On a cluster it names Citus, which a server for a restored ledger need not have.
    leave_out = ["--exclude-extension=citus*"] if DISTRIBUTED else []
    done = subprocess.run(
        [program, *leave_out],
        env=child_environment(conninfo),
        capture_output=True,
        check=True,
    )
    # PostgreSQL prints (a AND b) AND c, once it has read it back, as a AND b AND c.
    lines = [re.sub("[()]", "", line) for line in done.stdout.decode().splitlines()]
    # A trigger that a distributed table cannot have is there in the restored one.
    skipped = ("--", "CREATE TRIGGER system_metrics_append_only") if DISTRIBUTED else ()
    lines = [line for line in lines if not line.startswith((*VOLATILE, *skipped))]
    return "\n".join(line for line in lines if line or not DISTRIBUTED)


def objects(conninfo: str) -> list[Any]:
    """What is in a database besides what every one has."""
    with psycopg.connect(conninfo) as connection:
        query = "SELECT relname FROM pg_class WHERE oid >= 16384 ORDER BY relname"
        return connection.execute(query).fetchall()


def exists(server_dsn: str, name: str) -> bool:
    with psycopg.connect(server_dsn) as connection:
        query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)"
        return connection.execute(query, [name]).fetchone() == (True,)


def test_a_restored_ledger_in_an_empty_cluster_is_identical(
    filled: str, prefix: str, tmp_path: Path, empty_cluster: EmbeddedServer
) -> None:
    backup(Settings(conninfo=filled), tmp_path / "file")
    target = empty_cluster.conninfo("ledger")
    done = restore(Settings(conninfo=target), tmp_path / "file")
    assert (done.database, done.rows["predictions"]) == ("ledger", 72)
    assert sorted(done.roles) == sorted(
        prefix + kind for kind in ("owner", "writer", "reader", "approver", "auditor", "agent")
    )
    with Database(target) as db:
        Roles(db).create(prefix=prefix)
    assert dump(target) == dump(filled)
    # What a dump writes otherwise than a migration did would be taken for a change.
    assert [
        c for c in verify(Settings(conninfo=target)) if c.check.startswith("objects") and c.found
    ] == []
    # It goes on where it was: the triggers are there, the sequences go on.
    with Database(target) as db, psycopg.connect(target) as connection:
        ModelVersionRepository(db).promote(model_name="m", model_version="2", slot="eu")
        with pytest.raises(psycopg.Error, match="append-only"):
            connection.execute("DELETE FROM model_deployments")


def test_a_backup_says_what_it_holds(filled: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    backup(Settings(conninfo=filled), saved)
    manifest = read_manifest(saved)
    assert manifest.rows["predictions"] == 72
    assert manifest.rows["ground_truth_waiting"] == 1
    assert (manifest.schema, manifest.roles) == ("public", [])
    assert saved.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_plain_pg_restore_reads_the_file(saved: Path, server_dsn: str) -> None:
    with psycopg.connect(server_dsn) as connection:
        major = connection.info.server_version // 10000
    program, _ = find_program("pg_restore", major, Settings.from_environment())
    done = subprocess.run([program, "--file=-", saved], capture_output=True, check=True)
    assert b"COPY public.model_deployments" in done.stdout


def test_writes_after_the_snapshot_are_not_in_it(
    filled: str,
    tmp_path: Path,
    new_name: str,
    conn: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write_and_run(*given: Any) -> None:
        conn.execute("INSERT INTO model_versions (model_name) VALUES ('late')")
        run(*given)

    # What is counted is what pg_dump sees, although it begins later.
    monkeypatch.setattr("mlops_ledger.admin.backup.dump.run", write_and_run)
    settings = Settings(conninfo=filled)
    manifest = backup(settings, tmp_path / "file")
    assert manifest.rows["model_versions"] == 2
    assert restore(settings, tmp_path / "file", new_name).rows == manifest.rows


def test_a_file_that_is_not_whole_is_refused_before_anything_changes(
    saved: Path, tmp_path: Path, new_name: str, server_dsn: str
) -> None:
    whole = saved.read_bytes()
    damaged = tmp_path / "damaged"
    cuts = [0, 4, 5, len(whole) // 2, len(whole) - 1000, len(whole) - 17, len(whole) - 1]
    broken = [whole[:cut] for cut in cuts]
    for place in (10, len(whole) // 3, len(whole) - 400, len(whole) - 60, len(whole) - 20):
        broken.append(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    broken.append(whole[: len(whole) // 2] + whole[len(whole) // 2 + 1 :])
    for content in broken:
        damaged.write_bytes(content)
        with pytest.raises(BackupError):
            restore(Settings(conninfo=server_dsn), damaged, new_name)
    assert not exists(server_dsn, new_name)


def test_what_is_no_backup_of_a_ledger_is_refused(
    filled: str, tmp_path: Path, empty_database: str
) -> None:
    settings = Settings(conninfo=empty_database)
    with pytest.raises(SchemaError, match="not a ledger"):
        backup(settings, tmp_path / "file")
    (tmp_path / "text").write_text("PGDMP but not really")
    (tmp_path / "table.csv").write_text("a,b\n")
    for name, problem in (
        ("text", "did not make"),
        ("table.csv", "is not a backup"),
        ("missing", "No such file"),
    ):
        with pytest.raises(BackupError, match=problem):
            restore(settings, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "text"]


def test_a_database_that_is_not_empty_is_left_alone(
    saved: Path, filled: str, empty_database: str
) -> None:
    before = dump(filled)
    with pytest.raises(BackupError, match="is not empty"):
        restore(Settings(conninfo=filled), saved)
    assert dump(filled) == before
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE FUNCTION own() RETURNS integer RETURN 1")
    with pytest.raises(BackupError, match="is not empty"):
        restore(Settings(conninfo=empty_database), saved)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema_version": 999}, "newer than this release"),
        ({"server": 99}, "restore it on 99 or later"),
        ({"pg_dump": 99}, "set MLOPS_PG_BIN"),
        ({"relations": 10**9}, "max_locks_per_transaction"),
    ],
)
def test_what_cannot_be_restored_here_is_refused_before_anything_changes(
    saved: Path, change: dict[str, Any], problem: str, new_name: str, server_dsn: str
) -> None:
    facts = dataclasses.asdict(read_manifest(saved))
    with saved.open("r+b") as file:
        file.truncate(facts["dump_bytes"])
    del facts["dump_bytes"]
    seal(saved, {**facts, **change})
    with pytest.raises(BackupError, match=problem):
        restore(Settings(conninfo=server_dsn), saved, new_name)
    assert not exists(server_dsn, new_name)


@pytest.mark.not_distributed("Citus refuses triggers on distributed tables")
def test_a_table_gets_the_trigger_back_that_it_cannot_have_while_it_is_distributed(
    filled: str, tmp_path: Path, new_name: str, conn: psycopg.Connection[Any]
) -> None:
    conn.execute("DROP TRIGGER IF EXISTS system_metrics_append_only ON system_metrics")
    backup(Settings(conninfo=filled), tmp_path / "file")
    restore(Settings(conninfo=filled), tmp_path / "file", new_name)
    with psycopg.connect(make_conninfo(filled, dbname=new_name)) as connection:
        query = "SELECT count(*) FROM pg_trigger WHERE tgname = 'system_metrics_append_only'"
        assert connection.execute(query).fetchone() == (1,)


def test_a_restore_that_fails_leaves_nothing(
    filled: str, tmp_path: Path, empty_database: str, conn: psycopg.Connection[Any]
) -> None:
    # What the dump cannot bring back: the check fails for the row that is there.
    conn.execute("CREATE TABLE own (a text)")
    conn.execute("INSERT INTO own VALUES ('erin@example.com')")
    conn.execute(
        "CREATE FUNCTION fits(a text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN RETURN current_database() = 'elsewhere'; END $$"
    )
    conn.execute("ALTER TABLE own ADD CONSTRAINT own_check CHECK (public.fits(a)) NOT VALID")
    conn.execute("UPDATE pg_constraint SET convalidated = true WHERE conname = 'own_check'")
    backup(Settings(conninfo=filled), tmp_path / "file")
    before = objects(empty_database)
    with pytest.raises(BackupError, match="own_check") as caught:
        restore(Settings(conninfo=empty_database), tmp_path / "file")
    assert "erin" not in str(caught.value)
    assert objects(empty_database) == before


def test_an_audit_log_that_was_changed_before_the_backup_is_found_out(
    filled: str, tmp_path: Path, new_name: str, conn: psycopg.Connection[Any]
) -> None:
    conn.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    conn.execute("DELETE FROM audit_log WHERE seq = 2")
    backup(Settings(conninfo=filled), tmp_path / "file")
    with pytest.raises(BackupError, match="entry 2 of the audit log is missing"):
        restore(Settings(conninfo=filled), tmp_path / "file", new_name)


def test_the_password_is_on_no_command_line(filled: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "pg_dump").write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.1" && exit\n'
        f'echo "$@" > {tmp_path}/arguments; echo "$PGPASSWORD" > {tmp_path}/password\n'
        'echo "pg_dump: error: it rained" >&2; echo "DETAIL: row (secret)" >&2; exit 1\n'
    )
    (programs / "pg_dump").chmod(0o755)
    # A cluster for tests trusts everybody.
    expected = conninfo_to_dict(filled).get("password") or "trusted"
    conninfo = make_conninfo(filled, password=expected)
    with pytest.raises(BackupError, match=r"^pg_dump failed: it rained$"):
        backup(Settings(conninfo=conninfo, pg_bin=programs), tmp_path / "file")
    password = (tmp_path / "password").read_text().strip()
    assert password == expected
    assert password not in (tmp_path / "arguments").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arguments", "bin", "password"]


def test_an_older_pg_dump_is_refused_with_what_to_install(filled: str, tmp_path: Path) -> None:
    with psycopg.connect(filled) as connection:
        major = connection.info.server_version // 10000
    oldest = POSTGRESQL[0]
    if major <= oldest or not OLDEST_PROGRAMS.exists():
        pytest.skip(f"needs a server newer than {oldest}, and the programs of {oldest}")
    install = rf"only version {oldest}: install postgresql-client-{major}"
    with pytest.raises(BackupError, match=install):
        backup(Settings(conninfo=filled, pg_bin=OLDEST_PROGRAMS), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_the_commands(
    filled: str, new_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", filled)
    file = str(tmp_path / "file")
    made = CliRunner().invoke(main, ["backup", file])
    assert (made.exit_code, made.stderr) == (0, "")
    assert "rows of scratch_" in made.stdout
    done = CliRunner().invoke(main, ["restore", file, "--into", new_name, "--json"])
    assert json.loads(done.stdout)["rows"]["predictions"] == 72
    assert dump(make_conninfo(filled, dbname=new_name)) == dump(filled)
    again = CliRunner().invoke(main, ["restore", file, "--into", new_name])
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith("error: the database")


@pytest.mark.parametrize("name", ["{}=b", "host={}", "a '{}\\\""])
def test_a_database_is_restored_under_whatever_name_it_is_given(
    saved: Path, server_dsn: str, new_name: str, name: str
) -> None:
    name = name.format(new_name)
    try:
        assert restore(Settings(conninfo=server_dsn), saved, name).database == name
        with psycopg.connect(make_conninfo(server_dsn, dbname=name)) as connection:
            assert connection.execute("SELECT count(*) FROM model_versions").fetchone() == (2,)
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


@pytest.mark.parametrize("there", [False, True])
def test_an_interrupted_restore_leaves_what_was_there(
    saved: Path, server_dsn: str, new_name: str, there: bool
) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with psycopg.connect(server_dsn, autocommit=True) as connection:
        if there:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(new_name)))
        with pytest.raises(KeyboardInterrupt):
            restore(Settings(conninfo=server_dsn), saved, new_name, interrupt)
        query = "SELECT count(*) FROM pg_database WHERE datname = %s"
        assert connection.execute(query, [new_name]).fetchone() == (int(there),)
    # And what is there is empty: it takes the backup.
    restore(Settings(conninfo=server_dsn), saved, new_name)


@pytest.mark.parametrize("name", ["template0", "template1"])
def test_what_new_databases_are_made_from_is_left_alone(
    server_dsn: str, saved: Path, name: str
) -> None:
    with pytest.raises(BackupError, match="makes new databases from"):
        restore(Settings(conninfo=server_dsn), saved, name)


@pytest.mark.parametrize("name", ["", "\n", "x" * 64, "\udce9"])
def test_a_name_that_no_database_can_have_is_refused(
    server_dsn: str, saved: Path, name: str
) -> None:
    """An empty one would be the database of the user's own name."""
    with pytest.raises(ConfigError, match="into: is not a database name"):
        restore(Settings(conninfo=server_dsn), saved, name)
