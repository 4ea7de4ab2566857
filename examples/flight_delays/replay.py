"""The year 2013 again, week by week, with the moment that each job runs at given to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import track

from mlops_ledger import Database, MonitoringMetricsRepository, RetrainingDecisionsRepository

from .jobs import MODEL_NAME, WEEK, monitor, retrain, retraining_trigger

# Midnight in New York, after the January that the first model learns from.
RELEASE = datetime(2013, 2, 1, 5, tzinfo=UTC)
WEEKS = 47


def replay(db: Database, weeks: int = WEEKS) -> Counter[str]:
    """Run the jobs that are not in the ledger yet; return how many rows of each kind that added.

    A replay that was killed continues where it stopped.
    """
    added: Counter[str] = Counter()
    if RetrainingDecisionsRepository(db).latest(model_name=MODEL_NAME) is None:
        retrain(db, RELEASE, trigger="initial")
        added["decisions"] += 1
    monitoring = MonitoringMetricsRepository(db)
    recorded = {run.timestamp: run for run in monitoring.list_runs(model_name=MODEL_NAME)}
    for week in progress(range(1, weeks + 1)):
        now = RELEASE + week * WEEK
        run = recorded.get(now)
        if run is None:
            run = monitoring.get(id=monitor(db, now))
            added["monitoring runs"] += 1
        if trigger := retraining_trigger(db, run):
            retrain(db, now, trigger, run)
            added["decisions"] += 1
    return added


def progress(weeks: Iterable[int]) -> Iterable[int]:
    """Show a progress bar on a terminal, and nothing in a pipe."""
    console = Console(stderr=True)
    return track(weeks, "Replaying 2013", console=console, disable=not console.is_terminal)
