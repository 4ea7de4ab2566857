"""Deletes what is older than it has to be kept, and checks what is there.

Predictions and labels are dropped by the partition, which takes milliseconds whatever it holds;
only the partition that the limit falls into is trimmed row by row. Model versions, decisions and
monitoring runs are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import scalar_row

from ._sync.repository import Repository
from .errors import InvalidValue, NotFound, TimedOut
from .statements import load
from .values import instant

_BATCH: Final = 10_000
_TRIES: Final = 5
_CHECKS: Final = (
    "predictions_without_version",
    "labels_without_prediction",
    "wrong_number_of_features",
    "wrong_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition of predictions or labels from `since` to before `until`."""

    table_name: str
    name: str
    since: datetime
    until: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What one step of a clean-up freed, or would free: a partition, or rows of a table."""

    table_name: str
    partition: str | None
    rows: int | None
    bytes: int | None


class Retention(Repository):
    """Cleans up and verifies predictions and labels."""

    _file = "retention"

    def cleanup(
        self,
        *,
        before: datetime,
        model_name: str | None = None,
        dry_run: bool = False,
        report: Callable[[Freed], None] = lambda freed: None,
    ) -> list[Freed]:
        """Delete the predictions from before an instant, and their labels; return what it freed.

        With `model_name` only that model's, row by row. `report` is called after each step.
        Raises NotFound for an unknown model, TimedOut when a partition stays in use.
        """
        before = instant("before", before)
        if before > datetime.now(UTC):
            raise InvalidValue("before", "lies in the future")
        version_ids = None if model_name is None else self._versions(model_name)
        steps: list[Freed] = []
        for partition in self._rows("partitions", Partition, locals()):
            whole = version_ids is None and partition.until <= before
            if whole:
                freed = self._drop(partition, dry_run)
            else:
                freed = self._trim(partition, before, version_ids, dry_run)
            steps += self._done(freed, report)
        if not dry_run:
            tables = ["prediction_batches"]
            if version_ids is None:
                tables.append("ground_truth_waiting")
            for table in tables:
                rows = self._delete(f"trim_{table}", until=before, version_ids=version_ids)
                freed = Freed(table_name=table, partition=None, rows=rows, bytes=None)
                steps += self._done(freed, report)
        return steps

    def verify(self) -> dict[str, int]:
        """Count, for each thing that must not be, how often it is; reads every prediction."""
        found = {}
        for name in _CHECKS:
            with self._db.transaction() as tx:
                within = Retention(tx)
                within._run("be_patient")
                found[name] = within._value(name, {})
        return found

    def _versions(self, model_name: str) -> list[UUID]:
        found = self._fetch("version_ids", scalar_row, locals())
        if not found:
            raise NotFound(f"there is no model {model_name}")
        return found

    def _done(self, freed: Freed, report: Callable[[Freed], None]) -> list[Freed]:
        if freed.rows == 0:
            return []
        report(freed)
        return [freed]

    def _drop(self, partition: Partition, dry_run: bool) -> Freed:
        if not dry_run:
            self._drop_table(partition.name)
        return Freed(
            table_name=partition.table_name,
            partition=partition.name,
            rows=None,
            bytes=partition.bytes,
        )

    def _drop_table(self, name: str) -> None:
        statement = sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name))
        for attempt in range(_TRIES):
            # Writers queued behind the lock get their turn before the next try.
            time.sleep(attempt)
            try:
                with self._db.transaction() as tx, tx.connection() as connection:
                    connection.execute(load(self._file)["be_brief"].text)
                    connection.execute(statement)
                return
            except TimedOut:
                pass
        raise TimedOut(f"partition {name} stays in use: end what reads it, and run this again")

    def _trim(
        self,
        partition: Partition,
        before: datetime,
        version_ids: list[UUID] | None,
        dry_run: bool,
    ) -> Freed:
        stretch: dict[str, Any] = {
            "since": partition.since,
            "until": min(partition.until, before),
            "version_ids": version_ids,
        }
        if dry_run:
            rows = self._value(f"count_{partition.table_name}", stretch)
        else:
            rows = self._delete(f"trim_{partition.table_name}", **stretch)
        return Freed(
            table_name=partition.table_name, partition=partition.name, rows=rows, bytes=None
        )

    def _delete(self, name: str, **values: Any) -> int:
        """Delete in small transactions, so that nobody waits for a long one."""
        deleted, after = 0, None
        while True:
            ids = self._fetch(name, scalar_row, {**values, "after": after, "limit": _BATCH})
            deleted += len(ids)
            if len(ids) < _BATCH:
                return deleted
            after = max(ids)
