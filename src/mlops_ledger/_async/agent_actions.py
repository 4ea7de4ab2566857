"""Actions that agents and people ask for, their review and their execution."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ..checks.values import ACTION_STATUSES, RISK_LEVELS, choice, page_size
from ..rows import AgentAction
from .pages import iterate
from .repository import AsyncRepository


class AsyncAgentActionsRepository(AsyncRepository):
    """Records what somebody asks to do, who allowed it, and its outcome.

    pending → approved, rejected or expired; approved → executed, failed or expired; an action
    that needs no approval may go from pending to executed or failed. The database enforces it.
    """

    _file = "agent_actions"

    async def insert(
        self,
        *,
        action_type: str,
        risk_level: str,
        requested_by: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        requires_approval: bool | None = None,
        model_name: str | None = None,
        model_version: str | None = None,
        model_version_id: UUID | None = None,
        decision_id: UUID | None = None,
        issue_id: str | None = None,
        issue_type: str | None = None,
        issue_severity: str | None = None,
        expires_at: datetime | None = None,
        requested_at: datetime | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Ask for an action and return its id.

        `risk_level` is low, medium, high or critical; without `requires_approval`, high and
        critical need one. The action of a promotion has the type "promote". A version is given by
        its number or by its id. An action that is to carry out a decision names it in
        `decision_id`, and is about its model; a promotion, about its candidate. Repeating a call
        with the same `id` and content records nothing twice, whatever became of the action since.
        Raises Conflict when the id names another action, or the decision is about something else,
        NotFound for an unknown model, version or decision, InvalidValue for a value that is
        refused.
        """
        return await self._insert_once("insert", locals(), "id: already names another action")

    async def get(self, *, id: UUID) -> AgentAction | None:
        """Return one action, or None."""
        return await self._row("get", AgentAction, locals())

    async def list_actions(
        self,
        *,
        model_name: str | None = None,
        status: str | None = None,
        action_type: str | None = None,
        risk_level: str | None = None,
        decision_id: UUID | None = None,
        limit: int = 100,
        before: UUID | None = None,
    ) -> list[AgentAction]:
        """Return actions, newest first.

        At most `limit` (1 to 1000); the next page is `before` the id of the last.
        """
        limit = page_size(limit)
        status = choice("status", status, ACTION_STATUSES)
        risk_level = choice("risk_level", risk_level, RISK_LEVELS)
        return await self._rows("list_actions", AgentAction, locals())

    iter_actions = iterate(list_actions)

    async def list_pending(
        self, *, model_name: str | None = None, limit: int = 100
    ) -> list[AgentAction]:
        """Return the actions that wait for a reviewer and have not expired, oldest first."""
        limit = page_size(limit)
        return await self._rows("list_pending", AgentAction, locals())

    async def approve(
        self, *, id: UUID, reviewed_by: str | None = None, comment: str | None = None
    ) -> AgentAction:
        """Approve a pending action and return it.

        The reviewer must be somebody other than who asked for it. Repeating a call by the same
        reviewer changes nothing. Raises Conflict, saying who was first, when it is not pending
        any more or has expired, NotFound for an unknown action.
        """
        return await self._one("approve", AgentAction, locals())

    async def reject(
        self, *, id: UUID, reviewed_by: str | None = None, comment: str | None = None
    ) -> AgentAction:
        """Reject a pending action and return it; otherwise as `approve`."""
        return await self._one("reject", AgentAction, locals())

    async def mark_executed(
        self, *, id: UUID, executed_by: str | None = None, result: Mapping[str, Any] | None = None
    ) -> AgentAction:
        """Record that an action was carried out, with its result, and return it.

        Repeating the same call changes nothing. Raises Conflict when it needs an approval that it
        does not have, has expired, or was carried out before, NotFound for an unknown action.
        """
        return await self._one("mark_executed", AgentAction, locals())

    async def mark_failed(
        self, *, id: UUID, executed_by: str | None = None, result: Mapping[str, Any] | None = None
    ) -> AgentAction:
        """Record that carrying out an action failed; otherwise as `mark_executed`."""
        return await self._one("mark_failed", AgentAction, locals())

    async def expire(self) -> int:
        """Mark the actions past their `expires_at` as expired and return how many.

        They cannot be approved or executed before that either, and are read as expired; this
        writes it down.
        """
        expired: int = await self._value("expire", {})
        return expired
