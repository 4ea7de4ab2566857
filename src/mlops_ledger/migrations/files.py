"""The migration files: `NNNN_name.up.sql` and `NNNN_name.down.sql`, plain SQL.

A file runs in one transaction. A line `-- migrate: no-transaction` in its leading comment opts out,
for statements such as CREATE INDEX CONCURRENTLY; such a file is cut at lines `-- next`, and what
lies between two of them is sent on its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Final

from ..errors import InvalidValue, MigrationError
from ..files import written

_FILE_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.(up|down)\.sql")
_NAME: Final = re.compile(r"[a-z0-9_]{1,60}")
_DIRECTIVE: Final = "-- migrate:"
_NO_TRANSACTION: Final = "-- migrate: no-transaction"
_NEXT: Final = "-- next"


@dataclass(frozen=True, slots=True)
class Script:
    """The SQL of one direction of a migration, with line ends as LF."""

    path: Path
    text: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the text, the same for a checkout with CRLF line ends."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def directives(self) -> list[str]:
        """List the `-- migrate:` lines of the leading comment."""
        header = takewhile(lambda line: line[:2] in ("", "--"), self.text.split("\n"))
        return [line.rstrip() for line in header if line.startswith(_DIRECTIVE)]

    @property
    def transactional(self) -> bool:
        """Whether the script runs in one transaction."""
        return _NO_TRANSACTION not in self.directives

    def parts(self) -> Iterator[tuple[int, str]]:
        """Cut the script at its `-- next` lines; yield each part with its first line's number."""
        lines = self.text.split("\n")
        first = 0
        for number, line in enumerate(lines):
            if line.rstrip() == _NEXT:
                yield first + 1, "\n".join(lines[first:number])
                first = number + 1
        yield first + 1, "\n".join(lines[first:])


@dataclass(frozen=True, slots=True)
class Migration:
    """One version of the schema: the script that makes it and the one that takes it back."""

    version: int
    name: str
    up: Script
    down: Script

    def __str__(self) -> str:
        return f"{self.version:04d}_{self.name}"


def schema_directory() -> Path:
    """Find `schema/`: inside the package when installed, else in the source tree."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "schema"
    # An editable install imports from src/, where the wheel's copy does not exist.
    return installed if installed.is_dir() else package.parents[1] / "schema"


def find_migrations(directory: Path | None = None) -> list[Migration]:
    """Read the migrations of a folder in order of their version.

    Raises MigrationError for a misnamed or unreadable file, a missing half, a gap or a duplicate.
    """
    migrations = [_pair(title, paths) for title, paths in _find_pairs(directory).items()]
    _refuse_gaps(migrations)
    return migrations


@cache
def latest_version(directory: Path | None = None) -> int:
    """Return the schema version that this release's files lead to; 0 without any.

    The files are not read, and listed once: every database that is opened asks. Raises
    MigrationError for a misnamed file.
    """
    return len(_find_pairs(directory))


def create_migration(directory: Path, name: str) -> Migration:
    """Write an empty pair of files with the next free number.

    Raises InvalidValue for a name that no file could have.
    """
    name = re.sub(r"[\s-]+", "_", name.strip().lower())
    if not _NAME.fullmatch(name):
        raise InvalidValue("name", "use at most 60 letters a-z, digits and underscores")
    version = len(find_migrations(directory)) + 1
    for direction, purpose in (("up", "what this adds"), ("down", "the exact reverse")):
        path = directory / f"{version:04d}_{name}.{direction}.sql"
        with written(path), path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(f"-- {version:04d} {name}, {direction}: {purpose}.\n")
    return find_migrations(directory)[-1]


def _find_pairs(directory: Path | None) -> dict[str, dict[str, Path]]:
    """Find the files of a folder: the title of each migration, and its files by direction."""
    directory = directory or schema_directory() / "migrations"
    if not directory.is_dir():
        raise MigrationError(f"{directory} is not a folder of migrations")
    pairs: dict[str, dict[str, Path]] = {}
    for path in sorted(directory.glob("[!.]*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(
                f"{path.name} is not a migration's name; "
                "call it NNNN_name.up.sql or NNNN_name.down.sql, in lower case"
            )
        pairs.setdefault(f"{match[1]}_{match[2]}", {})[match[3]] = path
    return pairs


def _read(path: Path) -> Script:
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationError(f"{path.name} cannot be read: {type(error).__name__}") from None
    # The protocol ends a query at NUL: the rest of the file would be left out in silence.
    if "\0" in text:
        raise MigrationError(f"{path.name} contains a NUL byte")
    script = Script(path, text)
    if unknown := set(script.directives) - {_NO_TRANSACTION}:
        raise MigrationError(
            f"{path.name}: unknown directive '{unknown.pop()}'; there is only '{_NO_TRANSACTION}'"
        )
    return script


def _pair(title: str, paths: dict[str, Path]) -> Migration:
    for direction in ("up", "down"):
        if direction not in paths:
            raise MigrationError(f"{title}.{direction}.sql is missing; write it next to its pair")
    number, name = title.split("_", 1)
    return Migration(int(number), name, _read(paths["up"]), _read(paths["down"]))


def _refuse_gaps(migrations: list[Migration]) -> None:
    for expected, migration in enumerate(migrations, start=1):
        if migration.version != expected:
            raise MigrationError(
                f"{migration} should have the number {expected:04d}: "
                "they run from 0001 without a gap or a duplicate"
            )
