from __future__ import annotations

import runpy
from pathlib import Path

import psycopg
import pytest

from mlops_ledger.migrations import Migrator, latest_version

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dump():
    return runpy.run_path(str(ROOT / "tools" / "dump_schema.py"))["dump"]


def test_all_the_way_down_leaves_an_empty_schema(empty_database, dump):
    before = dump(empty_database)
    migrator = Migrator(empty_database)
    migrator.up()
    assert dump(empty_database) != before
    migrator.down(to=0)

    assert dump(empty_database) == before
    with psycopg.connect(empty_database) as conn:
        assert conn.execute("SELECT count(*) FROM ledger_migrations").fetchone() == (0,)


@pytest.mark.parametrize("version", range(latest_version()))
def test_down_to_any_version_and_up_again_gives_the_identical_schema(empty_database, dump, version):
    migrator = Migrator(empty_database)
    migrator.up(to=version)
    before = dump(empty_database)
    migrator.up()
    after = dump(empty_database)

    migrator.down(to=version)
    assert dump(empty_database) == before
    migrator.up()
    assert dump(empty_database) == after
    migrator.verify()
