"""Verifies an exported audit log without a database.

A line of an export is `{"hash": "<64 hex digits>", "entry": {…}}`, and the hash is the SHA-256 of
the bytes of the entry as they stand there. Each entry carries the hash of the one before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from ..rows import AuditCheck, AuditHead
from .chain import START, Chain, Problem, parse_head

_LINE: Final = re.compile(r'\{"hash": "([0-9a-f]{64})", "entry": (\{.*\})\}\r?\n?')
# Some editors put it before the first line of a file.
_BYTE_ORDER_MARK: Final = "\ufeff"


def verify_lines(lines: Iterable[str], *, against: str | None = None) -> AuditCheck:
    """Verify the lines of an export, from its first entry on, and return what was found.

    With a published head as `against`, SEQ:HASH, the log must contain that very entry. Raises
    InvalidValue for a head that cannot be read.
    """
    chain = Chain(published=START if against is None else parse_head("against", against))
    found = chain.published_problem()
    for number, line in enumerate(lines):
        if found is not None:
            break
        before = chain.head
        found = _follow(chain, line if number else line.removeprefix(_BYTE_ORDER_MARK))
        if found is not None:
            chain.head = before
    found = found or chain.missing()
    return AuditCheck(
        head=str(chain.head),
        broken_seq=found and found.seq,
        problem=found and found.text,
    )


def _follow(chain: Chain, line: str) -> Problem | None:
    match = _LINE.fullmatch(line)
    entry = _object(match[2]) if match else {}
    seq = entry.get("seq")
    if match is None or not isinstance(seq, int):
        return Problem(chain.head.seq + 1, "is not a line of an export")
    is_intact = hashlib.sha256(match[2].encode()).hexdigest() == match[1]
    return chain.follow(AuditHead(seq=seq, hash=match[1]), entry.get("prev_hash"), is_intact)


def _object(json: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads(json)
    except ValueError:
        found = {}
    return found
