"""A load of years whose process is killed: the retry completes it, and nothing is there twice."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest

from mlops_ledger import Database, ModelVersionRepository, new_id

LOAD = """
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID
import numpy as np
from mlops_ledger import Database, GroundTruthRepository, PredictionsRepository

days = [datetime(2006, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(1825)]
requests = [f"r{day}" for day in range(1825)]
with Database(sys.argv[1]) as db:
    PredictionsRepository(db).insert_columns(
        columns={"prediction": np.zeros(1825), "predicted_at": days, "request_id": requests},
        model_name="m", model_version="1", idempotency_key=UUID(sys.argv[2]),
    )
    GroundTruthRepository(db).insert_many(rows=[
        {"request_id": request, "actual_value": 1, "labeled_at": day + timedelta(days=1)}
        for request, day in zip(requests, days)
    ])
"""
# What another session holds, so that the load waits and can be killed right there.
HELD = {
    "making partitions": (
        "SELECT FROM partition_policies WHERE table_name = 'predictions' FOR UPDATE"
    ),
    "storing predictions": "LOCK TABLE predictions IN SHARE MODE",
    "making partitions of labels": (
        "SELECT FROM partition_policies WHERE table_name = 'ground_truth' FOR UPDATE"
    ),
    "storing labels": "LOCK TABLE ground_truth IN SHARE MODE",
}


def wait_until_it_waits(conn: psycopg.Connection[Any]) -> None:
    """Return when a session of the load waits for the lock that is held."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    for _ in range(1200):
        if conn.execute(query).fetchone() != (0,):
            return
        time.sleep(0.05)
    raise AssertionError("the load does not wait")


@pytest.mark.parametrize("held", HELD)
def test_the_retry_completes_it(dsn: str, conn: psycopg.Connection[Any], held: str) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
    load = [sys.executable, "-c", LOAD, dsn, str(new_id())]
    with psycopg.connect(dsn) as holder:
        holder.execute(HELD[held])
        with subprocess.Popen(load) as process:
            wait_until_it_waits(conn)
            process.kill()
    subprocess.run(load, check=True)
    found = conn.execute(
        "SELECT p.*, g.*, w.*"
        " FROM (SELECT count(*), count(DISTINCT request_id) FROM predictions) p,"
        " (SELECT count(*) FROM ground_truth) g, (SELECT count(*) FROM ground_truth_waiting) w"
    ).fetchone()
    assert found == (1825, 1825, 1825, 0)
