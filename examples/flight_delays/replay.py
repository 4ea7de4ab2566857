"""The year 2013 again, week by week, with the moment that each job runs at given to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.progress import track

from mlops_ledger import (
    Database,
    MonitoringMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.rows import MonitoringRun

from .data import RELEASE, flights_between
from .jobs import WEEK, label, monitor, retrain, retraining_trigger, version_in_production
from .model import MODEL_NAME
from .serving import serve

WEEKS = 47


def replay(db: Database, weeks: int = WEEKS) -> Counter[str]:
    """Run the jobs that are not in the ledger yet; return how many rows of each kind that added.

    A replay that was killed continues where it stopped.
    """
    added: Counter[str] = Counter()
    if RetrainingDecisionsRepository(db).latest(model_name=MODEL_NAME) is None:
        # About 900 flights a day are too few for a partition each.
        PredictionsRepository(db).partition_by(period="month")
        retrain(db, RELEASE, trigger="initial")
        added["decisions"] += 1
    monitoring = MonitoringMetricsRepository(db)
    recorded = {run.timestamp: run for run in monitoring.list_runs(model_name=MODEL_NAME)}
    for week in progress(range(1, weeks + 1)):
        now = RELEASE + week * WEEK
        run = recorded.get(now)
        if run is None:
            run = run_week(db, now, added)
        if trigger := retraining_trigger(db, run):
            retrain(db, now, trigger, run)
            added["decisions"] += 1
    return added


def run_week(db: Database, now: datetime, added: Counter[str]) -> MonitoringRun:
    """Serve the week before `now`, label what has landed in it, and monitor it.

    The monitoring run comes last: where it is in the ledger, so is the week.
    """
    version = version_in_production(db, now - WEEK)
    added["predictions"] += serve(db, version, flights_between(now - WEEK, now))
    added["labels"] += label(db, now)
    added["monitoring runs"] += 1
    return MonitoringMetricsRepository(db).get(id=monitor(db, now))


def progress(weeks: Iterable[int]) -> Iterable[int]:
    """Show a progress bar on a terminal, and nothing in a pipe."""
    console = Console(stderr=True)
    return track(weeks, "Replaying 2013", console=console, disable=not console.is_terminal)
