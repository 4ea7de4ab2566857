"""What a violated constraint of the schema means, as the exception that explains it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from . import Conflict, DuplicateId, InvalidValue, LedgerError, NotFound, PromotionRefused
from .checks import INVALID

_UNKNOWN_VERSION = "names no version of this model"

VIOLATIONS: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
    "models_pkey": (Conflict, "model_name: this model is already registered"),
    "model_versions_model_fkey": (NotFound, "model_name: the ledger has no model of that name"),
    "models_no_look_alikes": (
        Conflict,
        "model_name: looks like that of another model; give it one that a reader can tell from it",
    ),
    "model_versions_pkey": (Conflict, "id: already names another model version"),
    "model_versions_name_version_key": (
        Conflict,
        "model_version: this version of the model is already registered; "
        "give another, or none to take the next number",
    ),
    "model_versions_id_model_name_key": (Conflict, "id: already names another model version"),
    "withdrawn_versions_pkey": (Conflict, "id: already names a version that was withdrawn"),
    "withdrawn_versions_name_version_key": (
        Conflict,
        "model_version: this version of the model was withdrawn",
    ),
    "withdrawn_versions_model_fkey": (
        NotFound,
        "model_name: the ledger has no model of that name",
    ),
    "model_slots_pkey": (Conflict, "slot: the slot already exists"),
    "model_slots_model_name_slot_key": (Conflict, "slot: the slot already exists"),
    "model_slots_id_model_name_key": (Conflict, "slot: the slot already exists"),
    "model_deployments_pkey": (Conflict, "deployment_id: already names another deployment"),
    "model_deployments_slot_fkey": (NotFound, "slot: there is no such slot of this model"),
    "model_deployments_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "model_deployments_no_overlap": (
        Conflict,
        "the interval overlaps another of its slot; use promote(), rollback() or retire()",
    ),
    "model_deployments_one_open_idx": (
        Conflict,
        "the slot already holds a version; use promote(), rollback() or retire()",
    ),
    "model_deployments_restores_fkey": (NotFound, "restores_id: there is no such deployment"),
    "model_deployments_decision_fkey": (NotFound, "decision_id: there is no such decision"),
    "model_deployments_action_fkey": (NotFound, "action_id: there is no such action on this model"),
    "model_deployments_action_key": (
        PromotionRefused,
        "action_id: the action has already served another promotion",
    ),
    "webhooks_pkey": (Conflict, "webhook: there is a webhook of that name"),
    "webhook_endpoints_pkey": (Conflict, "webhook: it has an endpoint"),
    "webhook_endpoints_webhook_fkey": (NotFound, "webhook: there is no such webhook"),
    "webhook_deliveries_pkey": (Conflict, "seq: the event is queued already"),
    "webhook_deliveries_webhook_fkey": (NotFound, "webhook: there is no such webhook"),
    "event_consumers_pkey": (Conflict, "consumer: there is a consumer of that name"),
    "monitoring_metrics_pkey": (Conflict, "id: already names another monitoring run"),
    "monitoring_metrics_id_model_name_key": (Conflict, "id: already names another monitoring run"),
    "monitoring_metrics_run_key": (
        Conflict,
        "this model already has a run with that timestamp and lookback_hours",
    ),
    "monitoring_metrics_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "retraining_decisions_id_model_name_key": (Conflict, "id: already names another decision"),
    "retraining_decisions_pkey": (Conflict, "id: already names another decision"),
    "retraining_decisions_monitoring_run_fkey": (
        NotFound,
        "monitoring_run_id: there is no such monitoring run of this model",
    ),
    "retraining_decisions_resolves_fkey": (NotFound, "resolves_id: there is no such decision"),
    "retraining_decisions_resolves_key": (
        Conflict,
        "resolves_id: that decision has already been resolved",
    ),
    "retraining_decisions_candidate_fkey": (
        NotFound,
        f"candidate_version_id: {_UNKNOWN_VERSION}",
    ),
    "retraining_decisions_production_fkey": (
        NotFound,
        f"production_version_id: {_UNKNOWN_VERSION}",
    ),
    "agent_actions_pkey": (Conflict, "id: already names another action"),
    "agent_actions_id_model_name_key": (Conflict, "id: already names another action"),
    "agent_actions_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "agent_actions_decision_fkey": (NotFound, "decision_id: there is no such decision"),
    "promotion_policies_pkey": (Conflict, "slot: this slot of the model already has a policy"),
    "alerts_pkey": (Conflict, "id: already names another alert"),
    "alerts_one_open_idx": (Conflict, "dedup_key: an alert of that key is open already"),
    "alert_occurrences_pkey": (Conflict, "occurrence_id: already names another occurrence"),
    "alert_occurrences_alert_fkey": (NotFound, "alert_id: there is no such alert"),
    "alerts_monitor_fkey": (NotFound, "monitor_id: there is no such monitor"),
    "monitors_pkey": (Conflict, "id: already names another monitor"),
    "monitors_one_of_a_name_idx": (
        Conflict,
        "name: the model already has a monitor of that name; remove it first",
    ),
    "monitor_states_pkey": (Conflict, "monitor_id: already has a state"),
    "monitor_states_monitor_fkey": (NotFound, "monitor_id: there is no such monitor"),
    "monitor_states_alert_fkey": (NotFound, "alert_id: there is no such alert"),
    "predictions_pkey": (DuplicateId, "id: already names another prediction"),
    "prediction_batches_pkey": (Conflict, "idempotency_key: already names another write"),
    "prediction_batches_model_version_fkey": (
        NotFound,
        "model_version_id: there is no such version",
    ),
    "partition_policies_pkey": (Conflict, "table_name: already has a policy"),
    "ground_truth_pkey": (Conflict, "labeled_at: the prediction has a label of that time"),
    "ground_truth_waiting_pkey": (Conflict, "id: already names another label"),
    "ground_truth_waiting_label_key": (
        Conflict,
        "labeled_at: a label of that time waits for the prediction",
    ),
    "baselines_pkey": (Conflict, "id: already names another baseline"),
    "baselines_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "baseline_features_pkey": (Conflict, "series: the baseline already has that one"),
    "baseline_features_feature_key": (Conflict, "data: has two columns of one name"),
    "baseline_features_baseline_fkey": (NotFound, "baseline_id: there is no such baseline"),
    "summary_marks_pkey": (Conflict, "mark: there is one of that number"),
    "summary_states_pkey": (Conflict, "model_version_id: has its state already"),
    "summaries_pkey": (Conflict, "starts_at: that hour or day is summarised already"),
    "summary_histograms_pkey": (Conflict, "starts_at: that hour or day is summarised already"),
    "summary_slices_pkey": (Conflict, "slice: the version has that one already"),
    "summary_slices_value_key": (Conflict, "value: has a slice already"),
    "summary_outcomes_pkey": (Conflict, "starts_at: that hour or day is summarised already"),
    "summary_privacy_pkey": (Conflict, "id: there is one setting"),
    "observed_outcomes_pkey": (Conflict, "model_version_id: is observed already"),
    "observed_outcomes_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "drift_reports_pkey": (Conflict, "id: already names another drift report"),
    "drift_reports_report_key": (
        Conflict,
        "this version already has a report with that timestamp, lookback_hours, method and "
        "reference",
    ),
    "drift_reports_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "drift_reports_monitoring_run_fkey": (
        NotFound,
        "monitoring_run_id: there is no such monitoring run of this model",
    ),
    "performance_metrics_pkey": (DuplicateId, "id: already names another value"),
    "system_metrics_pkey": (DuplicateId, "id: already names another value"),
    "ledger_privileges_pkey": (Conflict, "privilege: the role has it already"),
    "deletions_pkey": (Conflict, "id: already names another deletion"),
    "audit_log_pkey": (Conflict, "seq: the log has an entry of that number"),
    "audit_queue_pkey": (Conflict, "id: the queue has an entry of that number"),
    "audit_head_pkey": (Conflict, "id: the log has an end"),
}

# Constraints of a partition are named after it: predictions_p2026_01_31_pkey.
_PARTITION: Final = re.compile(r"_p\d{4}_\d\d_\d\d(?=_)")


def explain(constraint: str) -> LedgerError | None:
    """Return the exception that explains a violated constraint, if it is one of the ledger's."""
    constraint = _PARTITION.sub("", constraint)
    if constraint in INVALID:
        return InvalidValue(*INVALID[constraint])
    if constraint in VIOLATIONS:
        kind, message = VIOLATIONS[constraint]
        return kind(message)
    return None
