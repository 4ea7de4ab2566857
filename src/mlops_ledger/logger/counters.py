"""What a logger has done so far, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .flusher import Flusher
    from .intake import Intake


@dataclass(frozen=True, slots=True)
class Counters:
    """A snapshot of a logger's counters in this process.

    At rest `accepted == stored + duplicates + dead_lettered + dropped + buffered + spooled`.
    `replayed` counts the records of earlier processes, which are in none of the others.
    """

    accepted: int = 0
    stored: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    buffered: int = 0
    spooled: int = 0
    replayed: int = 0
    adopted_folders: int = 0
    batches: int = 0
    failures: int = 0
    spool_bytes: int = 0
    oldest_unsent_age_seconds: float = 0.0
    circuit_open: bool = False
    last_error: str | None = None

    def __str__(self) -> str:
        """Write them as one line for a log."""
        return (
            f"accepted={self.accepted} stored={self.stored} duplicates={self.duplicates} "
            f"dead_lettered={self.dead_lettered} dropped={self.dropped} "
            f"buffered={self.buffered} spooled={self.spooled} replayed={self.replayed} "
            f"failures={self.failures} last_error={self.last_error!r}"
        )


def count(intake: Intake, flusher: Flusher) -> Counters:
    """Take a snapshot."""
    own = flusher.own
    return Counters(
        accepted=intake.accepted,
        stored=flusher.stored + (own.stored if own else 0),
        duplicates=flusher.duplicates + (own.duplicates if own else 0),
        dead_lettered=own.dead_lettered if own else 0,
        dropped=intake.dropped,
        buffered=intake.buffered,
        spooled=intake.spooled,
        replayed=flusher.replayed,
        adopted_folders=flusher.adopted_folders,
        batches=flusher.batches + (own.batches if own else 0),
        failures=flusher.failures,
        spool_bytes=intake.spool.bytes if intake.spool else 0,
        oldest_unsent_age_seconds=flusher.oldest_unsent_age,
        circuit_open=flusher.circuit_open,
        last_error=flusher.last_error,
    )
