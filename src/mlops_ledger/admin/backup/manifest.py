"""What a backup says about itself, at its end.

The file is a dump in pg_dump's custom format, then the manifest as JSON, the SHA-256 of all that,
the length of the manifest in eight bytes, and a mark. pg_restore reads the dump and never looks at
the rest, so plain tools can restore the file too; a file that was cut short anywhere has lost the
mark, and one that was changed anywhere does not have its checksum.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from ...errors import BackupError

_MARK: Final = b"\nMLOPS-LEDGER-1\n"
_DUMP: Final = b"PGDMP"
_SHA256: Final = 32
_LENGTH: Final = 8
_FOOTER: Final = _SHA256 + _LENGTH + len(_MARK)
_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds.

    `rows` counts the rows of each table of `schema`, `audit_head` is the end of the audit log,
    `roles` are those that the dump grants something to, `sizes` are the bytes of each table and
    partition, `relations` is the number of tables, indexes and the like. `server` and `pg_dump` are
    major versions of PostgreSQL.
    """

    database: str
    schema: str
    schema_version: int
    audit_head: str
    made_at: datetime
    made_by: str
    server: int
    pg_dump: int
    rows: dict[str, int]
    roles: list[str]
    sizes: dict[str, int]
    relations: int
    dump_bytes: int


def seal(path: Path, facts: dict[str, Any]) -> Manifest:
    """Append the manifest to a dump and have the disk keep both."""
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256")
        manifest = Manifest(**facts, dump_bytes=file.tell())
        text = orjson.dumps(manifest)
        digest.update(text)
        file.write(text + digest.digest() + len(text).to_bytes(_LENGTH) + _MARK)
        file.flush()
        os.fsync(file.fileno())
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a backup and check the whole file against it.

    Raises BackupError when it is no backup of a ledger, or not whole.
    """
    try:
        with path.open("rb") as file:
            length, digest = _footer(file, path)
            end = file.seek(-_FOOTER - length, os.SEEK_END)
            text = file.read(length)
            file.seek(0)
            if _digest(file, end + length) != digest:
                raise BackupError(f"{path} is damaged: its contents do not have its checksum")
            return _manifest(text, path)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from None


def _footer(file: BinaryIO, path: Path) -> tuple[int, bytes]:
    """Read the length of the manifest and the checksum."""
    start = file.read(len(_DUMP))
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _FOOTER))
    digest, length, mark = file.read(_SHA256), int.from_bytes(file.read(_LENGTH)), file.read()
    if start != _DUMP:
        raise BackupError(f"{path} is not a backup made by mlops-ledger")
    if mark != _MARK or length > size - _FOOTER:
        raise BackupError(
            f"{path} was cut short, or is a dump that mlops-ledger backup did not make"
        )
    return length, digest


def _manifest(text: bytes, path: Path) -> Manifest:
    try:
        found = orjson.loads(text)
        return Manifest(**{**found, "made_at": datetime.fromisoformat(found["made_at"])})
    except (ValueError, TypeError, KeyError):
        raise BackupError(f"{path} was made by a release with another format") from None


def _digest(file: BinaryIO, length: int) -> bytes:
    digest = hashlib.sha256()
    while length > 0 and (chunk := file.read(min(_CHUNK, length))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.digest()
