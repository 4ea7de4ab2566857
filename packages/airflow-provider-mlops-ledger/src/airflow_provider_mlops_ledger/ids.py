"""Ids and times that every try of a task has in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mlops_ledger import id_for


def time_of_run(context: Mapping[str, Any]) -> datetime:
    """Return the end of the run's data interval, which is when it was due in all timetables.

    A run that was triggered without a logical date has no interval; it was due when triggered.
    """
    run = context["dag_run"]
    return plain(run.data_interval_end or run.logical_date or run.run_after)


def id_of_task(context: Mapping[str, Any]) -> UUID:
    """Return the id of what the task writes: that of its DAG, run, task and map index.

    All tries have it, and a task that is cleared and run again, so the ledger stores one row. A run
    is told by its logical date; one without has its run id.
    """
    task, run = context["ti"], context["dag_run"]
    run_id = None if run.logical_date else task.run_id
    # As JSON, because names may contain any separator.
    key = json.dumps([task.dag_id, run_id, task.task_id, task.map_index])
    return id_for(f"airflow {key}", plain(run.logical_date or run.run_after))


def plain(at: datetime) -> datetime:
    """Return a timestamp as a datetime of the standard library, in UTC.

    Airflow's are pendulum's, whose arithmetic gives durations and zones of its own.
    """
    utc = at.astimezone(UTC)
    return datetime.combine(utc.date(), utc.time(), UTC)
