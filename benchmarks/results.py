"""What a benchmark found, and what it should be."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass

from mlops_ledger.cli.output import echo_table

_COMPARE = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True)
class Result:
    """A number and its goal, such as ">= 0.9"."""

    name: str
    value: float
    goal: str

    @property
    def is_met(self) -> bool:
        """Whether the number reaches its goal."""
        sign, limit = self.goal.split()
        return bool(_COMPARE[sign](self.value, float(limit)))


def echo_results(results: Iterable[Result]) -> None:
    """Print the numbers beside their goals."""
    echo_table(
        ("measure", "found", "goal", ""),
        [
            (result.name, f"{result.value:.2f}", result.goal, "" if result.is_met else "missed")
            for result in results
        ],
    )
