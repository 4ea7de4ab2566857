"""What a sensor looks for, in a worker or in the triggerer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlops_ledger.rows import AgentAction, Alert

# An action with one of these was approved.
GRANTED = ("approved", "executed")


def review_of(action: AgentAction | None, action_id: str) -> dict[str, Any] | None:
    """Return what became of an action, or None while it waits for a reviewer."""
    if action is None:
        return {"status": "unknown", "action_id": action_id}
    if action.status == "pending" and action.requires_approval:
        return None
    return {
        "status": action.status,
        "action_id": action_id,
        "reviewed_by": action.reviewed_by,
        "comment": action.review_comment,
    }


def first_alert(alerts: Sequence[Alert], alert_type: str | None) -> dict[str, Any] | None:
    """Return the first alert of a type, or None."""
    found = next((each for each in alerts if alert_type in (None, each.alert_type)), None)
    if found is None:
        return None
    return {
        "alert_id": str(found.id),
        "alert_type": found.alert_type,
        "severity": found.severity,
        "title": found.title,
        "model_name": found.model_name,
    }
