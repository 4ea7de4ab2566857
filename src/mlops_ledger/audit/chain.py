"""The chain of the audit log: each entry continues the one before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..checks.values import text
from ..errors import InvalidValue
from ..rows import AuditHead

START: Final = AuditHead(seq=0, hash="0" * 64)
_HEAD: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


class Problem(NamedTuple):
    """What is wrong with the chain: the first entry that does not fit, and why."""

    seq: int
    text: str


def parse_head(field: str, head: object) -> AuditHead:
    """Read SEQ:HASH, as a published head is written; raise InvalidValue for anything else."""
    match = _HEAD.fullmatch(text(field, head).strip())
    if match is None:
        raise InvalidValue(field, "must be SEQ:HASH as `mlops-ledger audit head` prints it")
    return AuditHead(seq=int(match[1]), hash=match[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEnds:
    """The last entry of the log, and what audit_head says of it; None where there is none."""

    last_seq: int
    last_hash: str | None
    head_seq: int | None
    head_hash: str | None
    since_hash: str | None

    @property
    def last(self) -> AuditHead:
        """The last entry."""
        return AuditHead(seq=self.last_seq, hash=self.last_hash or START.hash)

    def problems(self, chain: Chain) -> Iterator[Problem]:
        """Yield what is wrong with the ends of the log, before its entries are read."""
        if chain.head != START and chain.head.hash != self.since_hash:
            yield Problem(chain.head.seq, "is not the one that was verified before")
        if (found := chain.published_problem()) is not None:
            yield found
        if (found := Chain(self.last, chain.published).missing()) is not None:
            yield found
        last, head = self.last_seq, self.head_seq
        if head is None:
            yield Problem(last + 1, "cannot be written: audit_head is empty")
        elif head > last:
            yield Problem(last + 1, f"is missing: the log ended with entry {head}")
        elif head < last:
            yield Problem(head + 1, f"was inserted: the log ended with entry {head}")
        elif self.head_hash != self.last.hash:
            yield Problem(last, "is not the one that was written last")


class Chain:
    """Follows the entries of the log from one head to the next.

    With a published head, the entry of its number must be that very one.
    """

    def __init__(self, start: AuditHead = START, published: AuditHead = START) -> None:
        self.head = start
        self.published = published

    def follow(self, here: AuditHead, prev_hash: object, is_intact: bool) -> Problem | None:
        """Go on to the next entry; return what is wrong with it, if anything."""
        before, self.head = self.head, here
        expected = before.seq + 1
        if here.seq < expected:
            return Problem(here.seq, "was inserted")
        if here.seq > expected:
            rest = "" if here.seq == expected + 1 else f", and all up to {here.seq - 1}"
            return Problem(expected, f"is missing{rest}")
        if not is_intact:
            return Problem(here.seq, "was changed: its hash is not that of its content")
        if prev_hash != before.hash:
            why = f"does not continue entry {before.seq}: one of the two was replaced"
            return Problem(here.seq, why)
        return self.published_problem()

    def published_problem(self) -> Problem | None:
        """Return what is wrong if the head is at the published one, and is another."""
        if self.head.seq == self.published.seq and self.head != self.published:
            why = "is not the published one: it, or one before it, was replaced"
            return Problem(self.head.seq, why)
        return None

    def missing(self) -> Problem | None:
        """Return what is missing if the log ends here, before the published head."""
        if self.head.seq < self.published.seq:
            why = "is missing: the log ends before the published head"
            return Problem(self.head.seq + 1, why)
        return None
