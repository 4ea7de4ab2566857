"""Sensors: wait for an approval or an alert, in a worker or, deferred, without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow.configuration import conf

from mlops_ledger import AgentActionsRepository, AlertsRepository, Database, InvalidValue

from .base import as_id, failing_at_once
from .compat import (
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)
from .hook import DEFAULT_CONN_ID, MlopsLedgerHook
from .triggers import AlertTrigger, ApprovalTrigger, LedgerTrigger
from .waiting import GRANTED, first_alert, review_of


class LedgerSensor(BaseSensorOperator):
    """Waits for something in the ledger.

    `deferrable` is by default what Airflow's `operators.default_deferrable` says; then the
    triggerer waits, and looks every `poke_interval`.
    """

    def __init__(
        self,
        *,
        mlops_ledger_conn_id: str = DEFAULT_CONN_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mlops_ledger_conn_id = mlops_ledger_conn_id
        self.deferrable = deferrable

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Wait, here or deferred, and return what was found."""
        if not self.deferrable:
            return super().execute(context)
        found = self._look()
        if found is not None:
            return self.outcome(found)
        self.defer(
            trigger=self.trigger(),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def poke(self, context: Mapping[str, Any]) -> PokeReturnValue:
        """Look once."""
        found = self._look()
        if found is None:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.outcome(found))

    def execute_complete(self, context: Mapping[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        """Return what the trigger has found."""
        if "error" in event:
            raise AirflowFailException(event["error"])
        return self.outcome(event["found"])

    def _look(self) -> dict[str, Any] | None:
        with failing_at_once(), MlopsLedgerHook(self.mlops_ledger_conn_id).get_conn() as db:
            return self.look(db)

    def look(self, db: Database) -> dict[str, Any] | None:
        """Return what the sensor waits for, or None while it is not there."""
        raise NotImplementedError

    def trigger(self) -> LedgerTrigger:
        """Return the trigger that waits for the same."""
        raise NotImplementedError

    def outcome(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return what was found, or end the task another way."""
        return found


class ApprovalSensor(LedgerSensor):
    """Waits until an action is approved, and returns its status, reviewer and comment.

    An action that was rejected or has expired skips this task and what follows; with
    `fail_on_reject` it fails. One that needs no approval, or was executed, is approved.
    """

    template_fields: ClassVar[Sequence[str]] = ("action_id",)

    def __init__(self, *, action_id: Any, fail_on_reject: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.action_id = action_id
        self.fail_on_reject = fail_on_reject

    def look(self, db: Database) -> dict[str, Any] | None:
        """Return what became of the action."""
        id = as_id("action_id", self.action_id)
        if id is None:
            raise InvalidValue("action_id", "must be given")
        return review_of(AgentActionsRepository(db).get(id=id), str(id))

    def trigger(self) -> LedgerTrigger:
        """Return the trigger that waits for the review."""
        return ApprovalTrigger(
            self.mlops_ledger_conn_id, self.poke_interval, action_id=str(self.action_id)
        )

    def outcome(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return the approval. Raises AirflowSkipException or AirflowFailException otherwise."""
        status = found["status"]
        if status in (*GRANTED, "pending"):
            return found
        if status == "unknown":
            raise AirflowFailException(f"no action {found['action_id']} is in the ledger")
        words = f"action {found['action_id']} is {status}"
        if found["reviewed_by"]:
            words += f" by {found['reviewed_by']}: {found['comment'] or 'no comment'}"
        if self.fail_on_reject or status == "failed":
            raise AirflowFailException(words)
        raise AirflowSkipException(words)


class AlertSensor(LedgerSensor):
    """Waits until an alert is active, and returns the worst: id, type, severity, title, model.

    Of a model, a type, a severity (info, warning or critical), or any. Acknowledged and snoozed
    alerts do not count.
    """

    template_fields: ClassVar[Sequence[str]] = ("model_name", "alert_type", "severity")

    def __init__(
        self,
        *,
        model_name: str | None = None,
        alert_type: str | None = None,
        severity: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name
        self.alert_type = alert_type
        self.severity = severity

    def look(self, db: Database) -> dict[str, Any] | None:
        """Return the worst of the alerts."""
        alerts = AlertsRepository(db).list_active(
            model_name=self.model_name, severity=self.severity, limit=1000
        )
        return first_alert(alerts, self.alert_type)

    def trigger(self) -> LedgerTrigger:
        """Return the trigger that waits for the alert."""
        return AlertTrigger(
            self.mlops_ledger_conn_id,
            self.poke_interval,
            model_name=self.model_name,
            alert_type=self.alert_type,
            severity=self.severity,
        )
