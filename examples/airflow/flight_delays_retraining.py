"""Train a candidate when one is called for; promote it once somebody has approved that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.decorators import dag, task
from airflow.timetables.trigger import CronTriggerTimetable
from airflow_provider_mlops_ledger.hook import MlopsLedgerHook
from airflow_provider_mlops_ledger.ids import plain
from airflow_provider_mlops_ledger.operators import (
    PromoteOperator,
    RequestActionOperator,
    RetrainingDecisionOperator,
)
from airflow_provider_mlops_ledger.sensors import ApprovalSensor

from examples.flight_delays.data import RELEASE
from examples.flight_delays.model import MODEL_NAME


@dag(
    # An hour after the monitoring run of the week.
    schedule=CronTriggerTimetable("0 6 * * 5", timezone="UTC"),
    start_date=RELEASE,
    catchup=False,
    max_active_runs=1,
)
def flight_delays_retraining() -> None:
    """Candidate, decision, request, approval, promotion."""

    @task.short_circuit
    def called_for(logical_date: datetime | Any = None) -> str | None:
        """Say what calls for a candidate: nothing is in production, or an alert is open."""
        from examples.airflow.candidate import reason_for_a_candidate

        with MlopsLedgerHook().get_conn() as db:
            return reason_for_a_candidate(db, plain(logical_date))

    @task
    def candidate(logical_date: datetime | Any = None) -> dict[str, Any]:
        """Train a candidate, compare it with production, register it with its baseline."""
        from examples.airflow.candidate import make_candidate

        with MlopsLedgerHook().get_conn() as db:
            return make_candidate(db, plain(logical_date))

    @task.short_circuit
    def passed(decision: dict[str, str]) -> bool:
        """Whether the gates let the candidate through."""
        return decision["action"] == "promote"

    trigger = called_for()
    made = candidate()
    decide = RetrainingDecisionOperator(
        task_id="decide",
        model_name=MODEL_NAME,
        trigger_reason=trigger,
        candidate_version_id=made["candidate_version_id"],
        gate_results=made["gate_results"],
        reasoning=made["reasoning"],
        details=made["details"],
    )
    request = RequestActionOperator(
        task_id="request",
        action_type="promote",
        risk_level="high",
        description=made["reasoning"],
        parameters={"slot": "production", "decision_id": decide.output["decision_id"]},
        model_name=MODEL_NAME,
        model_version_id=made["candidate_version_id"],
        details={"requested_at": "{{ logical_date }}"},
    )
    approval = ApprovalSensor(
        task_id="approval",
        action_id=request.output,
        deferrable=True,
        poke_interval=30,
        timeout=timedelta(days=3).total_seconds(),
    )
    promote = PromoteOperator(
        task_id="promote",
        model_name=MODEL_NAME,
        decision_id=decide.output["decision_id"],
        action_id=request.output,
        reason=made["reasoning"],
        at="{{ logical_date }}",
    )
    trigger >> made
    passed(decide.output) >> request >> approval >> promote


flight_delays_retraining()
