"""Append the migrations that a release adds to schema/released, whose entries never change.

python tools/released.py    append what is not listed yet
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlops_ledger.errors import MigrationError
from mlops_ledger.migrations import Migration, find_migrations, schema_directory

_LINE = re.compile(r"[0-9a-f]{64} [0-9a-f]{64} \d{4}_[a-z0-9_]+")


def line(migration: Migration) -> str:
    """Return the entry of a migration: the checksums of its two files, and its name."""
    return f"{migration.up.checksum} {migration.down.checksum} {migration}"


def released(file: Path) -> list[str]:
    """Return the entries of the list. Raises MigrationError for a line that is none."""
    lines = [text for text in file.read_text("utf-8").splitlines() if text and text[0] != "#"]
    for text in lines:
        if not _LINE.fullmatch(text):
            raise MigrationError(f"{file}: {text!r} is no entry")
    return lines


def altered(entries: Sequence[str], migrations: Iterable[Migration]) -> list[str]:
    """Return the names of the migrations up to the last of the list that are not as it says."""
    now = {str(migration): line(migration) for migration in migrations}
    then = {entry.rsplit(" ", 1)[1]: entry for entry in entries}
    names = then.keys() | {name for name in now if name[:4] < max(then, default="")[:4]}
    return sorted(name for name in names if now.get(name) != then.get(name))


def main() -> None:
    """Append what the list lacks."""
    file = schema_directory() / "released"
    known = released(file)
    new = [entry for entry in map(line, find_migrations()) if entry not in known]
    with file.open("a", encoding="utf-8") as out:
        out.writelines(f"{entry}\n" for entry in new)


if __name__ == "__main__":
    main()
