# Generated from src/mlops_ledger/_async/partitions.py by tools/unasync.py: edit that file, then run `make sync`.
"""What the repositories of partitioned tables share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .repository import Repository


class Partitioned(Repository):
    """Base of the repositories whose tables are partitioned by time."""

    def ensure_partitions(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        """Make the missing partitions of a range of time, by default the coming week.

        Returns how many were made. Writers make the partitions they miss themselves; made in
        advance, no write waits for one.
        """
        since = datetime.now(UTC) if since is None else since
        until = since + timedelta(days=7) if until is None else until
        made: int = self._value("ensure_partitions", locals())
        return made
