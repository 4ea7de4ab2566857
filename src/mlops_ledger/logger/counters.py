"""What a logger has done so far, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counters:
    """A snapshot of a logger's counters in this process.

    At rest `accepted == stored + duplicates + dead_lettered + dropped + buffered + spooled`.
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

    def __str__(self) -> str:
        """Write them as one line for a log."""
        return " ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
