"""What a logger has done so far, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Flushed:
    """What became of the records since the flush before; false when some wait or were dropped.

    `dead_lettered` ones are done with but not in the database.
    """

    stored: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    waiting: int = 0

    def __bool__(self) -> bool:
        return not (self.waiting or self.dropped)


@dataclass(frozen=True, slots=True)
class Counters:
    """A snapshot of a logger's counters in this process.

    At rest `accepted == stored + duplicates + dead_lettered + dropped + buffered + spooled`.
    `refused` counts what was never accepted, for its values, by a logger that does not raise.
    `replayed` counts the records of earlier processes, which are in none of the others, and
    `adopted_folders` their folders. `batches` and `failures` count transactions; the circuit is
    open from a failure to the next success, and `last_error` says what failed last.
    `buffered`, `spooled`, `spool_bytes`, `oldest_unsent_age_seconds` and `circuit_open` go up and
    down; the other numbers only grow.
    """

    accepted: int = 0
    stored: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    refused: int = 0
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

    def as_dict(self) -> dict[str, Any]:
        """Return them by name, for a metrics exporter."""
        return asdict(self)

    def since(self, before: Counters, *, waiting: int) -> Flushed:
        """Return what became of the records since an earlier snapshot."""
        return Flushed(
            stored=self.stored - before.stored,
            duplicates=self.duplicates - before.duplicates,
            dead_lettered=self.dead_lettered - before.dead_lettered,
            dropped=self.dropped - before.dropped,
            waiting=waiting,
        )

    def __str__(self) -> str:
        """Write them as one line for a log."""
        return " ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
