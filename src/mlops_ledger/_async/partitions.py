"""What the repositories of partitioned tables share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ..checks.values import timestamp
from .repository import AsyncRepository

_LAST: Final = datetime.max.replace(tzinfo=UTC)


class AsyncPartitioned(AsyncRepository):
    """Base of the repositories whose tables are partitioned by time."""

    async def ensure_partitions(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        """Make the missing partitions of a range of time, by default the coming week.

        Returns how many were made. Writers make the partitions they miss themselves; made in
        advance, no write waits for one.
        """
        since = datetime.now(UTC) if since is None else timestamp("since", since)
        if until is None:
            until = since + min(timedelta(days=7), _LAST - since)
        made: int = await self._value("ensure_partitions", locals())
        return made
