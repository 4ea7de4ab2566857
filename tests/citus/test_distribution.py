"""There and back: nothing is lost, nothing is doubled, and what cannot be is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from fix_full import fill
from fix_roles import KINDS, drop_roles
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, PredictionsRepository, Settings
from mlops_ledger.admin.backup import backup, restore
from mlops_ledger.admin.create import initialise
from mlops_ledger.admin.distribute import Distribution, distribute, undistribute
from mlops_ledger.admin.objects import Objects
from mlops_ledger.admin.roles import Roles
from mlops_ledger.admin.verify import verify
from mlops_ledger.cli import main
from mlops_ledger.errors import ClusterError, SchemaError
from mlops_ledger.migrations import Migrator
from tools.cluster import cluster_database

SUM = """
SELECT 'predictions', count(*), sum(hashtextextended(p::text, 0)) FROM predictions p
UNION ALL SELECT 'ground_truth', count(*), sum(hashtextextended(g::text, 0)) FROM ground_truth g
UNION ALL SELECT 'system_metrics', count(*), sum(hashtextextended(s::text, 0)) FROM system_metrics s
ORDER BY 1
"""
# Views in another schema are recreated, too, when the tables come back.
OF_A_READER = """
CREATE SCHEMA "A b";
CREATE VIEW "A b"."V" AS SELECT id AS "I d" FROM predictions;
GRANT USAGE ON SCHEMA "A b" TO PUBLIC;
GRANT SELECT ON "A b"."V" TO PUBLIC;
COMMENT ON VIEW "A b"."V" IS '100 % of "them", as it''s said';
COMMENT ON COLUMN "A b"."V"."I d" IS 'theirs'
"""
COMMENTS = """
SELECT c.relname::text, a.attname::text, d.description, c.relacl::text
FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND a.attnum > 0
WHERE c.relnamespace::regnamespace::text IN ('public', '"A b"') ORDER BY 1, 2 NULLS FIRST
"""


def test_there_and_back_keeps_rows_rights_and_objects(on_cluster: str) -> None:
    settings = Settings(conninfo=on_cluster)
    with Database(settings) as db, psycopg.connect(on_cluster, autocommit=True) as connection:
        fill(db, "note")
        connection.execute("GRANT SELECT ON v_predictions TO PUBLIC")
        for statement in OF_A_READER.split(";"):
            connection.execute(statement.encode())
        comments = connection.execute(COMMENTS).fetchall()
        assert ("predictions", "id") in {row[:2] for row in comments}
        before = connection.execute(SUM).fetchall()
        granted, objects = Distribution(db).rights_and_comments(), Objects(db).found()
        # What Citus has in the schema is nobody's.
        assert not [statement for statement in granted if "citus" in statement]
        for _ in range(2):
            assert distribute(settings).moved["predictions"] == 1
            assert distribute(settings).moved == {}
            assert [table.is_distributed for table in Distribution(db).tables()] == [True] * 3
            assert undistribute(settings).moved["predictions"] == 1
            assert undistribute(settings).moved == {}
            assert connection.execute(SUM).fetchall() == before
            assert Distribution(db).rights_and_comments() == granted
            assert connection.execute(COMMENTS).fetchall() == comments
            assert Objects(db).found() == objects


SIZES = """
SELECT relation::regclass::text, bytes, estimate FROM ledger_sizes('predictions'::regclass)
"""


def test_sizes_are_those_of_all_shards(distributed: str) -> None:
    with Database(Settings(conninfo=distributed)) as db, psycopg.connect(distributed) as connection:
        # No partitions are no bytes, and not an unknown number of them.
        empty = [(table.bytes, table.partitions) for table in Distribution(db).tables()]
        assert empty == [(0, 0)] * 3
        fill(db, "note")
        connection.execute("ANALYZE predictions")
        connection.commit()
        sizes = {name: found for name, *found in connection.execute(SIZES)}
        [partition] = sizes.keys() - {"predictions"}
        [asked] = connection.execute(
            "SELECT citus_total_relation_size(%s::regclass)", [partition]
        ).fetchone() or [None]
        assert asked
        assert sizes == {"predictions": [0, 1], partition: [asked, 1]}
        assert next(table.bytes for table in Distribution(db).tables()) == asked


def test_sizes_of_a_ledger_without_partitions(settings: Settings) -> None:
    with Database(settings) as db:
        assert {table.bytes for table in Distribution(db).tables()} == {0}


def test_a_server_without_citus_is_refused(settings: Settings) -> None:
    with pytest.raises(ClusterError, match="CREATE EXTENSION citus"):
        distribute(settings)


def test_a_ledger_that_is_not_distributed_is_left_as_it_is(settings: Settings) -> None:
    assert undistribute(settings).moved == {}
    done = CliRunner().invoke(
        main, ["distribute", "--undo"], env={"DATABASE_URL": settings.conninfo}
    )
    assert (done.exit_code, done.stdout) == (
        0,
        "nothing to do: the ledger is not distributed\nverified  nothing is wrong\n",
    )


def test_a_database_without_a_ledger_is_told_to_init(empty_database: str) -> None:
    for options in ([], ["--undo"], ["--status"]):
        environment = {"DATABASE_URL": empty_database}
        done = CliRunner().invoke(main, ["distribute", *options], env=environment)
        assert (done.exit_code, done.stderr) == (
            2,
            "error: the database was never migrated: run mlops-ledger init\n",
        )


def test_a_name_that_needs_quotes_is_refused(cluster: str) -> None:
    path = make_conninfo(cluster, options='-c search_path="Led"')
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "Led"')
    with pytest.raises(SchemaError, match="needs quotes, which Citus does not keep"):
        initialise(Settings(conninfo=path))
    with psycopg.connect(path) as connection:
        assert connection.execute("SELECT to_regclass('ledger_migrations')").fetchone() == (None,)


def test_a_name_that_needs_quotes_is_refused_before_workers_are_asked(coordinator: str) -> None:
    with cluster_database(coordinator, extension=False) as dsn:
        path = make_conninfo(dsn, options='-c search_path="Led",public')
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute('CREATE SCHEMA "Led"')
            Migrator(path).up()
            connection.execute("CREATE EXTENSION citus")
        with pytest.raises(ClusterError, match="needs quotes"):
            distribute(Settings(conninfo=path))


def test_an_owner_who_may_not_log_in_is_refused(on_cluster: str) -> None:
    with psycopg.connect(on_cluster, autocommit=True) as connection:
        connection.execute("CREATE ROLE of_a_ledger NOLOGIN")
        try:
            connection.execute("ALTER TABLE predictions OWNER TO of_a_ledger")
            with pytest.raises(ClusterError, match="ALTER ROLE of_a_ledger LOGIN"):
                distribute(Settings(conninfo=on_cluster))
        finally:
            connection.execute("ALTER TABLE predictions OWNER TO CURRENT_USER")
            connection.execute("DROP ROLE of_a_ledger")


@pytest.mark.parametrize("mode", ["ROW EXCLUSIVE", "ACCESS SHARE"])
def test_who_writes_or_has_read_keeps_it_out(on_cluster: str, mode: str) -> None:
    with psycopg.connect(on_cluster) as other:
        other.execute(f"LOCK TABLE predictions IN {mode} MODE".encode())
        with pytest.raises(ClusterError, match="writes or keeps a transaction open, loggers spool"):
            distribute(Settings(conninfo=on_cluster), wait=0.2)
    assert distribute(Settings(conninfo=on_cluster)).moved


def test_a_cluster_without_workers_is_refused(on_cluster: str) -> None:
    with psycopg.connect(on_cluster, autocommit=True) as connection:
        for host, port in connection.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE shouldhaveshards"
        ).fetchall():
            connection.execute(sql.SQL("SELECT citus_remove_node({}, {})").format(host, port))
    with pytest.raises(ClusterError, match="citus_add_node"):
        distribute(Settings(conninfo=on_cluster))


def test_a_backup_with_roles_is_restored_given_to_its_owner_and_distributed(
    settings: Settings, cluster: str, tmp_path: Path
) -> None:
    prefix = f"t{uuid4().hex[:12]}_"
    names = [prefix + kind for kind in KINDS]
    settings, there = replace(settings, home=tmp_path), Settings(conninfo=cluster, home=tmp_path)
    with Database(settings) as db, psycopg.connect(settings.conninfo) as connection:
        fill(db, "note")
        PredictionsRepository(db).ensure_partitions()
        Roles(db).create(prefix=prefix)
        backup(settings, tmp_path / "b")
        drop_roles(connection, *names)
    try:
        # The workers have them as well, or what is granted there fails.
        assert set(restore(there, tmp_path / "b").roles) == set(names)
        with Database(there) as db:
            Roles(db).create(prefix=prefix)
            assert distribute(there).moved["predictions"] == 1
            assert [check for check in verify(there) if check.found] == []
            assert undistribute(there).moved["predictions"] == 1
            assert [check for check in verify(there) if check.found] == []
    finally:
        with psycopg.connect(cluster, autocommit=True) as connection:
            drop_roles(connection, *names)
