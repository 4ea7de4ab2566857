"""What each constraint of the schema means in words, for the exception that explains it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .errors import Conflict, DuplicateId, InvalidValue, LedgerError, NotFound

_NAME = "must have 1 to 255 characters, no control characters and no blanks at the ends"
_RATIO = "must be between 0 and 1"
_COUNT = "must not be negative"
_PERCENT = "must be between 0 and 100"
_OBJECT = "must be a JSON object"
_FINITE = "must be a time in the years 1 to 9999"
_UNKNOWN_VERSION = "names no version of this model"

INVALID: Final[Mapping[str, tuple[str, str]]] = {
    "model_versions_model_name_check": ("model_name", _NAME),
    "model_versions_model_version_check": ("model_version", _NAME),
    "model_versions_stage_check": (
        "stage",
        "must be development, staging, production or archived",
    ),
    "model_versions_mlflow_run_id_check": ("mlflow_run_id", "must have at most 255 characters"),
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
    "model_slots_slot_check": (
        "slot",
        "must be lower-case letters, digits, '_', '.' or '-', at most 63 of them",
    ),
    "model_deployments_deployed_at_check": ("at", _FINITE),
    "model_deployments_retired_at_check": ("at", _FINITE),
    "model_deployments_interval_check": ("at", "would end an interval before it began"),
    "monitoring_metrics_timestamp_check": ("timestamp", _FINITE),
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
}

VIOLATIONS: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
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
    "predictions_pkey": (DuplicateId, "id: already names another prediction"),
    "prediction_batches_pkey": (Conflict, "write_id: already names another write"),
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
