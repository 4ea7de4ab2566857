from __future__ import annotations

import psycopg

from mlops_ledger.migrations import Migrator, latest_version


def test_every_step_down_restores_the_schema_before_and_up_again_that_after(empty_database, tool):
    dump = tool("dump_schema").dump
    migrator = Migrator(empty_database)
    schemas = [dump(empty_database)]
    for version in range(1, latest_version() + 1):
        migrator.up(to=version)
        schemas.append(dump(empty_database))
    assert schemas[0] != schemas[-1]

    for version in reversed(range(latest_version())):
        migrator.down(to=version)
        assert dump(empty_database) == schemas[version], f"version {version}"
    with psycopg.connect(empty_database) as conn:
        assert conn.execute("SELECT count(*) FROM ledger_migrations").fetchone() == (0,)

    migrator.up()
    assert dump(empty_database) == schemas[-1]
    migrator.verify()
