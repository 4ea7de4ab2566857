"""A trial: train a candidate and judge it against its rival on the same held-out flights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mlops_ledger import Database
from mlops_ledger.rows import ModelVersion

from . import model
from .data import FIRST_DAY, Window, flights_between
from .gates import Gate, six_gates
from .rival import Rival, answers_of, base_rate

LOOKBACK = timedelta(weeks=8)
HELD_OUT_PERIOD = timedelta(weeks=2)


@dataclass(frozen=True)
class Trial:
    """How a candidate did, and on which flights."""

    training: Window
    held_out: Window
    rival: Rival
    labelled_flights: int
    coverage_pct: float
    metrics: dict[str, float]
    gates: list[Gate]

    @property
    def passed(self) -> bool:
        """Whether the candidate may replace production: it passed every gate."""
        return all(gate["passed"] for gate in self.gates)

    @property
    def reasoning(self) -> str:
        """The outcome in words."""
        failed = [gate for gate in self.gates if not gate["passed"]]
        if not failed:
            return f"all {len(self.gates)} gates passed"
        return "failed " + ", ".join(
            f"{gate['gate']} ({gate['value']:.4g}, threshold {gate['threshold']:.4g})"
            for gate in failed
        )


def hold_trial(db: Database, now: datetime, production: ModelVersion | None) -> Trial:
    """Train on recent labels without the last two weeks, and compare on these.

    The first model of all has no version in production to compare with: its rival is the base rate.
    """
    training, held_out = windows(now)
    flights = held_out.flights()
    coverage_pct = 100 * len(flights) / len(flights_between(held_out.start, held_out.end))
    candidate = model.predict(model.train(training), flights)
    rival = answers_of(db, production, held_out) if production else base_rate(training, held_out)
    return Trial(
        training=training,
        held_out=held_out,
        rival=rival,
        labelled_flights=len(flights),
        coverage_pct=coverage_pct,
        metrics=model.evaluate(flights["late"], candidate),
        gates=six_gates(flights, coverage_pct, candidate, rival),
    )


def windows(now: datetime) -> tuple[Window, Window]:
    """Return the training window and the held-out window of a candidate made at `now`."""
    middle = now - HELD_OUT_PERIOD
    start = max(FIRST_DAY, now - LOOKBACK)
    return Window(start, middle, known_at=now), Window(middle, now, known_at=now)
