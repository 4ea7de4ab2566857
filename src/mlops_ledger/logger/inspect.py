"""Looks at the spool from outside, and delivers what processes that are gone have left in it."""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from .._sync.predictions import PredictionsRepository
from ..database import Database
from ..errors import LedgerError
from .dead_letters import exhume
from .delivery import Delivery, is_outage
from .reader import Drain, notes
from .records import readable
from .segments import scan
from .spool import LOCK, Spool, folders, is_for, problem_of, stored_segments, target_of

_BATCH_ROWS = 1000


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder of the spool: for which database, by host:port/name, and what waits in it and why.

    `live` is whether its process lives.
    """

    folder: str
    target: str | None
    live: bool
    records: int
    bytes: int
    oldest: datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the records that were left; `left_alone` counts folders of other databases."""

    folders: int
    stored: int
    duplicates: int
    dead_lettered: int
    left_alone: int


def survey(root: Path) -> list[FolderState]:
    """Describe the folders of the spool, oldest first."""
    found = []
    for folder in folders(root):
        first, count = None, 0
        for payload in undelivered(folder):
            first = first or payload
            count += 1
        size = sum(segment.size for segment in stored_segments(folder))
        oldest = readable(orjson.loads(first))["predicted_at"] if first else None
        found.append(
            FolderState(
                folder=folder.name,
                target=target_of(folder),
                live=_is_live(folder),
                records=count,
                bytes=size,
                oldest=oldest,
                problem=problem_of(folder),
            )
        )
    return found


def undelivered(folder: Path) -> Iterator[bytes]:
    """Yield the records of a folder that are not delivered yet, in order."""
    position = 0
    for segment in stored_segments(folder):
        for note in notes(segment):
            position = max(position, note.get("settled", 0))
        # A segment that was delivered meanwhile is no news.
        with suppress(FileNotFoundError):
            for record in scan(segment.path.read_bytes(), segment.salt, 0):
                if record.sequence > position:
                    position = record.sequence
                    yield record.payload


def damaged(root: Path) -> list[Path]:
    """Find the segments that were put aside because part of them could not be read."""
    return sorted(root.glob("damaged-*.seg"))


def replay(
    db: Database, root: Path, *, dead_letters: bool = False, any_database: bool = False
) -> Replayed:
    """Deliver what processes that are gone have left, and try the dead letters again if asked to.

    What is meant for another database is left alone, unless it may be `any_database`. Raises
    LedgerError when the database does not take it; what is delivered by then stays so.
    """
    target = None if any_database else db.settings.target
    waiting = deque(exhume(root, target) if dead_letters else ())
    left_alone = 0
    for folder in folders(root):
        if (spool := Spool.adopt(folder, target)) is not None:
            waiting.append(spool)
        elif not (is_for(target_of(folder), target) or _is_live(folder)):
            left_alone += 1
    done: list[Delivery] = []
    problem: LedgerError | None = None
    try:
        while waiting:
            done.append(Delivery(Drain(waiting[0], _BATCH_ROWS), PredictionsRepository(db), root))
            try:
                while done[-1].step(patient=False):
                    pass
            except LedgerError as error:
                # What cannot be stored for now must not hold up the others.
                if is_outage(error):
                    raise
                waiting[0].note_problem(str(error))
                problem = error
            finally:
                done[-1].drain.close()
            waiting.popleft().release()
    finally:
        for spool in waiting:
            spool.release()
    if problem is not None:
        raise problem
    return Replayed(
        folders=len(done),
        stored=sum(delivery.stored for delivery in done),
        duplicates=sum(delivery.duplicates for delivery in done),
        dead_lettered=sum(delivery.dead_lettered for delivery in done),
        left_alone=left_alone,
    )


def _is_live(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared: two who look at the same time do not take each other for the owner.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(lock)
