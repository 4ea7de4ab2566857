"""Every week: answer for its flights, label those that have landed, monitor the model."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.decorators import dag, task
from airflow.timetables.trigger import CronTriggerTimetable
from airflow_provider_mlops_ledger.hook import MlopsLedgerHook
from airflow_provider_mlops_ledger.ids import plain
from airflow_provider_mlops_ledger.monitoring import MonitoringOperator

from examples.flight_delays.data import LATE, RELEASE
from examples.flight_delays.model import MODEL_NAME
from examples.flight_delays.monitoring import LOOKBACK_HOURS


@dag(
    schedule=CronTriggerTimetable("0 5 * * 5", timezone="UTC"),
    start_date=RELEASE,
    catchup=False,
    max_active_runs=1,
)
def flight_delays_monitoring() -> None:
    """Serve, label and monitor the week before the logical date."""

    @task
    def serve(logical_date: datetime | Any = None) -> int:
        """Predict the flights of the week, as the service would have."""
        from examples.flight_delays.data import flights_between
        from examples.flight_delays.monitoring import WEEK, version_in_production, watch
        from examples.flight_delays.serving import serve as predict

        now = plain(logical_date)
        with MlopsLedgerHook().get_conn() as db:
            watch(db)
            version = version_in_production(db, now - WEEK)
            return predict(db, version, flights_between(now - WEEK, now))

    @task
    def label(logical_date: datetime | Any = None) -> int:
        """Record how the flights turned out that have landed."""
        from examples.flight_delays.monitoring import label as record

        with MlopsLedgerHook().get_conn() as db:
            return record(db, plain(logical_date))

    monitor = MonitoringOperator(
        task_id="monitor",
        model_name=MODEL_NAME,
        lookback_hours=LOOKBACK_HOURS,
        method="psi",
        positive_label=LATE,
    )
    serve() >> label() >> monitor


flight_delays_monitoring()
