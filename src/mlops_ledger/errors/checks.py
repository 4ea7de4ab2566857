"""What each CHECK of the schema demands in words, and of which field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAME = (
    "must have 1 to 255 characters, no control or invisible characters and no blanks at the ends"
)
_WORD = "must be lower-case letters, digits, '_', '.' or '-', at most 63 of them"
_RATIO = "must be between 0 and 1"
_COUNT = "must not be negative"
_PERCENT = "must be between 0 and 100"
_OBJECT = "must be a JSON object"
_FINITE = "must be a time in the years 1 to 9999"
_PERSON = "must have 1 to 255 characters, not all blank and none a control character"
_NOT_BLANK = "must not be empty or blank"
_AT_MOST_255 = "must have at most 255 characters"
_SEVERITY = "must be info, warning or critical"
_TITLE = "must have 1 to 1000 characters"
_AMOUNT = "must be a number between -1e150 and 1e150"
_COMPARED_LATER = "must not be later than timestamp"

# By table and by the rest of a constraint's name, TABLE_REST_check. The rest is the field, unless
# another stands before the problem.
_CHECKS: Final[Mapping[str, Mapping[str, str | tuple[str, str]]]] = {
    "models": {
        "model_name": _NAME,
        "slice_key": "must have 1 to 255 characters",
        "tags": _OBJECT,
        "created_at": _FINITE,
        "created_by": _PERSON,
    },
    "model_versions": {
        "model_version": _NAME,
        "stage": "must be development, staging, production or archived",
        "mlflow_run_id": _AT_MOST_255,
        "metrics": "must be a JSON object of numbers",
        "accuracy": ("metrics.accuracy", _RATIO),
        "precision": ("metrics.precision", _RATIO),
        "recall": ("metrics.recall", _RATIO),
        "f1_score": ("metrics.f1_score", _RATIO),
        "roc_auc": ("metrics.roc_auc", _RATIO),
        "brier_score": ("metrics.brier_score", "must be between 0 and 2"),
        "rmse": ("metrics.rmse", _COUNT),
        "mae": ("metrics.mae", _COUNT),
        "r2": ("metrics.r2", "must be at most 1"),
        "hyperparameters": _OBJECT,
        "feature_names": "must be a list of names, not empty",
        "task": "must be binary, multiclass or regression",
        "class_names": "must be 2 names for a binary task, 2 to 10000 for multiclass, else none",
        "positive_label": "must be one of class_names, and none for a regression",
        "training_samples": _COUNT,
        "tags": _OBJECT,
        "created_at": _FINITE,
        "created_by": _PERSON,
    },
    "model_slots": {
        "slot": _WORD,
    },
    "model_deployments": {
        "deployed_at": ("at", _FINITE),
        "retired_at": ("at", _FINITE),
        "deployed_by": _PERSON,
        "retired_by": _PERSON,
        "interval": ("at", "would end an interval before it began"),
    },
    "monitoring_metrics": {
        "timestamp": _FINITE,
        "created_at": _FINITE,
        "lookback_hours": "must be above 0",
        "num_predictions": _COUNT,
        "positive_rate": _RATIO,
        "probability_mean": _RATIO,
        "probability_std": _RATIO,
        "entropy": _COUNT,
        "feature_drift_ratio": _RATIO,
        "num_drifted_features": _COUNT,
        "num_features": _COUNT,
        "drifted_of_features": ("num_drifted_features", "must not exceed num_features"),
        "labeled_of_predictions": ("labeled_samples", "must not exceed num_predictions"),
        "drifted_features": "must be a list of names",
        "coverage_pct": _PERCENT,
        "labeled_samples": _COUNT,
        "metadata": _OBJECT,
    },
    "retraining_decisions": {
        "timestamp": _FINITE,
        "created_at": _FINITE,
        "trigger_reason": "must have 1 to 255 characters",
        "action": "must be promote, reject or pending",
        "drift_context": _OBJECT,
        "data_context": _OBJECT,
        "decision_details": _OBJECT,
        "gate_results": 'must be a list of {"gate": text, "passed": true or false, …}',
        "labeled_samples": _COUNT,
        "coverage_pct": _PERCENT,
        "decided_by": _PERSON,
        "resolution": ("action", "must be promote or reject to resolve a decision"),
        "promote_candidate": ("candidate_version_id", "is needed for a decision to promote"),
    },
    "agent_actions": {
        "requested_at": _FINITE,
        "requested_by": _PERSON,
        "action_type": _NAME,
        "parameters": _OBJECT,
        "risk_level": "must be low, medium, high or critical",
        "model_name": "is needed with a model_version_id or a decision_id",
        "issue_id": _AT_MOST_255,
        "issue_type": _AT_MOST_255,
        "issue_severity": _AT_MOST_255,
        "expires_at": "must be a time after requested_at and before the year 10000",
        "status": "must be pending, approved, rejected, executed, failed or expired",
        "reviewed_by": _PERSON,
        "executed_by": _PERSON,
        "reviewer": (
            "reviewed_by",
            "must be somebody other than requested_by: nobody reviews an action of their own",
        ),
        "login": (
            "reviewed_by",
            "must log in as somebody other than requested_by did: the database user is the same",
        ),
        "review": ("reviewed_by", "is set by a review, and only then"),
        "execution": (
            "executed_by",
            "is set, with result, when the action is executed, and only then",
        ),
        "approval": ("status", "needs an approval first"),
        "result": _OBJECT,
    },
    "withdrawn_versions": {"withdrawn_by": _PERSON},
    "promotion_policies": {
        "slot": _WORD,
        "updated_by": _PERSON,
    },
    "alerts": {
        "alert_type": _NAME,
        "severity": _SEVERITY,
        "title": _TITLE,
        "related_data": _OBJECT,
        "dedup_key": "must have 1 to 511 characters",
        "monitor_key": (
            "dedup_key",
            "monitor:ID is for the alerts of that monitor, and they have no other",
        ),
        "status": "must be active, acknowledged or resolved",
        "occurrences": "must be at least 1",
        "first_seen": ("at", _FINITE),
        "last_seen": "must not lie before first_seen",
        "acknowledged_at": "must not lie before first_seen",
        "acknowledged_by": _PERSON,
        "acknowledgement": ("acknowledged_by", "is needed with acknowledged_at"),
        "resolved_at": "must not lie before last_seen",
        "resolved_by": _PERSON,
        "resolution": ("resolved_by", "is needed with resolved_at"),
        "snoozed_until": ("until", _FINITE),
        "snoozed_by": _PERSON,
        "state": ("status", "contradicts acknowledged_at and resolved_at"),
    },
    "alert_occurrences": {
        "severity": _SEVERITY,
        "title": _TITLE,
        "related_data": _OBJECT,
    },
    "monitors": {
        "created_at": _FINITE,
        "created_by": _PERSON,
        "removed_at": "must be a time after created_at and before the year 10000",
        "model_name": "is required, unless the source is system",
        "name": _NAME,
        "source": "must be monitoring, performance or system",
        "metric_name": _NAME,
        "slice": "is only for the source performance",
        "host": "is needed for the source system, and only there",
        "attributes": f"{_OBJECT}, and are only for the source system",
        "window": "must be longer than zero and at most 3660 days",
        "operator": "must be >, >=, < or <=",
        "warning_threshold": _AMOUNT,
        "critical_threshold": _AMOUNT,
        "consecutive": "must be between 1 and 100",
        "no_data": "must be ok, warning or critical",
        "hysteresis": "must be between 0 and 1e150",
        "known_metric": (
            "metric_name",
            (
                "must be a number that monitoring runs have: num_predictions, positive_rate, "
                "probability_mean, probability_std, entropy, dataset_drift_detected, "
                "feature_drift_ratio, num_drifted_features, num_features, coverage_pct, "
                "labeled_samples"
            ),
        ),
        "thresholds": (
            "critical_threshold",
            (
                "or warning_threshold is needed; of both, the critical one must be further "
                "in the direction of the operator"
            ),
        ),
        "removed_by": _PERSON,
        "removal": ("removed_by", "is needed with removed_at"),
    },
    "monitor_states": {
        "state": "must be ok, warning, critical or no_data",
        "severity": "must be warning or critical",
    },
    "predictions": {
        "request_id": _NOT_BLANK,
        "batch_id": _NOT_BLANK,
        "probability": _RATIO,
        "class_probabilities": _RATIO,
        "latency_ms": _COUNT,
        "status": "must be success or error",
        "interval": ("confidence_lower", "must not exceed confidence_upper"),
    },
    "prediction_batches": {
        "num_predictions": ("rows", "must not be empty"),
    },
    "partition_policies": {
        "period": "must be day, week or month",
    },
    "ground_truth": {
        "labeled_at": _FINITE,
        "actual_value": "must be a finite number",
        "actual": ("actual_label", "or actual_value is needed"),
    },
    "ground_truth_waiting": {
        "request_id": _NOT_BLANK,
        "model_version": ("model_name", "is needed with model_version"),
        "labeled_at": _FINITE,
        "actual_value": "must be a finite number",
        "actual": ("actual_label", "or actual_value is needed"),
        "target": ("prediction_id", "give either a prediction_id or a request_id"),
    },
    "baselines": {
        "num_rows": "must be above 0",
        "created_by": _PERSON,
        "window": ("since", "must be before until"),
    },
    "baseline_features": {
        "series": "must be above 0",
        "feature": ("data", "must have names of 1 to 255 characters"),
        "column_name": "must be a column of values",
        "kind": "must be numeric, categorical or text",
        "num_categories": "must not be below those listed",
        "num_missing": _COUNT,
        "std": _COUNT,
        "bins": ("counts", "must fit the edges or categories"),
    },
    "summary_marks": {
        "table_name": "must be predictions or ground_truth",
        "window": ("until", "must not be before since"),
    },
    "summaries": {
        "grain": "must be hour or day",
    },
    "summary_histograms": {
        "grain": "must be hour or day",
    },
    "summary_outcomes": {
        "grain": "must be hour or day",
    },
    "summary_slices": {
        "slice": "must be from 1 to 50",
    },
    "summary_privacy": {
        "one_row": ("id", "must be true: there is one setting"),
        "minimum_count": "must be from 1 to 1000000",
    },
    "drift_reports": {
        "timestamp": _FINITE,
        "created_at": _FINITE,
        "window_start": _FINITE,
        "window_end": _COMPARED_LATER,
        "window": ("window_start", "must be before window_end"),
        "drift_score": _AMOUNT,
        "method": "must have 1 to 255 characters",
        "threshold": _AMOUNT,
        "features": "must be a list of results",
        "drifted_features": "must be a list of names",
        "n_drifted_features": _COUNT,
        "n_features": _COUNT,
        "drifted_of_features": ("n_drifted_features", "must not exceed n_features"),
        "drifted_count": ("n_drifted_features", "is not the number of drifted_features"),
        "reference_size": _COUNT,
        "current_size": _COUNT,
        "reference_start": _COMPARED_LATER,
        "reference_end": _COMPARED_LATER,
        "reference": ("reference_start", "must not be after reference_end"),
        "metadata": _OBJECT,
    },
    "performance_metrics": {
        "timestamp": _FINITE,
        "created_at": _FINITE,
        "metric_type": _NAME,
        "metric_name": _NAME,
        "metric_value": _AMOUNT,
        "stage": _WORD,
        "slice": _NAME.replace("1 to", "at most"),
        "metadata": _OBJECT,
    },
    "system_metrics": {
        "host": _NAME,
        "metric_name": _NAME,
        "metric_value": _AMOUNT,
        "attributes": _OBJECT,
    },
    "ledger_privileges": {
        "role": "must be reader, writer, approver, auditor, agent or owner",
        "object_type": "must be TABLE, VIEW or FUNCTION",
    },
    "deletions": {
        "reason": "must be retention or erasure",
        "num_rows": "must be above 0",
    },
    "webhooks": {
        "webhook": _WORD,
        "payload": "must be cloudevents or slack",
        "template": "must have 1 to 10000 characters, and goes with the payload slack",
        "types": "must be a list of types, not empty",
        "model_name": _NAME,
    },
    "webhook_deliveries": {
        "status": "must be pending, delivered or dead",
    },
    "event_consumers": {
        "consumer": _NAME,
        "seq": ("after", _COUNT),
    },
    "audit_head": {
        "one_row": ("id", "must be true: the log has one end"),
    },
}
INVALID: Final[Mapping[str, tuple[str, str]]] = {
    f"{table}_{rest}_check": (rest, problem) if isinstance(problem, str) else problem
    for table, checks in _CHECKS.items()
    for rest, problem in checks.items()
}
