from __future__ import annotations

import pytest

from mlops_ledger.embedded.programs import find_binaries, major_version


def test_schema_sql_is_what_the_migrations_add_up_to(dsn, conn, tool):
    dump_schema = tool("dump_schema")
    versions = {conn.info.server_version // 10000, major_version(find_binaries())}
    if versions != {dump_schema.MAJOR_VERSION}:
        pytest.skip(f"schema.sql is made with PostgreSQL {dump_schema.MAJOR_VERSION}")

    expected = dump_schema.document(dump_schema.dump(dsn))
    assert tool("generated").difference(dump_schema.FILE, expected) == ""


def test_the_list_of_objects_is_that_of_the_migrations_on_every_version(dsn, tool):
    list_objects = tool("list_objects")
    assert tool("generated").difference(list_objects.FILE, list_objects.listed(dsn)) == ""
