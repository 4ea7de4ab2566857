"""Migrations that were released do not change: databases have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ledger.errors import MigrationError
from mlops_ledger.migrations import create_migration, find_migrations, schema_directory
from tools.released import altered, line, released

pytestmark = pytest.mark.once


def test_no_released_migration_was_changed() -> None:
    lines = released(schema_directory() / "released")
    assert altered(lines, find_migrations()) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations."""
    create_migration(tmp_path, "first")
    create_migration(tmp_path, "second")
    return tmp_path


def test_a_list_of_released_migrations_refuses_their_change(folder: Path) -> None:
    listed = [line(migration) for migration in find_migrations(folder)]
    assert altered(listed, find_migrations(folder)) == []

    (folder / "0001_first.down.sql").write_text("SELECT 1;")
    assert altered(listed, find_migrations(folder)) == ["0001_first"]


def test_a_released_migration_is_neither_renamed_nor_removed(folder: Path) -> None:
    listed = [line(migration) for migration in find_migrations(folder)]
    for direction in ("up", "down"):
        (folder / f"0002_second.{direction}.sql").rename(folder / f"0002_other.{direction}.sql")
    assert altered(listed, find_migrations(folder)) == ["0002_second"]


def test_a_migration_before_a_released_one_is_listed(folder: Path) -> None:
    listed = [line(migration) for migration in find_migrations(folder)]
    assert altered(listed[1:], find_migrations(folder)) == ["0001_first"]


def test_a_new_migration_follows_the_released_ones(folder: Path) -> None:
    listed = [line(migration) for migration in find_migrations(folder)][:1]
    assert altered(listed, find_migrations(folder)) == []


def test_the_list_of_released_migrations_has_comments_and_no_other_text(tmp_path: Path) -> None:
    file = tmp_path / "released"
    file.write_text("# A comment.\n\n")
    assert released(file) == []
    file.write_text("0001_first\n")
    with pytest.raises(MigrationError, match="0001_first"):
        released(file)
