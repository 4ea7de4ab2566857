"""Verifies an exported audit log without a database, and reads published heads.

A line of an export is `{"hash": "<64 hex digits>", "entry": {…}}`, and the hash is the SHA-256 of
the bytes of the entry as they stand there. Each entry carries the hash of the one before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from .checks.values import text
from .errors import InvalidValue
from .rows import AuditCheck, AuditHead

_START: Final = AuditHead(seq=0, hash="0" * 64)
_LINE: Final = re.compile(r'\{"hash": "([0-9a-f]{64})", "entry": (\{.*\})\}\r?\n?')
_HEAD: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def parse_head(field: str, head: object) -> AuditHead:
    """Read SEQ:HASH, as a published head is written; raise InvalidValue for anything else."""
    match = _HEAD.fullmatch(text(field, head).strip())
    if match is None:
        raise InvalidValue(field, "must be SEQ:HASH as `mlops-ledger audit head` prints it")
    return AuditHead(seq=int(match[1]), hash=match[2])


def verify_lines(lines: Iterable[str], *, against: str | None = None) -> AuditCheck:
    """Verify the lines of an export, from its first entry on, and return what was found.

    With a published head as `against`, SEQ:HASH, the log must contain that very entry. Raises
    InvalidValue for a head that cannot be read.
    """
    published = _START if against is None else parse_head("against", against)
    head = _START
    for line in lines:
        found, here = _examine(line, head)
        if found is None and here.seq == published.seq and here != published:
            found = here.seq, "is not the published one: it, or one before it, was replaced"
        if found is not None:
            return AuditCheck(head=str(head), broken_seq=found[0], problem=found[1])
        head = here
    if head.seq < published.seq:
        problem = "is missing: the log ends before the published head"
        return AuditCheck(head=str(head), broken_seq=head.seq + 1, problem=problem)
    return AuditCheck(head=str(head), broken_seq=None, problem=None)


def _examine(line: str, head: AuditHead) -> tuple[tuple[int, str] | None, AuditHead]:
    """Return what is wrong with a line that should follow `head`, if anything, and its own."""
    expected = head.seq + 1
    match = _LINE.fullmatch(line)
    entry = _object(match[2]) if match else {}
    seq = entry.get("seq")
    if match is None or not isinstance(seq, int):
        return (expected, "is not a line of an export"), head
    here = AuditHead(seq=seq, hash=match[1])
    problem = None
    if seq < expected:
        problem = "was inserted"
    elif seq > expected:
        rest = "" if seq == expected + 1 else f", and all up to {seq - 1}"
        return (expected, f"is missing{rest}"), here
    elif hashlib.sha256(match[2].encode()).hexdigest() != here.hash:
        problem = "was changed: its hash is not that of its content"
    elif entry.get("prev_hash") != head.hash:
        problem = f"does not continue entry {head.seq}: one of the two was replaced"
    return (None if problem is None else (seq, problem)), here


def _object(json: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads(json)
    except ValueError:
        found = {}
    return found
