"""A trial: train a candidate and judge it against production on the same held-out flights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from . import model
from .data import FIRST_DAY, Window, flights_between
from .gates import Gate, six_gates

LOOKBACK = timedelta(weeks=8)
HELD_OUT_PERIOD = timedelta(weeks=2)


@dataclass(frozen=True)
class Trial:
    """How a candidate did, and on which flights."""

    training: Window
    held_out: Window
    rival: str
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


def hold_trial(now: datetime, production: Window | None) -> Trial:
    """Train on recent labels without the last two weeks, and compare on these.

    `production` is the window that the version in production was trained on. The first model of
    all has no such rival: it must beat the share of late flights in its training window.
    """
    training, held_out = windows(now)
    flights = held_out.flights()
    coverage_pct = 100 * len(flights) / len(flights_between(held_out.start, held_out.end))
    candidate = model.predict(model.train(training), flights)
    if production is None:
        rival = "share of late flights in the training window"
        rival_probability = np.full(len(flights), training.flights()["late"].mean())
    else:
        rival = "version in production"
        rival_probability = model.predict(model.train(production), flights)
    return Trial(
        training=training,
        held_out=held_out,
        rival=rival,
        labelled_flights=len(flights),
        coverage_pct=coverage_pct,
        metrics=model.evaluate(flights["late"], candidate),
        gates=six_gates(flights, coverage_pct, candidate, rival_probability),
    )


def windows(now: datetime) -> tuple[Window, Window]:
    """Return the training window and the held-out window of a candidate made at `now`."""
    middle = now - HELD_OUT_PERIOD
    start = max(FIRST_DAY, now - LOOKBACK)
    return Window(start, middle, known_at=now), Window(middle, now, known_at=now)
