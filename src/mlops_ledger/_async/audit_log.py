"""The audit log, which only the database writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from psycopg.rows import tuple_row

from ..audit import parse_head
from ..checks.values import page_size
from ..rows import AuditCheck, AuditEntry, AuditHead
from .repository import AsyncRepository

_PAGE: Final = 1000


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

    async def head(self) -> AuditHead:
        """Return the end of the log; its text, SEQ:HASH, is what to publish elsewhere."""
        return await self._one("head", AuditHead, {})

    async def verify(self, *, against: str | None = None) -> AuditCheck:
        """Recompute every hash, in the database, and return the first entry that does not fit.

        With a published head as `against`, SEQ:HASH, the log must contain that very entry; without
        one, a superuser who rewrites all of the log is not found out. Reads 100,000 entries a
        second or so. Raises InvalidValue for a head that cannot be read.
        """
        published = None if against is None else parse_head("against", against)
        values = {
            "published_seq": published and published.seq,
            "published_hash": published and published.hash,
        }
        async with self._db.transaction() as tx:
            within = AsyncAuditRepository(tx)
            await within._run("verify__be_patient")
            return await within._one("verify", AuditCheck, values)

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
