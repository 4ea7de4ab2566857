"""Checks what the database cannot enforce by itself; it only reads.

Predictions have no foreign key to their version and labels none to their prediction, because those
would be the most expensive part of a row. Triggers can be disabled, indexes left half-built, clocks
drift apart, and a process that is gone can have left records in its spool.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row, scalar_row

from .._sync.repository import Repository
from ..connection.config import Settings
from ..database import Database
from ..errors import SchemaError
from ..logger.dead_letters import read_dead_letters
from ..logger.inspect import damaged_segments, inspect_spool
from ..migrations import find_migrations
from ..migrations.state import Record, compare
from ..repositories import AuditRepository
from .objects import Objects, expected_objects

# The ledger refuses times that lie a minute ahead.
MOST_SKEW: Final = timedelta(seconds=5)
_ROWS: Final = {
    "predictions_without_version": "predictions of a version that does not exist",
    "labels_without_prediction": "labels of a prediction that does not exist",
    "wrong_number_of_features": "predictions with more or fewer features than their version takes",
    "wrong_id": "predictions whose id is of another time",
    "wrong_summaries": "hours counted wrong, run mlops-ledger fold --rebuild",
    "wrong_outcomes": "hours with labels counted wrong, run mlops-ledger fold --rebuild",
}
# The statements that read a range of each table; each returns some of the counts above.
_STATEMENTS: Final = {
    "predictions": ("predictions", "summaries"),
    "ground_truth": ("ground_truth", "outcomes"),
}
_LISTS: Final = {
    "partitions_detached": "nothing reads their rows, run ALTER TABLE … ATTACH PARTITION",
    "invalid_indexes": "not built to the end, run REINDEX",
    "invalid_constraints": "not checked, run ALTER TABLE … VALIDATE CONSTRAINT",
    "triggers_off": "disabled, run ALTER TABLE … ENABLE TRIGGER",
}
_TOMORROW: Final = "tomorrow's is made on demand, or ahead by mlops-ledger ensure-partitions"
_WAITING: Final = "entries that nobody could append to the audit log, run mlops-ledger audit head"
_UNRECORDED: Final = "not as the audit log has them: changed while its triggers were off"
_DIFFERENCES: Final = {
    "missing": "gone, see schema/schema.sql",
    "changed": "not as the migrations made them, see schema/schema.sql",
    "added": "not the ledger's",
}
_SHOWN: Final = 5

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of mistake: how often it was found, and where, or what to do.

    What is harmless is worth knowing, and no reason to call the ledger wrong.
    """

    check: str
    found: int
    detail: str | None = None
    is_harmless: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to see to it."""
        return self.found > 0 and not self.is_harmless


@dataclass(frozen=True, slots=True)
class Range:
    """A day of a partition, or less, or up to a month of small ones."""

    table_name: str
    since: datetime
    until: datetime
    days: int


def verify(
    settings: Settings, *, since: datetime | None = None, progress: Progress | None = None
) -> list[Check]:
    """Check the configured ledger, all of it, and this machine's spool.

    Of predictions and labels only those from the day of `since` on are read, of all else
    everything. `progress` is called with how many days of partitions, then entries of the audit
    log, were read, and how many there are. Without the schema of this release nothing else can be
    checked. Raises InvalidValue for a time without a time zone, Unavailable when the server
    cannot be reached.
    """
    try:
        with Database(settings) as db:
            found = Verification(db).checks(since=since, progress=progress)
            return [*found, _spool(settings)]
    except SchemaError as error:
        return [Check("schema", 1, str(error))]


class Verification(Repository):
    """The checks inside the database."""

    _file = "verify"

    # The partitions that hold a range are known from its ends.
    _never_prepared = frozenset(name for names in _STATEMENTS.values() for name in names)

    def checks(
        self, *, since: datetime | None = None, progress: Progress | None = None
    ) -> Iterator[Check]:
        """Yield what each check found; reads rows day by day, small days of a month at once."""
        yield self._schema()
        counts = self._counts(since, progress)
        for name, meaning in _ROWS.items():
            yield Check(name, counts[name], meaning if counts[name] else None)
        for name, meaning in _LISTS.items():
            yield _listed(name, self._fetch(name, scalar_row, {}), meaning)
        ahead = self._fetch("partitions_missing", scalar_row, {})
        yield _listed("partitions_missing", ahead, _TOMORROW, is_harmless=True)
        yield from self._objects()
        waiting = self._value("audit_queue", {})
        yield Check("audit_queue", waiting, _WAITING if waiting else None)
        audit = AuditRepository(self._db).verify(progress=progress)
        broken = audit.problem and f"entry {audit.broken_seq} {audit.problem}"
        yield Check("audit_chain", int(broken is not None), broken)
        yield self._clock()

    def _schema(self) -> Check:
        records = {record.version: record for record in self._rows("records", Record, {})}
        edited = [
            str(state) for state in compare(find_migrations(), records) if state.state != "applied"
        ]
        return _listed("schema", edited, "not as this release has it, see migrate status")

    def _objects(self) -> Iterator[Check]:
        objects, expected = Objects(self._db), self._expected()
        differences = objects.differences(expected)
        for kind, meaning in _DIFFERENCES.items():
            yield _listed(f"objects_{kind}", getattr(differences, kind), meaning)
        yield _listed("grants", objects.wrong_grants(expected), "run mlops-ledger roles create")
        kinds = (name.partition(" ") for name in expected)
        tables = [table for kind, _, table in kinds if kind == "table"]
        rows = self._patiently("audited_rows", scalar_row, {"tables": tables})
        yield _listed("audited_rows", rows, _UNRECORDED)

    def _expected(self) -> dict[str, str]:
        """Return what the migrations make, but for what a distributed table cannot have."""
        distributed = self._fetch("distributed", scalar_row, {})
        gone = tuple(f"trigger {table} " for table in distributed)
        expected = expected_objects().items()
        return {name: known for name, known in expected if not name.startswith(gone)}

    def _counts(self, since: datetime | None, progress: Progress | None) -> Counter[str]:
        counts: Counter[str] = Counter()
        ranges = self._rows("ranges", Range, {"since": since})
        total, done = sum(each.days for each in ranges), 0
        for each in ranges:
            for name in _STATEMENTS[each.table_name]:
                counts.update(*self._patiently(name, dict_row, asdict(each)))
            done += each.days
            if progress is not None:
                progress(done, total)
        return counts

    def _patiently(self, name: str, row_factory: Any, values: Mapping[str, object]) -> list[Any]:
        with self._db.transaction() as tx:
            tx.be_patient()
            return Verification(tx)._fetch(name, row_factory, values)

    def _clock(self) -> Check:
        return clock_check(lambda: self._value("server_time", {}))


def clock_check(ask: Callable[[], datetime]) -> Check:
    """Compare this machine's clock with the server's, half a round trip ago."""
    began, clock = datetime.now(UTC), time.monotonic()
    there = ask()
    skew = there - began - timedelta(seconds=(time.monotonic() - clock) / 2)
    if abs(skew) <= MOST_SKEW:
        return Check("clock_skew", 0)
    seconds = skew.total_seconds()
    return Check("clock_skew", 1, f"the server's clock is {abs(seconds):.1f} s {_side(seconds)}")


def _side(seconds: float) -> str:
    return "ahead" if seconds > 0 else "behind"


def _spool(settings: Settings) -> Check:
    left = [folder for folder in inspect_spool(settings.spool) if not folder.live]
    waiting = sum(folder.records for folder in left)
    refused = sum(1 for _ in read_dead_letters(settings.spool))
    damaged = len(damaged_segments(settings.spool))
    problems = {
        f"{waiting} records wait, run mlops-ledger spool replay": waiting,
        f"{refused} dead letters, see mlops-ledger spool inspect": refused,
        f"{damaged} damaged segments in {settings.spool}": damaged,
    }
    found = [problem for problem, count in problems.items() if count]
    return Check("spool_backlog", waiting + refused + damaged, "; ".join(found) or None)


def _listed(name: str, found: Collection[str], meaning: str, *, is_harmless: bool = False) -> Check:
    if not found:
        return Check(name, 0)
    shown = ", ".join(list(found)[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    return Check(name, len(found), f"{shown}: {meaning}", is_harmless)
