"""Events in one line for people."""

from __future__ import annotations

from typing import Final

from .rows import Event

# By type, without what all types have in common.
_TEXTS: Final = {
    "deployment.promoted": "version {model_version} promoted to {slot} by {deployed_by}",
    "deployment.rolled_back": "{slot} rolled back to version {model_version} by {deployed_by}",
    "deployment.retired": "version {model_version} retired from {slot} by {retired_by}",
    "decision.recorded": "decision to {action} version {candidate_version} by {decided_by}",
    "action.requested": "{action_type} of {risk_level} risk requested by {requested_by}",
    "action.approved": "{action_type} approved by {reviewed_by}",
    "action.rejected": "{action_type} rejected by {reviewed_by}",
    "action.executed": "{action_type} executed by {executed_by}",
    "action.failed": "{action_type} by {executed_by} failed",
    "action.expired": "{action_type} requested by {requested_by} expired",
    "alert.raised": "{severity} alert: {title}",
    "alert.escalated": "alert is {severity} now: {title}",
    "alert.acknowledged": "alert acknowledged by {acknowledged_by}: {title}",
    "alert.snoozed": "alert snoozed by {snoozed_by}: {title}",
    "alert.resolved": "alert resolved by {resolved_by}: {title}",
    "monitoring_run.recorded": "monitoring run over {num_predictions} predictions",
    "drift_report.recorded": "drift report: {n_drifted_features} of {n_features} features drifted",
}
_REASONS: Final = ("reason", "retired_reason", "reasoning", "review_comment")


def describe_event(event: Event) -> str:
    """Return what happened in one line, which holds text from the record as it is."""
    data = {name: "none" if value is None else value for name, value in event.data.items()}
    about = "" if event.model_name is None else f"{event.model_name}: "
    text = _TEXTS[event.type.removeprefix("mlops_ledger.")].format_map(data)
    if (replaced := event.data.get("replaced_version")) is not None:
        text += f", replacing version {replaced}"
    reasons = [event.data[name] for name in _REASONS if event.data.get(name) is not None]
    return ": ".join([about + text, *reasons])
