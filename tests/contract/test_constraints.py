"""Every constraint of the schema is explained in words, and no other."""

from __future__ import annotations

import psycopg

from mlops_ledger.errors.checks import _CHECKS, INVALID
from mlops_ledger.errors.constraints import VIOLATIONS, explain

OWN_CONSTRAINTS = """
    SELECT conname, contype::text FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
      AND conrelid <> 'ledger_migrations'::regclass
    UNION
    SELECT c.relname, 'u' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace
      AND i.indrelid <> 'ledger_migrations'::regclass
"""


def test_every_constraint_has_an_explanation_and_the_other_way_round(
    conn: psycopg.Connection,
) -> None:
    found: dict[str, str] = dict(conn.execute(OWN_CONSTRAINTS).fetchall())
    checks = {name for name, kind in found.items() if kind == "c"}
    assert checks == set(INVALID)
    assert set(found) - checks == set(VIOLATIONS)


def test_every_constraint_is_named_after_its_table(conn: psycopg.Connection) -> None:
    rows = conn.execute(
        "SELECT conname, conrelid::regclass::text FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
        " AND conrelid <> 'ledger_migrations'::regclass AND conrelid <> 0"
    ).fetchall()
    assert [name for name, table in rows if not name.startswith(f"{table}_")] == []


def test_an_explanation_names_the_field() -> None:
    for name, (field, problem) in INVALID.items():
        assert str(explain(name)) == f"{field}: {problem}"
    assert explain("somebody_elses_constraint") is None


def test_a_field_is_given_only_where_the_name_does_not_tell_it() -> None:
    for table, checks in _CHECKS.items():
        for rest, problem in checks.items():
            assert isinstance(problem, str) or problem[0] != rest, f"{table}_{rest}_check"
