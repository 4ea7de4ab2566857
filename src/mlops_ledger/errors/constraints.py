"""What each constraint of the schema means in words, for the exception that explains it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from . import Conflict, DuplicateId, InvalidValue, LedgerError, NotFound, PromotionRefused

_NAME = "must have 1 to 255 characters, no control characters and no blanks at the ends"
_WORD = "must be lower-case letters, digits, '_', '.' or '-', at most 63 of them"
_RATIO = "must be between 0 and 1"
_COUNT = "must not be negative"
_PERCENT = "must be between 0 and 100"
_OBJECT = "must be a JSON object"
_FINITE = "must be a time in the years 1 to 9999"
_PERSON = "must have 1 to 255 characters, not all blank and none a control character"
_AT_MOST_255 = "must have at most 255 characters"
_SEVERITY = "must be info, warning or critical"
_TITLE = "must have 1 to 1000 characters"
_UNKNOWN_VERSION = "names no version of this model"
_AMOUNT = "must be a number between -1e150 and 1e150"
_COMPARED_LATER = "must not be later than timestamp"

INVALID: Final[Mapping[str, tuple[str, str]]] = {
    "model_versions_model_name_check": ("model_name", _NAME),
    "model_versions_model_version_check": ("model_version", _NAME),
    "model_versions_stage_check": (
        "stage",
        "must be development, staging, production or archived",
    ),
    "model_versions_mlflow_run_id_check": ("mlflow_run_id", _AT_MOST_255),
    "model_versions_metrics_check": ("metrics", "must be a JSON object of numbers"),
    "model_versions_accuracy_check": ("metrics.accuracy", _RATIO),
    "model_versions_precision_check": ("metrics.precision", _RATIO),
    "model_versions_recall_check": ("metrics.recall", _RATIO),
    "model_versions_f1_score_check": ("metrics.f1_score", _RATIO),
    "model_versions_roc_auc_check": ("metrics.roc_auc", _RATIO),
    "model_versions_brier_score_check": ("metrics.brier_score", "must be between 0 and 2"),
    "model_versions_rmse_check": ("metrics.rmse", _COUNT),
    "model_versions_mae_check": ("metrics.mae", _COUNT),
    "model_versions_r2_check": ("metrics.r2", "must be at most 1"),
    "model_versions_hyperparameters_check": ("hyperparameters", _OBJECT),
    "model_versions_feature_names_check": ("feature_names", "must be a list of names, not empty"),
    "model_versions_training_samples_check": ("training_samples", _COUNT),
    "model_versions_tags_check": ("tags", _OBJECT),
    "model_versions_created_at_check": ("created_at", _FINITE),
    "model_slots_slot_check": ("slot", _WORD),
    "model_deployments_deployed_at_check": ("at", _FINITE),
    "model_deployments_retired_at_check": ("at", _FINITE),
    "model_deployments_interval_check": ("at", "would end an interval before it began"),
    "monitoring_metrics_timestamp_check": ("timestamp", _FINITE),
    "monitoring_metrics_created_at_check": ("created_at", _FINITE),
    "monitoring_metrics_lookback_hours_check": ("lookback_hours", "must be above 0"),
    "monitoring_metrics_num_predictions_check": ("num_predictions", _COUNT),
    "monitoring_metrics_positive_rate_check": ("positive_rate", _RATIO),
    "monitoring_metrics_probability_mean_check": ("probability_mean", _RATIO),
    "monitoring_metrics_probability_std_check": ("probability_std", _RATIO),
    "monitoring_metrics_entropy_check": ("entropy", _COUNT),
    "monitoring_metrics_feature_drift_ratio_check": ("feature_drift_ratio", _RATIO),
    "monitoring_metrics_num_drifted_features_check": ("num_drifted_features", _COUNT),
    "monitoring_metrics_num_features_check": ("num_features", _COUNT),
    "monitoring_metrics_drifted_of_features_check": (
        "num_drifted_features",
        "must not exceed num_features",
    ),
    "monitoring_metrics_labeled_of_predictions_check": (
        "labeled_samples",
        "must not exceed num_predictions",
    ),
    "monitoring_metrics_drifted_features_check": ("drifted_features", "must be a list of names"),
    "monitoring_metrics_coverage_pct_check": ("coverage_pct", _PERCENT),
    "monitoring_metrics_labeled_samples_check": ("labeled_samples", _COUNT),
    "monitoring_metrics_metadata_check": ("metadata", _OBJECT),
    "retraining_decisions_timestamp_check": ("timestamp", _FINITE),
    "retraining_decisions_created_at_check": ("created_at", _FINITE),
    "retraining_decisions_trigger_reason_check": (
        "trigger_reason",
        "must have 1 to 255 characters",
    ),
    "retraining_decisions_action_check": ("action", "must be promote, reject or pending"),
    "retraining_decisions_drift_context_check": ("drift_context", _OBJECT),
    "retraining_decisions_data_context_check": ("data_context", _OBJECT),
    "retraining_decisions_decision_details_check": ("decision_details", _OBJECT),
    "retraining_decisions_gate_results_check": (
        "gate_results",
        'must be a list of {"gate": text, "passed": true or false, …}',
    ),
    "retraining_decisions_labeled_samples_check": ("labeled_samples", _COUNT),
    "retraining_decisions_coverage_pct_check": ("coverage_pct", _PERCENT),
    "retraining_decisions_resolution_check": (
        "action",
        "must be promote or reject to resolve a decision",
    ),
    "retraining_decisions_promote_candidate_check": (
        "candidate_version_id",
        "is needed for a decision to promote",
    ),
    "agent_actions_requested_at_check": ("requested_at", _FINITE),
    "agent_actions_requested_by_check": ("requested_by", _PERSON),
    "agent_actions_action_type_check": ("action_type", _NAME),
    "agent_actions_parameters_check": ("parameters", _OBJECT),
    "agent_actions_risk_level_check": ("risk_level", "must be low, medium, high or critical"),
    "agent_actions_model_name_check": ("model_name", "is needed with a model_version_id"),
    "agent_actions_issue_id_check": ("issue_id", _AT_MOST_255),
    "agent_actions_issue_type_check": ("issue_type", _AT_MOST_255),
    "agent_actions_issue_severity_check": ("issue_severity", _AT_MOST_255),
    "agent_actions_expires_at_check": (
        "expires_at",
        "must be a time after requested_at and before the year 10000",
    ),
    "agent_actions_status_check": (
        "status",
        "must be pending, approved, rejected, executed, failed or expired",
    ),
    "agent_actions_reviewed_by_check": ("reviewed_by", _PERSON),
    "agent_actions_executed_by_check": ("executed_by", _PERSON),
    "agent_actions_reviewer_check": (
        "reviewed_by",
        "must be somebody other than requested_by: nobody reviews an action of their own",
    ),
    "agent_actions_review_check": ("reviewed_by", "must be there for a review, and only then"),
    "agent_actions_execution_check": (
        "executed_by",
        "and result must be there once the action was carried out, and only then",
    ),
    "agent_actions_approval_check": ("status", "needs an approval first"),
    "agent_actions_result_check": ("result", _OBJECT),
    "promotion_policies_slot_check": ("slot", _WORD),
    "alerts_alert_type_check": ("alert_type", _NAME),
    "alerts_severity_check": ("severity", _SEVERITY),
    "alerts_title_check": ("title", _TITLE),
    "alerts_related_data_check": ("related_data", _OBJECT),
    "alerts_dedup_key_check": ("dedup_key", "must have 1 to 511 characters"),
    "alerts_monitor_key_check": (
        "dedup_key",
        "monitor:ID is for the alerts of that monitor, and they have no other",
    ),
    "alerts_status_check": ("status", "must be active, acknowledged or resolved"),
    "alerts_occurrences_check": ("occurrences", "must be at least 1"),
    "alerts_first_seen_check": ("at", _FINITE),
    "alerts_last_seen_check": ("last_seen", "must not lie before first_seen"),
    "alerts_acknowledged_at_check": ("acknowledged_at", "must not lie before first_seen"),
    "alerts_acknowledged_by_check": ("acknowledged_by", "is needed with acknowledged_at"),
    "alerts_resolved_at_check": ("resolved_at", "must not lie before last_seen"),
    "alerts_resolved_by_check": ("resolved_by", "is needed with resolved_at"),
    "alerts_snoozed_until_check": ("until", _FINITE),
    "alerts_state_check": ("status", "contradicts acknowledged_at and resolved_at"),
    "alert_occurrences_severity_check": ("severity", _SEVERITY),
    "alert_occurrences_title_check": ("title", _TITLE),
    "alert_occurrences_related_data_check": ("related_data", _OBJECT),
    "monitors_created_at_check": ("created_at", _FINITE),
    "monitors_removed_at_check": (
        "removed_at",
        "must be a time after created_at and before the year 10000",
    ),
    "monitors_model_name_check": ("model_name", "is required, unless the source is system"),
    "monitors_name_check": ("name", _NAME),
    "monitors_source_check": ("source", "must be monitoring, performance or system"),
    "monitors_metric_name_check": ("metric_name", _NAME),
    "monitors_slice_check": ("slice", "is only for the source performance"),
    "monitors_host_check": ("host", "is needed for the source system, and only there"),
    "monitors_attributes_check": ("attributes", f"{_OBJECT}, and are only for the source system"),
    "monitors_window_check": ("window", "must be longer than zero and at most 3660 days"),
    "monitors_operator_check": ("operator", "must be >, >=, < or <="),
    "monitors_warning_threshold_check": ("warning_threshold", _AMOUNT),
    "monitors_critical_threshold_check": ("critical_threshold", _AMOUNT),
    "monitors_consecutive_check": ("consecutive", "must be between 1 and 100"),
    "monitors_no_data_check": ("no_data", "must be ok, warning or critical"),
    "monitors_hysteresis_check": ("hysteresis", "must be between 0 and 1e150"),
    "monitors_known_metric_check": (
        "metric_name",
        "must be a number that monitoring runs have: num_predictions, positive_rate, "
        "probability_mean, probability_std, entropy, dataset_drift_detected, "
        "feature_drift_ratio, num_drifted_features, num_features, coverage_pct, labeled_samples",
    ),
    "monitors_thresholds_check": (
        "critical_threshold",
        "or warning_threshold is needed; of both, the critical one must be further "
        "in the direction of the operator",
    ),
    "monitors_removed_by_check": ("removed_by", "is needed with removed_at"),
    "monitor_states_state_check": ("state", "must be ok, warning, critical or no_data"),
    "monitor_states_severity_check": ("severity", "must be warning or critical"),
    "predictions_probability_check": ("probability", _RATIO),
    "predictions_latency_ms_check": ("latency_ms", _COUNT),
    "predictions_status_check": ("status", "must be success or error"),
    "predictions_interval_check": ("confidence_lower", "must not exceed confidence_upper"),
    "prediction_batches_num_predictions_check": ("rows", "must not be empty"),
    "partition_policies_period_check": ("period", "must be day, week or month"),
    "ground_truth_labeled_at_check": ("labeled_at", _FINITE),
    "ground_truth_actual_value_check": ("actual_value", "must be a finite number"),
    "ground_truth_actual_check": ("actual_label", "or actual_value is needed"),
    "ground_truth_waiting_labeled_at_check": ("labeled_at", _FINITE),
    "ground_truth_waiting_actual_value_check": ("actual_value", "must be a finite number"),
    "ground_truth_waiting_actual_check": ("actual_label", "or actual_value is needed"),
    "ground_truth_waiting_target_check": (
        "prediction_id",
        "give either a prediction_id or a request_id",
    ),
    "baselines_num_rows_check": ("num_rows", "must be above 0"),
    "baselines_created_by_check": ("created_by", _AT_MOST_255),
    "baselines_window_check": ("since", "must be before until"),
    "baseline_features_series_check": ("series", "must be above 0"),
    "baseline_features_feature_check": ("data", "must have names of 1 to 255 characters"),
    "baseline_features_column_name_check": ("column_name", "must be a column of values"),
    "baseline_features_kind_check": ("kind", "must be numeric, categorical or text"),
    "baseline_features_num_categories_check": ("num_categories", "must not be below those listed"),
    "baseline_features_num_missing_check": ("num_missing", _COUNT),
    "baseline_features_std_check": ("std", _COUNT),
    "baseline_features_bins_check": ("counts", "must fit the edges or categories"),
    "summary_marks_table_name_check": ("table_name", "must be predictions or ground_truth"),
    "summary_marks_window_check": ("until", "must not be before since"),
    "summaries_grain_check": ("grain", "must be hour or day"),
    "summary_histograms_grain_check": ("grain", "must be hour or day"),
    "drift_reports_timestamp_check": ("timestamp", _FINITE),
    "drift_reports_created_at_check": ("created_at", _FINITE),
    "drift_reports_window_start_check": ("window_start", _FINITE),
    "drift_reports_window_end_check": ("window_end", _COMPARED_LATER),
    "drift_reports_window_check": ("window_start", "must be before window_end"),
    "drift_reports_drift_score_check": ("drift_score", _AMOUNT),
    "drift_reports_method_check": ("method", "must have 1 to 255 characters"),
    "drift_reports_threshold_check": ("threshold", _AMOUNT),
    "drift_reports_features_check": ("features", "must be a list of results"),
    "drift_reports_drifted_features_check": ("drifted_features", "must be a list of names"),
    "drift_reports_n_drifted_features_check": ("n_drifted_features", _COUNT),
    "drift_reports_n_features_check": ("n_features", _COUNT),
    "drift_reports_drifted_of_features_check": (
        "n_drifted_features",
        "must not exceed n_features",
    ),
    "drift_reports_drifted_count_check": (
        "n_drifted_features",
        "is not the number of drifted_features",
    ),
    "drift_reports_reference_size_check": ("reference_size", _COUNT),
    "drift_reports_current_size_check": ("current_size", _COUNT),
    "drift_reports_reference_start_check": ("reference_start", _COMPARED_LATER),
    "drift_reports_reference_end_check": ("reference_end", _COMPARED_LATER),
    "drift_reports_reference_check": ("reference_start", "must not be after reference_end"),
    "drift_reports_metadata_check": ("metadata", _OBJECT),
    "performance_metrics_timestamp_check": ("timestamp", _FINITE),
    "performance_metrics_created_at_check": ("created_at", _FINITE),
    "performance_metrics_metric_type_check": ("metric_type", _NAME),
    "performance_metrics_metric_name_check": ("metric_name", _NAME),
    "performance_metrics_metric_value_check": ("metric_value", _AMOUNT),
    "performance_metrics_stage_check": ("stage", _WORD),
    "performance_metrics_slice_check": ("slice", _NAME.replace("1 to", "at most")),
    "performance_metrics_metadata_check": ("metadata", _OBJECT),
    "system_metrics_host_check": ("host", _NAME),
    "system_metrics_metric_name_check": ("metric_name", _NAME),
    "system_metrics_metric_value_check": ("metric_value", _AMOUNT),
    "system_metrics_attributes_check": ("attributes", _OBJECT),
    "ledger_privileges_role_check": ("role", "must be reader, writer, approver, auditor or owner"),
    "ledger_privileges_object_type_check": ("object_type", "must be TABLE, VIEW or FUNCTION"),
    "deletions_reason_check": ("reason", "must be retention or erasure"),
    "deletions_num_rows_check": ("num_rows", "must be above 0"),
    "audit_head_one_row_check": ("id", "must be true: the log has one end"),
}

VIOLATIONS: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
    "model_counters_pkey": (Conflict, "model_name: the model is counted already"),
    "model_versions_pkey": (Conflict, "id: already names another model version"),
    "model_versions_name_version_key": (
        Conflict,
        "model_version: this version of the model is already registered; "
        "give another, or none to take the next number",
    ),
    "model_versions_id_model_name_key": (Conflict, "id: already names another model version"),
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
    "monitoring_metrics_pkey": (Conflict, "id: already names another monitoring run"),
    "monitoring_metrics_id_model_name_key": (Conflict, "id: already names another monitoring run"),
    "monitoring_metrics_run_key": (
        Conflict,
        "this model already has a run with that timestamp and lookback_hours",
    ),
    "monitoring_metrics_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
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
    "drift_reports_pkey": (Conflict, "id: already names another drift report"),
    "drift_reports_report_key": (
        Conflict,
        "this version already has a report with that timestamp, lookback_hours and method",
    ),
    "drift_reports_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
    "drift_reports_monitoring_run_fkey": (
        NotFound,
        "monitoring_run_id: there is no such monitoring run of this model",
    ),
    "performance_metrics_pkey": (DuplicateId, "id: already names another value"),
    "performance_metrics_model_version_fkey": (NotFound, f"model_version_id: {_UNKNOWN_VERSION}"),
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
