"""Everything in the schema says what it is."""

from __future__ import annotations

import psycopg
import pytest

WITHOUT_COMMENT = {
    "tables and views": """
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND obj_description(c.oid, 'pg_class') IS NULL""",
    "columns": """
        SELECT c.relname || '.' || a.attname
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL""",
    "functions": """
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND obj_description(p.oid, 'pg_proc') IS NULL""",
}


@pytest.mark.parametrize("kind", WITHOUT_COMMENT)
def test_nothing_is_without_a_comment(conn: psycopg.Connection, kind: str) -> None:
    assert conn.execute(WITHOUT_COMMENT[kind]).fetchall() == []


def test_comments_are_whole_sentences(conn: psycopg.Connection) -> None:
    rows = conn.execute(
        "SELECT objoid::regclass::text, objsubid, description FROM pg_description"
        " JOIN pg_class c ON c.oid = objoid"
        " WHERE classoid = 'pg_class'::regclass AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert [row for row in rows if not row[2].endswith(".")] == []
