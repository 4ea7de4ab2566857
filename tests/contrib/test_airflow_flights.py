"""The flight jobs as DAGs, as examples/airflow has them."""

from __future__ import annotations

from time import sleep

import psycopg
import pytest
from fix_airflow import ROOT, Airflow, rows_of

from mlops_ledger import AgentActionsRepository, Database, ModelVersionRepository

pytestmark = pytest.mark.once

MODEL = "flight-delays"
SUMMED = """
SELECT model_version_id, grain, starts_at, part, num_predictions, num_errors, labels, label_counts
FROM summaries ORDER BY model_version_id, grain, starts_at, part
"""
RELEASE, WEEK_LATER = "2013-02-01T05:00:00+00:00", "2013-02-08T05:00:00+00:00"


def test_the_flight_jobs_pass_twice_with_the_same_rows(
    airflow: Airflow, dsn: str, conn: psycopg.Connection
) -> None:
    folder = {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "airflow")}
    arguments = ("-m", "airflow", "dags", "test", "flight_delays_retraining", RELEASE)
    process = airflow.start(*arguments, **folder)
    with Database(dsn) as db:
        actions = AgentActionsRepository(db)
        while not (pending := actions.list_pending(model_name=MODEL)):
            assert process.poll() is None, process.communicate()[0][-5000:]
            sleep(0.2)
        actions.approve(id=pending[0].id, reviewed_by="reviewer")
        output, _ = process.communicate()
        assert process.returncode == 0, output[-5000:]
        live = ModelVersionRepository(db).live(model_name=MODEL)
        assert live is not None
    airflow.test_dag("flight_delays_monitoring", WEEK_LATER, **folder)
    first, summed = rows_of(conn), conn.execute(SUMMED).fetchall()
    counts = {table: count for table, (count, _) in first.items()}
    assert (counts["predictions"], counts["ground_truth"]) == (6083, 5937)
    assert (counts["monitoring_metrics"], counts["model_deployments"]) == (1, 1)
    airflow.test_dag("flight_delays_retraining", RELEASE, **folder)
    airflow.test_dag("flight_delays_monitoring", WEEK_LATER, **folder)
    assert records(rows_of(conn)) == records(first)
    assert conn.execute(SUMMED).fetchall() == summed


def records(found: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """Leave out the keys of each delivery, and sums, which differ in the order of what they add."""
    derived = ("prediction_batches", "summaries", "summary_")
    return {table: rows for table, rows in found.items() if not table.startswith(derived)}
