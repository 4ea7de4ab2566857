"""The tools of an agent: all read, and one requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from ..._sync.overview import Overview
from ...errors import NotFound
from ...repositories import (
    AgentActionsRepository,
    AlertsRepository,
    DriftReportsRepository,
    EventsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    PerformanceMetricsRepository,
    RetrainingDecisionsRepository,
)
from ...rows import ModelVersion
from .access import AgentAccess
from .answers import answer, rows_allowed

_LOOKED_THROUGH: Final = 500


class Tools:
    """Answers from the ledger as text; the docstrings are what an agent is told of each."""

    def __init__(self, access: AgentAccess, requested_by: str) -> None:
        self._access = access
        self._requests = access.writable()
        self._requested_by = requested_by

    def list_models(self, after: str | None = None, limit: int = 20) -> str:
        """List the models with the version in production, health and open alerts, by name.

        The next page is `after` the name of the last.
        """
        return answer(Overview(self._access).models(limit=rows_allowed(limit), after=after))

    def list_versions(self, model_name: str, limit: int = 20) -> str:
        """List the registered versions of a model with their metrics, newest first."""
        versions = ModelVersionRepository(self._access)
        return answer(versions.list_versions(model_name=model_name, limit=rows_allowed(limit)))

    def production_at(
        self, model_name: str, slot: str = "production", at: datetime | None = None
    ) -> str:
        """Tell which version held a slot of a model at a time with a zone, by default now."""
        models = ModelVersionRepository(self._access)
        found = models.production_at(model_name=model_name, slot=slot, at=at)
        return answer([] if found is None else [found])

    def deployment_history(self, model_name: str, limit: int = 20) -> str:
        """List what was in production of a model, when, who put it there and why, newest first."""
        models = ModelVersionRepository(self._access)
        return answer(models.timeline(model_name=model_name, limit=rows_allowed(limit)))

    def performance(self, model_name: str, model_version: str | None = None) -> str:
        """Tell the latest performance metrics of a version, or of that in production."""
        if model_version is None:
            model_version = self._version(model_name, None).model_version
        metrics = PerformanceMetricsRepository(self._access)
        return answer(metrics.latest(model_name=model_name, model_version=model_version))

    def monitoring(self, model_name: str, limit: int = 10) -> str:
        """List monitoring runs of a model (volume, drift, label coverage), newest first."""
        runs = MonitoringMetricsRepository(self._access)
        return answer(runs.list_runs(model_name=model_name, limit=rows_allowed(limit)))

    def drift(self, model_name: str, limit: int = 3) -> str:
        """List drift reports of a model with the result of each feature, newest first."""
        reports = DriftReportsRepository(self._access)
        return answer(reports.list_reports(model_name=model_name, limit=rows_allowed(limit)))

    def alerts(
        self,
        model_name: str | None = None,
        status: Literal["active", "acknowledged", "resolved"] = "active",
        limit: int = 20,
    ) -> str:
        """List alerts of a status, of a model or all, newest first."""
        found = AlertsRepository(self._access).list_alerts(
            model_name=model_name, status=status, limit=rows_allowed(limit)
        )
        return answer(found)

    def decisions(self, model_name: str | None = None, limit: int = 10) -> str:
        """List decisions on candidates with their gates and reasoning, newest first."""
        decisions = RetrainingDecisionsRepository(self._access)
        return answer(decisions.list_decisions(model_name=model_name, limit=rows_allowed(limit)))

    def actions(self, model_name: str | None = None, limit: int = 20) -> str:
        """List requested actions with their review and outcome, newest first."""
        actions = AgentActionsRepository(self._access)
        return answer(actions.list_actions(model_name=model_name, limit=rows_allowed(limit)))

    def events(
        self, after: int | None = None, model_name: str | None = None, limit: int = 20
    ) -> str:
        """List what happened, oldest first: after an event number, or else the latest."""
        events, limit = EventsRepository(self._access), rows_allowed(limit)
        if after is None:
            after = events.before_latest(model_name=model_name, limit=limit)
        return answer(events.list_events(after=after, model_name=model_name, limit=limit))

    def lineage(self, model_name: str, model_version: str | None = None) -> str:
        """Tell where a version, or that in production, comes from and what became of it.

        Its run, data, artifact and parameters; of the latest decisions and deployments of the
        model those that are about it.
        """
        version = self._version(model_name, model_version)
        decisions = RetrainingDecisionsRepository(self._access).list_decisions(
            model_name=model_name, limit=_LOOKED_THROUGH
        )
        deployments = ModelVersionRepository(self._access).timeline(
            model_name=model_name, limit=_LOOKED_THROUGH
        )
        found = [
            {"version": version},
            *({"decision": one} for one in decisions if one.candidate_version_id == version.id),
            *(
                {"deployment": one}
                for one in deployments
                if one.model_version == version.model_version
            ),
        ]
        return answer(found)

    def request_action(
        self,
        action_type: str,
        description: str,
        model_name: str | None = None,
        model_version: str | None = None,
        risk_level: Literal["low", "medium", "high", "critical"] = "high",
        parameters: dict[str, Any] | None = None,
        id: UUID | None = None,
    ) -> str:
        """Request an action, such as promote or retrain. It does nothing by itself.

        A person has to approve it, whatever its risk. Calling again with the same `id`, a UUID,
        requests it once.
        """
        version_id = None
        if model_version is not None:
            version_id = self._version(model_name or "", model_version).id
        actions = AgentActionsRepository(self._requests)
        made = actions.insert(
            action_type=action_type,
            risk_level=risk_level,
            requested_by=self._requested_by,
            description=description,
            parameters=parameters,
            requires_approval=True,
            model_name=model_name,
            model_version_id=version_id,
            id=id,
        )
        found = actions.get(id=made)
        return answer([] if found is None else [found])

    def _version(self, model_name: str, model_version: str | None) -> ModelVersion:
        models = ModelVersionRepository(self._access)
        if model_version is not None:
            found = models.get(model_name=model_name, model_version=model_version)
        else:
            live = models.production_at(model_name=model_name)
            found = None if live is None else models.get(id=live.model_version_id)
        if found is None:
            asked = "version in production" if model_version is None else f"version {model_version}"
            raise NotFound(f"model {model_name} has no {asked}")
        return found
