"""What of the ledger's SQL breaks a rule, but for what may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .queries import Query, all_queries
from .rules import RULES, Known

# By rule and place, and why.
ALLOWED = {
    ("triggers", "0018_system_metrics.up.sql"): "taken away before the table is distributed",
    ("triggers", "ledger_guard_system_metrics"): "made again on the coordinator",
    ("sizes", "ledger_sizes"): "asks Citus first",
    ("lateral", "baselines.from_window__rows"): "by the id, so both rows are on the same worker",
    ("lateral", "predictions.list_predictions__of_versions"): "its twin is taken there",
    ("lateral", "predictions.list_recent__of_versions"): "its twin is taken there",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a query breaks, and how."""

    rule: str
    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return a line for people."""
        return f"{self.place}: {self.what} ({self.rule}). {self.remedy}"


def findings() -> Iterator[Finding]:
    """Yield what nobody allowed, and what was allowed and is no longer there."""
    found = list(check(all_queries()))
    yield from (one for one in found if (one.rule, one.place) not in ALLOWED)
    for rule, place in ALLOWED.keys() - {(one.rule, one.place) for one in found}:
        yield Finding(rule, place, "nothing left to allow", "Take it off the list.")


def check(queries: list[Query], known: Known | None = None) -> Iterator[Finding]:
    """Yield what breaks a rule."""
    known = known or Known.of(queries)
    for query in queries:
        for rule in RULES:
            for what in rule(query.tree, known):
                yield Finding(rule.__name__, query.place, what, rule.__doc__ or "")
