"""The audit log, which only the database writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from psycopg.rows import tuple_row

from ..audit.chain import START, AuditEnds, Chain, Problem, parse_head
from ..checks.values import page_size
from ..errors import InvalidValue
from ..rows import AuditCheck, AuditEntry, AuditHead
from .pages import iterate
from .repository import AsyncRepository

_PAGE: Final = 1000
_VERIFIED_AT_ONCE: Final = 10_000


class AsyncAuditRepository(AsyncRepository):
    """Reads and verifies the log of what was changed, by whom."""

    _file = "audit_log"

    async def get(self, *, seq: int) -> AuditEntry | None:
        """Return one entry by its number, or None."""
        return await self._row("get", AuditEntry, locals())

    async def list_entries(
        self,
        *,
        event: str | None = None,
        actor: str | None = None,
        object_table: str | None = None,
        object_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[AuditEntry]:
        """Return the entries with since <= recorded_at < until, newest first.

        At most `limit` (1 to 1000); the next page is `before` the seq of the last.
        """
        limit = page_size(limit)
        return await self._rows("list_entries", AuditEntry, locals())

    iter_entries = iterate(list_entries, key="seq")

    async def head(self) -> AuditHead:
        """Return the end of the log; its text, SEQ:HASH, is what to publish elsewhere.

        Entries that wait because somebody kept the end of the log are appended first.
        """
        await self._value("head__seal", {})
        return await self._one("head", AuditHead, {})

    async def verify(
        self,
        *,
        against: str | None = None,
        since: str | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> AuditCheck:
        """Recompute every hash, in the database, and return the first entry that does not fit.

        With a published head as `against`, SEQ:HASH, the log must contain that very entry; without
        one, a superuser who rewrites all of the log is not found out. `since` is a head up to
        which the log was verified before: the entries up to it are not read again. `progress` is
        called with the number of the last entry that was read and that of the last one there is.
        Reads ten thousand entries at a time. Raises InvalidValue for a head that cannot be read.
        """
        if progress is not None and not callable(progress):
            raise InvalidValue("progress", "must be a function of two numbers")
        chain = Chain(
            START if since is None else parse_head("since", since),
            START if against is None else parse_head("against", against),
        )
        if against is not None and chain.published.seq < chain.head.seq:
            raise InvalidValue("against", "must not be a head from before since")
        ends = await self._one("verify__ends", AuditEnds, {"since_seq": chain.head.seq})
        found = list(ends.problems(chain))
        if not any(problem.seq <= chain.head.seq for problem in found):
            found = [*await self._follow(chain, ends, progress), *found]
        first = min(found, key=lambda problem: problem.seq, default=None)
        return AuditCheck(
            head=str(ends.last), broken_seq=first and first.seq, problem=first and first.text
        )

    async def _follow(
        self, chain: Chain, ends: AuditEnds, progress: Callable[[int, int], object] | None
    ) -> list[Problem]:
        # None, so that an entry before the first is found.
        after = chain.head.seq or None
        while True:
            values = {"after_seq": after, "until_seq": ends.last.seq, "limit": _VERIFIED_AT_ONCE}
            page = await self._fetch("verify__page", tuple_row, values)
            for seq, prev_hash, hash_, is_intact in page:
                problem = chain.follow(AuditHead(seq=seq, hash=hash_), prev_hash, is_intact)
                if problem is not None:
                    return [problem]
            if progress is not None:
                progress(chain.head.seq, ends.last.seq)
            if len(page) < _VERIFIED_AT_ONCE:
                return []
            after = chain.head.seq

    async def export(self, *, after: int | None = None) -> AsyncIterator[str]:
        """Yield the entries after a number as lines of JSON, oldest first.

        Needs memory for a thousand of them. `mlops_ledger.audit.verify_lines` verifies the lines
        without the database.
        """
        while True:
            page = await self._fetch("export", tuple_row, {"after": after, "limit": _PAGE})
            for _, line in page:
                yield line
            if len(page) < _PAGE:
                return
            after = page[-1][0]
