"""Deletes what is past its retention.

Predictions, labels and system metrics are dropped by the partition, which takes milliseconds
whatever it holds; only the partition that the limit falls into is trimmed, predictions and labels
by the hour. The summaries of both stay. Model versions, decisions, monitoring runs, drift reports
and performance metrics are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import scalar_row

from .._sync.repository import Repository
from .._sync.summaries import SummariesRepository
from ..checks import values
from ..errors import InvalidValue, NotFound, SchemaError, TimedOut, Unavailable
from ..statements import load

_BATCH: Final = 10_000
_TRIES: Final = 5
_HOUR: Final = timedelta(hours=1)
SUMMARISED: Final = ("predictions", "ground_truth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition from `since` to before `until`, of a table whose rows go from before `before`."""

    table_name: str
    name: str
    since: datetime
    until: datetime
    before: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What one step of a clean-up freed, or would free: a partition, or rows of a table."""

    table_name: str
    partition: str | None
    rows: int | None
    bytes: int | None


class Retention(Repository):
    """Cleans up predictions, labels and system metrics, and makes their partitions ahead."""

    _file = "retention"

    def ensure_partitions(self, *, until: datetime) -> int:
        """Make the missing partitions of all tables from now on and return how many.

        Writers make those they miss; made ahead, no write waits for one.
        """
        # One transaction for each table: the server has locks for so many partitions only.
        tables = self._fetch("tables", scalar_row, {})
        return sum(
            self._value("ensure_partitions", {"table_name": table_name, "until": until})
            for table_name in tables
        )

    def cleanup(
        self,
        *,
        before: datetime,
        metrics_before: datetime | None = None,
        model_name: str | None = None,
        dry_run: bool = False,
        report: Callable[[Freed], None] = lambda freed: None,
    ) -> list[Freed]:
        """Delete what is older than a timestamp: predictions, their labels, system metrics.

        Predictions and labels go by the full hour; their summaries stay as they are.
        System metrics go from before `metrics_before` when it is given. With `model_name` only
        predictions and labels of that model go, row by row. `report` is called after each step.
        Each deletion is recorded in the transaction that does it, and so in the audit log.
        Returns what was freed. Raises NotFound for an unknown model, TimedOut when a partition
        stays in use.
        """
        before = _past("before", before)
        if metrics_before is None and model_name is None:
            metrics_before = before
        # Summaries are by the hour: of one, all rows go or none.
        before = before.replace(minute=0, second=0, microsecond=0)
        version_ids = None if model_name is None else self._versions(model_name)
        if metrics_before is not None:
            metrics_before = _past("metrics_before", metrics_before)
        steps: list[Freed] = []
        for partition in self._rows("partitions", Partition, locals()):
            whole = version_ids is None and partition.until <= partition.before
            if whole:
                freed = self._drop(partition, dry_run)
            else:
                freed = self._trim(partition, version_ids, dry_run)
            steps += self._done(freed, report)
        if not dry_run:
            tables = ["prediction_batches"]
            if version_ids is None:
                tables.append("ground_truth_waiting")
            for table in tables:
                freed = self._delete(table, None, until=before, version_ids=version_ids)
                steps += self._done(freed, report)
        return steps

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
        freed = Freed(
            table_name=partition.table_name,
            partition=partition.name,
            rows=None,
            bytes=partition.bytes,
        )
        if not dry_run:
            self._drop_table(partition, freed)
        return freed

    def _drop_table(self, partition: Partition, freed: Freed) -> None:
        name, parent = sql.Identifier(partition.name), sql.Identifier(partition.table_name)
        lock = sql.SQL("LOCK TABLE ONLY {}, {} IN ACCESS EXCLUSIVE MODE").format(parent, name)
        is_summarised = partition.table_name in SUMMARISED
        if is_summarised:
            # Most of the work, without blocking others.
            SummariesRepository(self._db).fold(since=partition.since, until=partition.until)
        for attempt in range(_TRIES):
            # Writers queued behind the lock get their turn before the next try.
            time.sleep(attempt)
            try:
                with self._db.transaction() as tx, tx.connection() as connection:
                    connection.execute(load(self._file)["be_brief"].text)
                    connection.execute(lock)
                    if is_summarised:
                        Retention(tx)._value(
                            "keep_history", {**asdict(partition), "version_ids": None}
                        )
                    connection.execute(sql.SQL("DROP TABLE {}").format(name))
                    Retention(tx)._record(freed)
                return
            except SchemaError:
                # Another clean-up was faster, and has recorded it.
                return
            except TimedOut:
                pass
        raise TimedOut(
            f"partition {partition.name} stays in use: end what reads it, and run this again"
        )

    def _trim(
        self,
        partition: Partition,
        version_ids: list[UUID] | None,
        dry_run: bool,
    ) -> Freed:
        bounds: dict[str, Any] = {
            "since": partition.since,
            "until": min(partition.until, partition.before),
            "version_ids": version_ids,
        }
        if not dry_run:
            delete = self._delete_hours if partition.table_name in SUMMARISED else self._delete
            return delete(partition.table_name, partition.name, **bounds)
        rows = self._value(f"count_{partition.table_name}", bounds)
        return Freed(
            table_name=partition.table_name, partition=partition.name, rows=rows, bytes=None
        )

    def _delete(self, table_name: str, partition: str | None, **values: Any) -> Freed:
        """Delete in small transactions, so that nobody waits for a long one."""
        deleted, after = 0, None
        while True:
            values |= {"after": after, "limit": _BATCH}
            with self._db.transaction() as tx:
                within = Retention(tx)
                ids = within._fetch(f"trim_{table_name}", scalar_row, values)
                freed = Freed(table_name=table_name, partition=partition, rows=len(ids), bytes=None)
                if ids:
                    within._record(freed)
            deleted += len(ids)
            if len(ids) < _BATCH:
                return replace(freed, rows=deleted)
            after = max(ids)

    def _delete_hours(
        self,
        table_name: str,
        partition: str,
        *,
        since: datetime,
        until: datetime,
        version_ids: list[UUID] | None,
    ) -> Freed:
        """Delete hour by hour, each with its summary set aside in the same transaction."""
        rows = 0
        while since < until:
            rows += self._delete_hour(table_name, partition, since, version_ids)
            since += _HOUR
        return Freed(table_name=table_name, partition=partition, rows=rows, bytes=None)

    def _delete_hour(
        self, table_name: str, partition: str, since: datetime, version_ids: list[UUID] | None
    ) -> int:
        values = {
            "table_name": table_name,
            "since": since,
            "until": since + _HOUR,
            "version_ids": version_ids,
        }
        for attempt in range(_TRIES):
            time.sleep(attempt)
            try:
                with self._db.transaction() as tx:
                    within = Retention(tx)
                    within._run("see_one_snapshot")
                    within._value("keep_history", values)
                    rows: int = within._value(f"trim_{table_name}", values)
                    if rows:
                        within._record(
                            Freed(table_name=table_name, partition=partition, rows=rows, bytes=None)
                        )
                return rows
            except Unavailable:
                # Somebody folded or erased meanwhile.
                if attempt + 1 == _TRIES:
                    raise
        raise AssertionError

    def _record(self, freed: Freed) -> None:
        self._value("record", asdict(freed))


def _past(field: str, value: object) -> datetime:
    found = values.timestamp(field, value)
    if found > datetime.now(UTC):
        raise InvalidValue(field, "lies in the future")
    return found
