"""Actions that wait for a review, and their outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAction(Row):
    """An action that an agent or a person asked for, its review and its result.

    `status` is pending, approved, rejected, executed, failed or expired. The logins are those of
    the database; None for one with all rights of its owner.
    """

    id: UUID
    requested_at: datetime
    requested_by: str
    action_type: str
    description: str | None
    parameters: dict[str, Any]
    risk_level: str
    requires_approval: bool
    model_name: str | None
    model_version_id: UUID | None
    decision_id: UUID | None
    issue_id: str | None
    issue_type: str | None
    issue_severity: str | None
    expires_at: datetime | None
    requested_login: str | None
    status: str
    reviewed_by: str | None
    reviewed_at: datetime | None
    reviewed_login: str | None
    review_comment: str | None
    executed_by: str | None
    executed_at: datetime | None
    result: dict[str, Any] | None
