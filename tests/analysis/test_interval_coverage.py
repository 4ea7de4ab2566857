"""The coverage of prediction intervals is what NumPy makes of the rows."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import psycopg
import pytest
from fix_faults import examples
from fix_outcomes import DAY, START, TODAY, Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_ledger import Database

PREDICTIONS = """
SELECT id, confidence_lower, confidence_upper, prediction FROM predictions
WHERE model_version_id = (SELECT id FROM model_versions WHERE model_name = %s)"""
LABELS = "SELECT prediction_id, labeled_at, actual_value FROM ground_truth ORDER BY labeled_at"


def coverage(conn: psycopg.Connection[Any], record: Record) -> float | None:
    """Work out the coverage from predictions and labels, the latest of which count."""
    truth = {row[0]: row[2] for row in conn.execute(LABELS).fetchall()}
    rows = [
        (truth[id], lower, upper)
        for id, lower, upper, number in conn.execute(PREDICTIONS, (record.name,)).fetchall()
        if id in truth and None not in (lower, upper, number)
    ]
    if not rows:
        return None
    actual, lower, upper = np.array(rows).T
    return float(np.mean((lower <= actual) & (actual <= upper)))


@settings(max_examples=examples(4), database=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.sampled_from(("write", "label", "label", "fold", "erase")), min_size=3, max_size=9
    ),
    seed=st.integers(0, 2**32),
)
def test_rows_and_summaries_give_what_numpy_gives(
    db: Database, conn: psycopg.Connection[Any], steps: list[str], seed: int
) -> None:
    record = Record(db, "intervals", random.Random(seed))
    record.write()
    for step in steps:
        getattr(record, step)()
    record.label()
    expected = coverage(conn, record)
    asked: dict[str, Any] = {"model_name": record.name, "since": START, "until": TODAY}
    [bucket] = record.series(4 * DAY)
    found = [record.truth.performance(**asked, source=source) for source in ("rows", "summaries")]
    for each in (bucket, *found):
        assert each.interval_coverage == (None if expected is None else pytest.approx(expected))
        assert ("interval_coverage" in each.reasons) == (expected is None)
