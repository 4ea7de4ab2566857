"""Moves the tables in one transaction, while nobody writes, and compares what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from psycopg.rows import scalar_row

from ..._sync.repository import Repository
from ...checks.values import PERIODS
from ...connection.config import Settings
from ...connection.connections import direct
from ...database import Database
from ...embedded import resolve_conninfo
from ...errors import ClusterError, InvalidValue, TimedOut
from ...migrations import Migrator
from ...migrations.session import open_session
from .cluster import Cluster, DistributedTable

# Labels lie where their predictions do, so they come after them, and go back before them.
_ORDER: Final = ("predictions", "ground_truth", "system_metrics")
_BACK: Final = ("ground_truth", "predictions", "system_metrics")

# Called with how many steps of how many are done.
Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Distributed:
    """What was moved, by table with its number of rows, and whose new partitions are longer now."""

    moved: dict[str, int]
    lengthened: list[str]


class Distribution(Repository):
    """Where the big tables are; a transaction moves all or none."""

    _file = "distribute"

    def cluster(self) -> Cluster:
        """Describe the cluster; asks every node for every other."""
        return self._one("cluster", Cluster, {})

    def tables(self) -> list[DistributedTable]:
        """Describe the tables that can be spread."""
        return self._rows("tables", DistributedTable, {})

    def distributed(self) -> set[str]:
        """Return the names of the tables that are spread."""
        return set(self._fetch("distributed", scalar_row, {}))

    def move(
        self, statement: str, names: Sequence[str], wait: float, progress: Progress
    ) -> dict[str, int]:
        """Distribute or undistribute tables within a transaction; return their rows."""
        steps = 3 * len(names)
        self._value("wait_for_writers", {"wait": wait})
        try:
            self._run("keep_writers_out")
        except TimedOut:
            raise ClusterError(
                f"the ledger was still in use after {wait:g} s: stop who writes or keeps a "
                "transaction open, loggers spool meanwhile, or give a longer --wait"
            ) from None
        rows = {}
        for number, name in enumerate(names):
            before = self._value(f"count_{name}", {})
            progress(3 * number + 1, steps)
            self._value(statement, {"table_name": name})
            progress(3 * number + 2, steps)
            rows[name] = self._value(f"count_{name}", {})
            progress(3 * number + 3, steps)
            if rows[name] != before:
                raise ClusterError(
                    f"{name} had {before:,} rows and then {rows[name]:,}: nothing was changed"
                )
        return rows

    def lengthen(self, *, period: str) -> list[str]:
        """Make new partitions of a day longer; return the tables."""
        return sorted(self._fetch("lengthen", scalar_row, {"period": period}))

    def rights_and_comments(self) -> list[str]:
        """Return what is granted on tables and views and said of them, as statements."""
        return self._fetch("rights_and_comments", scalar_row, {})

    def renew(self, statements: list[str]) -> None:
        """Grant and say again what is missing."""
        with self._db.connection() as connection:
            for statement in sorted(set(statements) - set(self.rights_and_comments())):
                connection.execute(statement.encode())


def distribute(
    settings: Settings,
    *,
    partition_by: str = "week",
    wait: float = 60.0,
    progress: Progress = lambda done, total: None,
) -> Distributed:
    """Spread predictions, labels and system metrics over the workers; again changes nothing.

    New partitions last a week, or `partition_by`, where they were of a day: each costs as many
    tables as there are shards. `wait` is how many seconds writers and migrators may keep it. Raises
    ClusterError, naming the remedy, when the cluster is not ready or rows were lost, SchemaError
    when the schema is not that of this release.
    """
    if partition_by not in PERIODS:
        raise InvalidValue("partition_by", "must be day, week or month")
    with _locked(settings, wait) as db:
        Distribution(db).cluster().require_ready()
        with db.transaction() as tx:
            tx.be_patient()
            within = Distribution(tx)
            there = within.distributed()
            names = [name for name in _ORDER if name not in there]
            if not names:
                return Distributed({}, [])
            moved = within.move("distribute_table", names, wait, progress)
            return Distributed(moved, within.lengthen(period=partition_by))


def undistribute(
    settings: Settings,
    *,
    wait: float = 60.0,
    progress: Progress = lambda done, total: None,
) -> Distributed:
    """Bring everything back to the coordinator, with rights and comments; again changes nothing.

    New partitions stay as long as they are. Raises Unavailable when a worker cannot be reached,
    ClusterError when rows were lost.
    """
    with _locked(settings, wait) as db, db.transaction() as tx:
        tx.be_patient()
        within = Distribution(tx)
        there = within.distributed()
        names = [name for name in _BACK if name in there]
        if not names:
            return Distributed({}, [])
        # Citus makes the tables and their views again, without comments, the views without rights.
        kept = within.rights_and_comments()
        moved = within.move("undistribute_table", names, wait, progress)
        within.renew(kept)
        return Distributed(moved, [])


@contextmanager
def _locked(settings: Settings, wait: float) -> Iterator[Database]:
    """Keep migrators out, and lend a database of the schema of this release."""
    conninfo = direct(settings, resolve_conninfo(settings))
    with Database(replace(settings, conninfo=conninfo)) as db:
        Migrator(conninfo).verify()
        with open_session(conninfo, wait) as session:
            session.lock(wait)
            yield db
