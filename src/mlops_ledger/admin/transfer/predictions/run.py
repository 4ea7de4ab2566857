"""An import that goes on: what it has done, and who is told of what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from .lines import Line

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was refused: its line in the file (in Parquet its number), and why."""

    line: int
    reason: str
    row: Any


@dataclass(slots=True)
class Imported:
    """How many rows were stored, were there already, wait for a prediction, and were refused."""

    stored: int = 0
    duplicates: int = 0
    waiting: int = 0
    refused: int = 0

    def add(self, written: Any) -> None:
        """Count what a write has done."""
        for name, number in asdict(written).items():
            setattr(self, name, getattr(self, name) + number)


@dataclass
class Run:
    """An import that goes on: what it is told to refuse is counted and handed on."""

    on_refusal: Callable[[Refusal], None]
    report: Report
    done: Imported = field(default_factory=Imported)

    def refuse(self, line: Line, reason: str) -> None:
        """Count a refused row and hand it on."""
        self.done.refused += 1
        self.on_refusal(Refusal(line.number, reason, line.raw))
