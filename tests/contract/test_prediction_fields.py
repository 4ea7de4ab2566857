"""The table of the fields of a prediction agrees with the schema, its grants and the documents."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mlops_ledger import PredictionsRepository
from mlops_ledger.checks.prediction_fields import COLUMNS, FIELDS, PRIVATE
from mlops_ledger.rows.predictions import PredictionFields

ROOT = Path(__file__).resolve().parents[2]
# What a writer gives instead of these.
INSTEAD = {"feature_values": "features"}
RESOLVED = {"model_version_id": {"model_name", "model_version"}}


@pytest.fixture(scope="module")
def migrated(server_dsn: str, template: str) -> Iterator[psycopg.Connection]:
    """A connection to the migrated template, for looking only."""
    with psycopg.connect(server_dsn, dbname=template) as connection:
        yield connection
        connection.rollback()


def test_the_fields_are_the_columns_of_the_table(migrated: psycopg.Connection) -> None:
    columns = migrated.execute(
        "SELECT attname, CASE atttypid WHEN 'timestamptz'::regtype THEN 'timestamptz'"
        " ELSE format_type(atttypid, NULL) END FROM pg_attribute"
        " WHERE attrelid = 'predictions'::regclass AND attnum > 0 AND NOT attisdropped"
    ).fetchall()
    types = {
        name: kind.replace("timestamp with time zone", "timestamptz") for name, kind in columns
    }
    assert types == {field.name: field.sql_type for field in FIELDS}


def test_a_reader_may_see_what_is_not_private(migrated: psycopg.Connection) -> None:
    [(granted,)] = migrated.execute(
        "SELECT columns FROM ledger_privileges"
        " WHERE role = 'reader' AND privilege = 'SELECT' AND object_name = 'predictions'"
    ).fetchall()
    assert set(granted) == set(COLUMNS) - set(PRIVATE)
    shown = migrated.execute("SELECT * FROM v_prediction_log LIMIT 0").description or []
    assert not {column.name for column in shown} & set(PRIVATE)


def test_the_words_of_a_text_are_those_of_its_constraint(migrated: psycopg.Connection) -> None:
    checks = dict(
        migrated.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'predictions'::regclass AND contype = 'c'"
        ).fetchall()
    )
    for field in FIELDS:
        words = re.findall(r"'(\w+)'::text", checks.get(f"predictions_{field.name}_check", ""))
        assert tuple(words) == field.words


def test_a_writer_gives_them_all() -> None:
    given = {INSTEAD.get(name, name) for name in COLUMNS} - set(RESOLVED)
    assert set(PredictionFields.__annotations__) == given
    arguments = set(inspect.signature(PredictionsRepository.insert).parameters) - {"self"}
    assert arguments == given | RESOLVED["model_version_id"]


def test_the_page_about_roles_names_what_is_private() -> None:
    page = (ROOT / "docs" / "how-to" / "roles.md").read_text("utf-8")
    [sentence] = re.findall(r"## What a reader sees of predictions\n\nNot (.+?):", page, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(PRIVATE)
