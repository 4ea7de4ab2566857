from __future__ import annotations

import runpy
from pathlib import Path

import psycopg
import pytest

from mlops_ledger.embedded.programs import find_binaries, major_version

ROOT = Path(__file__).parents[2]


def test_schema_sql_is_what_the_migrations_add_up_to(server_dsn):
    tool = runpy.run_path(str(ROOT / "tools" / "dump_schema.py"))
    with psycopg.connect(server_dsn) as conn:
        versions = {conn.info.server_version // 10000, major_version(find_binaries())}
    if versions != {tool["MAJOR_VERSION"]}:
        pytest.skip(f"schema.sql is made with PostgreSQL {tool['MAJOR_VERSION']}")

    assert tool["difference"](tool["generate"](server_dsn)) == ""
