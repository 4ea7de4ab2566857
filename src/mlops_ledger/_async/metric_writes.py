"""What the repositories of metrics share: many values in one COPY, each of them once."""

from __future__ import annotations

from collections.abc import Sequence

from ..checks.metrics import Row
from ..errors import Conflict, DuplicateId
from ..rows import Written
from .repository import AsyncRepository


class AsyncMetricWrites(AsyncRepository):
    """Base of the repositories of metrics."""

    async def _store(self, rows: Sequence[Row]) -> Written:
        """Store rows in one transaction; those that are there already are not stored again.

        Raises Conflict when an id names another value.
        """
        for staged in (False, True):
            try:
                async with self._db.transaction() as tx:
                    within = type(self)(tx)
                    stored = await within._write(rows, staged)
                    return Written(stored=stored, duplicates=len(rows) - stored)
            except DuplicateId:
                # Rare, so that the first try goes without the detour.
                if staged:
                    raise
        raise AssertionError

    async def _write(self, rows: Sequence[Row], staged: bool) -> int:
        if not staged:
            await self._copy("insert_many__copy", rows)
            return len(rows)
        await self._run("insert_many__stage")
        await self._copy("insert_many__copy_to_stage", rows)
        stored: int = await self._value("insert_many__store_staged", {})
        contradicted = await self._value("insert_many__contradicted", {})
        if contradicted is not None:
            raise Conflict(f"id: {contradicted} already names another value")
        await self._run("insert_many__drop_stage")
        return stored
