"""Looks at the spool from outside: what waits in it, for which database, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from .folder import folders, is_live, problem_of, stored_segments, target_of
from .reader import notes
from .records import readable
from .segments import scan


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


def inspect_spool(root: Path) -> list[FolderState]:
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
                live=is_live(folder),
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
            position = max(position, note.get("delivered", 0))
        # A segment that was delivered meanwhile is no news.
        with suppress(FileNotFoundError):
            for record in scan(segment.path.read_bytes(), segment.salt, 0):
                if record.sequence > position:
                    position = record.sequence
                    yield record.payload


def damaged_segments(root: Path) -> list[Path]:
    """Find the segments that were put aside because part of them could not be read."""
    return sorted(root.glob("damaged-*.seg"))
