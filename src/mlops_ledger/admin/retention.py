"""Deletes what is older than it has to be kept.

Predictions, labels and system metrics are dropped by the partition, which takes milliseconds
whatever it holds; only the partition that the limit falls into is trimmed row by row. Model
versions, decisions, monitoring runs, drift reports and performance metrics are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import scalar_row

from .._sync.repository import Repository
from ..checks import values
from ..errors import InvalidValue, NotFound, SchemaError, TimedOut
from ..statements import load

_BATCH: Final = 10_000
_TRIES: Final = 5


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
        made: int = self._value("ensure_partitions", locals())
        return made

    def cleanup(
        self,
        *,
        before: datetime,
        metrics_before: datetime | None = None,
        model_name: str | None = None,
        dry_run: bool = False,
        report: Callable[[Freed], None] = lambda freed: None,
    ) -> list[Freed]:
        """Delete what is from before a timestamp: predictions, their labels, system metrics.

        System metrics go from before `metrics_before` when it is given. With `model_name` only
        predictions and labels of that model go, row by row. `report` is called after each step.
        Each deletion is recorded in the transaction that does it, and so in the audit log.
        Returns what was freed. Raises NotFound for an unknown model, TimedOut when a partition
        stays in use.
        """
        before = _past("before", before)
        version_ids = None if model_name is None else self._versions(model_name)
        if metrics_before is not None:
            metrics_before = _past("metrics_before", metrics_before)
        elif version_ids is None:
            metrics_before = before
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
            self._drop_table(partition.name, freed)
        return freed

    def _drop_table(self, name: str, freed: Freed) -> None:
        statement = sql.SQL("DROP TABLE {}").format(sql.Identifier(name))
        for attempt in range(_TRIES):
            # Writers queued behind the lock get their turn before the next try.
            time.sleep(attempt)
            try:
                with self._db.transaction() as tx, tx.connection() as connection:
                    connection.execute(load(self._file)["be_brief"].text)
                    connection.execute(statement)
                    Retention(tx)._record(freed)
                return
            except SchemaError:
                # Another clean-up was faster, and has recorded it.
                return
            except TimedOut:
                pass
        raise TimedOut(f"partition {name} stays in use: end what reads it, and run this again")

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
            return self._delete(partition.table_name, partition.name, **bounds)
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

    def _record(self, freed: Freed) -> None:
        self._value("record", asdict(freed))


def _past(field: str, value: object) -> datetime:
    found = values.timestamp(field, value)
    if found > datetime.now(UTC):
        raise InvalidValue(field, "lies in the future")
    return found
