"""The ledger as someone with psql sees it."""

from __future__ import annotations

import psycopg
import pytest


@pytest.fixture
def live(conn: psycopg.Connection) -> psycopg.Connection:
    """A database with versions 1, 2 and 3 of model m; 1 was in production for an hour, 2 is."""
    conn.execute("INSERT INTO model_versions (model_name) VALUES ('m'), ('m'), ('m')")
    conn.execute("SELECT promote('m', '1', at => '2026-01-01 12:00Z', promoted_by => 'ann')")
    conn.execute("SELECT promote('m', '2', at => '2026-01-01 13:00Z', promoted_by => 'bob')")
    return conn
