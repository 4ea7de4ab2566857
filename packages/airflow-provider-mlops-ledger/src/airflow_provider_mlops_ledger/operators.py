"""Decide about a version, ask for an action, promote, roll back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from mlops_ledger import (
    AgentActionsRepository,
    Database,
    InvalidValue,
    ModelVersionRepository,
    RetrainingDecisionsRepository,
)
from mlops_ledger.rows import Deployment

from .assets import model_asset
from .base import LedgerOperator, as_id, as_time
from .ids import id_of_task, time_of_run


class RetrainingDecisionOperator(LedgerOperator):
    """Records whether a candidate passed its gates.

    `gate_results` holds a {"gate", "passed", "value", "threshold"} for each gate, most often from
    the task before. Without `action` it is "promote" when all of them passed, "reject" otherwise.
    `details` are further fields of `RetrainingDecisionsRepository.insert`, such as `drift_context`.
    Returns {"decision_id", "action"}.
    """

    template_fields: ClassVar[Sequence[str]] = (
        *("model_name", "trigger_reason", "gate_results", "candidate_version"),
        *("candidate_version_id", "action", "reasoning", "monitoring_run_id", "details"),
    )

    def __init__(
        self,
        *,
        model_name: str,
        trigger_reason: str,
        gate_results: Any = None,
        candidate_version: str | None = None,
        candidate_version_id: Any = None,
        action: str | None = None,
        reasoning: str | None = None,
        monitoring_run_id: Any = None,
        details: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.model_name = model_name
        self.trigger_reason = trigger_reason
        self.gate_results = gate_results
        self.candidate_version = candidate_version
        self.candidate_version_id = candidate_version_id
        self.action = action
        self.reasoning = reasoning
        self.monitoring_run_id = monitoring_run_id
        self.details = details

    def write(self, db: Database, context: Mapping[str, Any]) -> dict[str, str]:
        """Record the decision."""
        action = self.action or judgement(self.gate_results)
        decision_id = RetrainingDecisionsRepository(db).insert(
            id=id_of_task(context),
            timestamp=time_of_run(context),
            model_name=self.model_name,
            trigger_reason=self.trigger_reason,
            action=action,
            candidate_version=self.candidate_version,
            candidate_version_id=as_id("candidate_version_id", self.candidate_version_id),
            gate_results=self.gate_results,
            reasoning=self.reasoning,
            monitoring_run_id=as_id("monitoring_run_id", self.monitoring_run_id),
            **{"decided_by": self.author, **(self.details or {})},
        )
        return {"decision_id": str(decision_id), "action": action}


def judgement(gates: Sequence[Mapping[str, Any]] | None) -> str:
    """Return what the gates say: "promote" when all passed. Raises InvalidValue without gates."""
    if not gates:
        raise InvalidValue("gate_results", "must have a gate, or action be given")
    # NumPy's booleans come back from an XCom as such; what is no boolean the ledger refuses.
    return "promote" if all(bool(gate.get("passed")) for gate in gates) else "reject"


class RequestActionOperator(LedgerOperator):
    """Asks for an action, such as a promotion, that somebody else has to approve.

    `details` are further fields of `AgentActionsRepository.insert`. Returns the id of the action,
    for an `ApprovalSensor`.
    """

    template_fields: ClassVar[Sequence[str]] = (
        *("action_type", "risk_level", "description", "parameters"),
        *("model_name", "model_version", "model_version_id", "details"),
    )

    def __init__(
        self,
        *,
        action_type: str,
        risk_level: str,
        description: str | None = None,
        parameters: Any = None,
        model_name: str | None = None,
        model_version: str | None = None,
        model_version_id: Any = None,
        details: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.action_type = action_type
        self.risk_level = risk_level
        self.description = description
        self.parameters = parameters
        self.model_name = model_name
        self.model_version = model_version
        self.model_version_id = model_version_id
        self.details = details

    def write(self, db: Database, context: Mapping[str, Any]) -> str:
        """Record the request."""
        action_id = AgentActionsRepository(db).insert(
            id=id_of_task(context),
            action_type=self.action_type,
            risk_level=self.risk_level,
            description=self.description,
            parameters=self.parameters,
            model_name=self.model_name,
            model_version=self.model_version,
            model_version_id=as_id("model_version_id", self.model_version_id),
            **{"requested_by": self.author, **(self.details or {})},
        )
        return str(action_id)


class SlotOperator(LedgerOperator):
    """Changes which version holds a slot; its outlet is the asset of that slot.

    `model_name` and `slot` are no templates, because the asset is known when the DAG is read.
    """

    template_fields: ClassVar[Sequence[str]] = ("reason", "at")

    def __init__(
        self,
        *,
        model_name: str,
        slot: str = "production",
        reason: str | None = None,
        at: datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        self.asset = model_asset(model_name, slot)
        outlets = kwargs.pop("outlets", None) or []
        given = {"multiple_outputs": True, **kwargs}
        super().__init__(outlets=[*outlets, self.asset], **given)
        self.model_name = model_name
        self.slot = slot
        self.reason = reason
        self.at = at

    def write(self, db: Database, context: Mapping[str, Any]) -> dict[str, str]:
        """Change the slot, and tell the asset and other tasks how it is now."""
        deployment = self.change(
            ModelVersionRepository(db),
            model_name=self.model_name,
            slot=self.slot,
            reason=self.reason,
            at=as_time("at", self.at),
            deployment_id=id_of_task(context),
        )
        found = {
            "deployment_id": str(deployment.id),
            "model_version": deployment.model_version,
            "deployed_at": deployment.deployed_at.isoformat(),
        }
        context["outlet_events"][self.asset].extra = found
        return found

    def change(self, models: ModelVersionRepository, **values: Any) -> Deployment:
        """Make the change and return the deployment that began."""
        raise NotImplementedError


class PromoteOperator(SlotOperator):
    """Puts a version into a slot, once, however often the task is tried.

    The version is `model_version`, or the one that the decision or the action is about. A policy
    of the slot applies as everywhere. Returns {"deployment_id", "model_version", "deployed_at"}.
    """

    template_fields: ClassVar[Sequence[str]] = (
        *SlotOperator.template_fields,
        *("model_version", "decision_id", "action_id"),
    )

    def __init__(
        self,
        *,
        model_version: str | None = None,
        decision_id: Any = None,
        action_id: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
        self.decision_id = decision_id
        self.action_id = action_id

    def change(self, models: ModelVersionRepository, **values: Any) -> Deployment:
        """Promote the version."""
        return models.promote(
            model_version=self.model_version,
            decision_id=as_id("decision_id", self.decision_id),
            action_id=as_id("action_id", self.action_id),
            promoted_by=self.author,
            **values,
        )


class RollbackOperator(SlotOperator):
    """Puts back the version that held the slot before; a repeated try goes no further back."""

    def change(self, models: ModelVersionRepository, **values: Any) -> Deployment:
        """Roll the slot back."""
        return models.rollback(rolled_back_by=self.author, **values)


__all__ = [
    "PromoteOperator",
    "RequestActionOperator",
    "RetrainingDecisionOperator",
    "RollbackOperator",
]
