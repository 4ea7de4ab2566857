"""The audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry(Row):
    """A change that the database recorded; the hashes are written as hexadecimal digits."""

    seq: int
    recorded_at: datetime
    db_role: str
    actor: str
    event: str
    object_table: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead(Row):
    """The end of the audit log; as text, SEQ:HASH, it is what is published elsewhere."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck(Row):
    """What a verification of the audit log found.

    `head` is the last entry that was read, as SEQ:HASH. `problem` says what is wrong with entry
    `broken_seq`, the first that is; both are None when the chain is whole.
    """

    head: str
    broken_seq: int | None
    problem: str | None
