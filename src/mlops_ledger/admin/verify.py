"""Checks what the database cannot enforce by itself; it only reads.

Predictions have no foreign key to their version and labels none to their prediction, because those
would be the most expensive part of a row. Triggers can be disabled, indexes left half-built, clocks
drift apart, and a process that is gone can have left records in its spool.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg.rows import scalar_row

from .._sync.repository import Repository
from ..config import Settings
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
}
_LISTS: Final = {
    "partitions_missing": "no partition for tomorrow, run mlops-ledger ensure-partitions",
    "invalid_indexes": "not built to the end, run REINDEX",
    "invalid_constraints": "not checked, run ALTER TABLE … VALIDATE CONSTRAINT",
    "triggers_off": "disabled, run ALTER TABLE … ENABLE TRIGGER",
}
_DIFFERENCES: Final = {
    "missing": "gone, see schema/schema.sql",
    "changed": "not as the migrations made them, see schema/schema.sql",
    "added": "not the ledger's",
}
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must not be: how often it was found, and which, or what to do."""

    check: str
    found: int
    detail: str | None = None


def verify(settings: Settings) -> list[Check]:
    """Check the configured ledger, all of it, and this machine's spool.

    Without the schema of this release nothing else can be checked. Raises Unavailable when the
    server cannot be reached.
    """
    try:
        with Database(settings) as db:
            return [*Verification(db).checks(), _spool(settings)]
    except SchemaError as error:
        return [Check("schema", 1, str(error))]


class Verification(Repository):
    """The checks inside the database."""

    _file = "verify"

    def checks(self) -> Iterator[Check]:
        """Yield what each check found; reads every prediction and label."""
        yield self._schema()
        for name, meaning in _ROWS.items():
            count = self._patiently(name)
            yield Check(name, count, meaning if count else None)
        for name, meaning in _LISTS.items():
            yield _listed(name, self._fetch(name, scalar_row, {}), meaning)
        yield from self._objects()
        audit = AuditRepository(self._db).verify()
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
        objects, expected = Objects(self._db), expected_objects()
        differences = objects.differences(expected)
        for kind, meaning in _DIFFERENCES.items():
            yield _listed(f"objects_{kind}", getattr(differences, kind), meaning)
        yield _listed("grants", objects.wrong_grants(expected), "run mlops-ledger roles create")

    def _patiently(self, name: str) -> int:
        with self._db.transaction() as tx:
            within = Verification(tx)
            within._run("be_patient")
            return int(within._value(name, {}))

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


def _listed(name: str, found: Collection[str], meaning: str) -> Check:
    if not found:
        return Check(name, 0)
    shown = ", ".join(list(found)[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    return Check(name, len(found), f"{shown}: {meaning}")
