"""The year 2013 again, week by week, each job given the time it runs at."""

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
from .model import MODEL_NAME
from .monitoring import WEEK, label, monitor, version_in_production, watch
from .retraining import alert_to_act_on, promote_approved, protect, retrain, review
from .serving import serve

WEEKS = 47


def replay(db: Database, weeks: int = WEEKS) -> Counter[str]:
    """Run the jobs that are not in the ledger yet; return how many rows of each kind that added.

    A replay that was killed continues where it stopped.
    """
    added: Counter[str] = Counter()
    release_first_model(db, added)
    monitoring = MonitoringMetricsRepository(db)
    recorded = {run.timestamp: run for run in monitoring.list_runs(model_name=MODEL_NAME)}
    for week in progress(range(1, weeks + 1)):
        now = RELEASE + week * WEEK
        run = recorded.get(now) or run_week(db, now, added)
        if alert := alert_to_act_on(db, run):
            retrain(db, now, run, alert)
            added["decisions"] += 1
        review(db)
        added["promotions"] += promote_approved(db)
    return added


def release_first_model(db: Database, added: Counter[str]) -> None:
    """Promote a model that has learnt from January, and set up what watches and protects it."""
    if RetrainingDecisionsRepository(db).latest(model_name=MODEL_NAME) is None:
        # About 900 flights a day are too few for a partition each.
        PredictionsRepository(db).partition_by(period="month")
        retrain(db, RELEASE)
        added["decisions"] += 1
    watch(db)
    protect(db)
    review(db)
    added["promotions"] += promote_approved(db)


def run_week(db: Database, now: datetime, added: Counter[str]) -> MonitoringRun:
    """Serve the week before `now`, label what has landed in it, and monitor it.

    The monitoring run comes last: where it is in the ledger, so is the week.
    """
    version = version_in_production(db, now - WEEK)
    added["predictions"] += serve(db, version, flights_between(now - WEEK, now))
    added["labels"] += label(db, now)
    added["monitoring runs"] += 1
    return monitor(db, now)


def progress(weeks: Iterable[int]) -> Iterable[int]:
    """Show a progress bar on a terminal, and nothing in a pipe."""
    console = Console(stderr=True)
    return track(weeks, "Replaying 2013", console=console, disable=not console.is_terminal)
