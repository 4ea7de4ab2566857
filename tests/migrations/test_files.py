from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_ledger.errors import InvalidValue, MigrationError
from mlops_ledger.migrations import (
    create_migration,
    find_migrations,
    latest_version,
    schema_directory,
)

pytestmark = pytest.mark.once


def test_find_migrations_reads_the_pairs_in_order(write, folder):
    write("0002_later", "SELECT 2", "SELECT -2")
    write("0001_first", "SELECT 1", "SELECT -1")

    found = find_migrations(folder)

    assert [str(migration) for migration in found] == ["0001_first", "0002_later"]
    assert (found[1].up.text, found[1].down.text) == ("SELECT 2", "SELECT -2")
    assert latest_version(folder) == 2


def test_find_migrations_ignores_the_hidden_files_of_editors(write, folder):
    write("0001_first", "SELECT 1")
    (folder / ".#0001_first.up.sql").write_text("")

    assert latest_version(folder) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1_short.up.sql"], "1_short.up.sql is not a migration's name"),
        (["0001_Upper.up.sql"], "0001_Upper.up.sql is not a migration's name"),
        (["0001_a.sql"], "0001_a.sql is not a migration's name"),
        (["0001_a.up.sql"], "0001_a.down.sql is missing"),
        (["0001_a.down.sql"], "0001_a.up.sql is missing"),
        (["0002_a.up.sql", "0002_a.down.sql"], "0002_a should have the number 0001"),
        (["0000_a.up.sql", "0000_a.down.sql"], "0000_a should have the number 0001"),
        (
            ["0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql", "0001_b.down.sql"],
            "0001_b should have the number 0002",
        ),
    ],
)
def test_find_migrations_refuses_a_folder_in_disorder(folder, names, message):
    for name in names:
        (folder / name).touch()

    with pytest.raises(MigrationError, match=re.escape(message)):
        find_migrations(folder)


def test_find_migrations_refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(MigrationError, match="not a folder"):
        find_migrations(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"SELECT '\xe9'", "0001_a.up.sql cannot be read: UnicodeDecodeError"),
        (b"SELECT 1;\0SELECT 2", "0001_a.up.sql contains a NUL byte"),
        (b"-- A note.\n-- migrate: no-transactions\n", "unknown directive"),
    ],
)
def test_find_migrations_refuses_what_it_would_misread(write, folder, content, message):
    write("0001_a", "")
    (folder / "0001_a.up.sql").write_bytes(content)

    with pytest.raises(MigrationError, match=message):
        find_migrations(folder)


def test_a_checkout_with_crlf_and_a_byte_order_mark_has_the_same_checksum(write, folder):
    write("0001_a", "SELECT 'é';\nSELECT 2;\n")
    before = find_migrations(folder)[0].up
    (folder / "0001_a.up.sql").write_bytes("\ufeffSELECT 'é';\r\nSELECT 2;\r\n".encode())
    after = find_migrations(folder)[0].up

    assert (after.checksum, after.text) == (before.checksum, before.text)


def test_the_directive_counts_only_in_the_leading_comment(write, folder):
    write("0001_a", "-- Why.\n\n-- migrate: no-transaction\nSELECT 1;")
    write("0002_b", "SELECT 1;\n-- migrate: no-transaction\n")

    first, second = find_migrations(folder)

    assert not first.up.transactional
    assert second.up.transactional


def test_parts_are_cut_at_next_and_know_their_first_line(write, folder):
    write("0001_a", "-- migrate: no-transaction\nSELECT 1;\n-- next\nSELECT 2;\n-- next\nSELECT 3;")

    parts = list(find_migrations(folder)[0].up.parts())

    assert parts == [
        (1, "-- migrate: no-transaction\nSELECT 1;"),
        (4, "SELECT 2;"),
        (6, "SELECT 3;"),
    ]


def test_create_migration_takes_the_next_number(write, folder):
    write("0001_a", "")

    created = create_migration(folder, "Add Labels-table")

    assert str(created) == "0002_add_labels_table"
    assert latest_version(folder) == 2


@pytest.mark.parametrize("name", ["", "../etc", "größe", "a" * 61])
def test_create_migration_refuses_a_name_no_file_could_have(folder, name):
    with pytest.raises(InvalidValue):
        create_migration(folder, name)
    assert list(folder.iterdir()) == []


def test_the_released_scripts_do_not_end_their_transaction():
    control = re.compile(
        r"^\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT)(\s+(WORK|TRANSACTION))?\s*;",
        re.IGNORECASE | re.MULTILINE,
    )
    # Bodies of functions have their own BEGIN and END.
    bodies = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)
    scripts = [path for path in Path(schema_directory(), "migrations").glob("*.sql")]

    # So has a CASE; the innermost go first.
    cases = re.compile(r"\bCASE\b(?:(?!\bCASE\b).)*?\bEND\b", re.DOTALL)

    def plain(script: str) -> str:
        script = bodies.sub("", script)
        while cases.search(script):
            script = cases.sub("", script)
        return script

    assert scripts
    assert [p.name for p in scripts if control.search(plain(p.read_text()))] == []
