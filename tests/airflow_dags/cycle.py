"""One task of each kind; KILL_AFTER names a task that dies once its rows are committed."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from typing import Any

from airflow.decorators import dag, task
from airflow_provider_mlops_ledger.assets import model_asset
from airflow_provider_mlops_ledger.base import LedgerOperator
from airflow_provider_mlops_ledger.monitoring import MonitoringOperator
from airflow_provider_mlops_ledger.operators import (
    PromoteOperator,
    RequestActionOperator,
    RetrainingDecisionOperator,
    RollbackOperator,
)
from airflow_provider_mlops_ledger.sensors import AlertSensor, ApprovalSensor

from mlops_ledger import AlertsRepository, ModelVersionRepository

DEFERRABLE = os.environ.get("DEFERRABLE") == "yes"
START = datetime(2026, 1, 1, tzinfo=UTC)
GATES = [{"gate": "roc_auc", "passed": True, "value": 0.9, "threshold": 0.8}]
_write = LedgerOperator.execute


def dying(self: LedgerOperator, context: Any) -> Any:
    """Write, then die before Airflow knows."""
    found = _write(self, context)
    if self.task_id == os.environ.get("KILL_AFTER"):
        os.kill(os.getpid(), signal.SIGKILL)
    return found


LedgerOperator.execute = dying


@dag(schedule=None, start_date=START, catchup=False)
def cycle() -> None:
    """Monitor, decide, ask, wait, promote, roll back."""
    monitor = MonitoringOperator(task_id="monitor", model_name="churn")
    decide = RetrainingDecisionOperator(
        task_id="decide",
        model_name="churn",
        trigger_reason="scheduled",
        candidate_version="2",
        gate_results=GATES,
    )
    request = RequestActionOperator(
        task_id="request",
        action_type="promote",
        risk_level="high",
        model_name="churn",
        model_version="2",
        parameters={"slot": "production"},
    )
    approval = ApprovalSensor(
        task_id="approval",
        action_id=request.output,
        deferrable=DEFERRABLE,
        poke_interval=0.2,
        timeout=600,
    )
    promote = PromoteOperator(
        task_id="promote",
        model_name="churn",
        decision_id=decide.output["decision_id"],
        action_id=request.output,
    )
    rollback = RollbackOperator(task_id="rollback", model_name="churn", reason="worse")
    monitor >> decide >> request >> approval >> promote >> rollback


@dag(schedule=None, start_date=START, catchup=False)
def alert() -> None:
    """Wait for an alert."""

    @task
    def show(found: dict[str, Any]) -> None:
        print("found", found["severity"], found["alert_type"])

    waiting = AlertSensor(
        task_id="waiting",
        model_name="churn",
        alert_type="drift",
        deferrable=DEFERRABLE,
        poke_interval=0.2,
        timeout=600,
    )
    show(waiting.output)


@dag(schedule=None, start_date=START, catchup=False)
def mapped() -> None:
    """Ask for as many actions as there are names."""
    RequestActionOperator.partial(
        task_id="ask", action_type="retrain", risk_level="low", model_name="churn"
    ).expand(description=["a", "b", "b"])


@dag(schedule=None, start_date=START, catchup=False)
def refused() -> None:
    """Promote a version that is not there; a retry would not help."""
    PromoteOperator(task_id="promote", model_name="churn", model_version="9", retries=3)


@dag(schedule=None, start_date=START, catchup=False)
def functions() -> None:
    """Decide, and note it, by functions."""

    @task.retraining_decision(model_name="churn", trigger_reason="scheduled", candidate_version="2")
    def judge(least: float, db: Any, dag_run: Any = None) -> dict[str, Any]:
        live = ModelVersionRepository(db).live(model_name="churn")
        gates = [{"gate": "roc_auc", "passed": least < 0.9, "value": 0.9, "threshold": least}]
        return {
            "gate_results": gates,
            "reasoning": f"against {live.model_version} in {dag_run.dag_id}",
        }

    @task.mlops_ledger
    def note(decision: dict[str, str], *, db: Any, ledger_id: Any) -> str:
        alert = AlertsRepository(db).raise_alert(
            alert_type="decided",
            title=decision["action"],
            model_name="churn",
            occurrence_id=ledger_id,
        )
        return str(alert.id)

    note(judge(0.8))


@dag(schedule=[model_asset("churn")], start_date=START, catchup=False)
def follows() -> None:
    """Run after each promotion."""

    @task
    def noticed() -> None:
        """Do nothing."""

    noticed()


cycle()
alert()
mapped()
refused()
functions()
follows()
