"""Looks at the spool from outside, and delivers what processes that are gone have left in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from .._sync.predictions import PredictionsRepository
from ..database import Database
from .deadletters import FILE_NAME
from .delivery import Delivery
from .drain import Drain, notes
from .records import readable
from .segments import scan
from .spool import LOCK, Spool, folders, stored_segments

_BATCH_ROWS = 1000


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder of the spool: whether its process lives, and what is not delivered yet."""

    folder: str
    live: bool
    records: int
    bytes: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the records that were left."""

    folders: int
    stored: int
    duplicates: int
    dead_lettered: int


def survey(root: Path) -> list[FolderState]:
    """Describe the folders of the spool, oldest first."""
    found = []
    for folder in folders(root):
        first, count = None, 0
        for payload in undelivered(folder):
            first = first or payload
            count += 1
        size = sum(segment.size for segment in stored_segments(folder))
        oldest = readable(first)["predicted_at"] if first else None
        found.append(FolderState(folder.name, _is_live(folder), count, size, oldest))
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


def dead_letters(root: Path) -> Iterator[dict[str, Any]]:
    """Yield the dead letters, oldest first; a line that was cut short is left out."""
    path = root / FILE_NAME
    if path.exists():
        with path.open("rb") as lines:
            for line in lines:
                with suppress(orjson.JSONDecodeError):
                    yield orjson.loads(line)


def damaged(root: Path) -> list[Path]:
    """Find the segments that were put aside because part of them could not be read."""
    return sorted(root.glob("damaged-*.seg"))


def replay(db: Database, root: Path) -> Replayed:
    """Deliver what processes that are gone have left.

    Raises Unavailable when the database does not take it; what is delivered by then stays so.
    """
    done: list[Delivery] = []
    for folder in folders(root):
        if (spool := Spool.adopt(folder)) is None:
            continue
        delivery = Delivery(Drain(spool, _BATCH_ROWS), PredictionsRepository(db), root)
        done.append(delivery)
        try:
            while delivery.step(patient=False):
                pass
        finally:
            delivery.drain.close()
            spool.release()
    return Replayed(
        folders=len(done),
        stored=sum(delivery.stored for delivery in done),
        duplicates=sum(delivery.duplicates for delivery in done),
        dead_lettered=sum(delivery.dead_lettered for delivery in done),
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
