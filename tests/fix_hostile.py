"""The fields of every call that writes, and which values they must refuse or keep."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from fix_odd_values import (
    BAD_DOCUMENTS,
    BAD_IN_JSON,
    BAD_NAMES,
    BAD_TEXT,
    HOUR,
    KOLKATA,
    NAN,
    NOON,
    NOT_A_NUMBER,
    NOT_A_TIMESTAMP,
    NOT_AN_ID,
    NOT_AN_OBJECT,
    NOT_BOOLEAN,
    NOT_TEXT,
    NOT_TEXTS,
    NOT_WHOLE,
    SOME_ID,
    THE_FUTURE,
    Colour,
    Level,
    nested,
)

from mlops_ledger.checks.plain import is_missing

MODELS, MONITORING, DECISIONS = "insert version", "insert run", "insert decision"
ACTIONS, APPROVE, EXECUTE = "insert action", "approve action", "mark_executed action"
RAISE, ACKNOWLEDGE, RESOLVE, SNOOZE = "raise_alert", "acknowledge", "resolve alert", "snooze"
MONITORS = "insert monitor"
DRIFT, METRIC = "insert report", "insert metric"
METRICS, SYSTEM = "insert_many metrics", "insert_many measured"
PROMOTE, ROLLBACK, RETIRE = "promote", "rollback", "retire"

TEXTS = {
    RAISE: ["alert_type", "dedup_key", "message", "model_name", "severity", "title"],
    ACKNOWLEDGE: ["acknowledged_by", "notes"],
    RESOLVE: ["notes", "resolved_by"],
    SNOOZE: ["snoozed_by"],
    MONITORS: [
        "created_by",
        "host",
        "metric_name",
        "model_name",
        "name",
        "no_data",
        "operator",
        "slice",
        "source",
    ],
    MODELS: [
        "algorithm",
        "artifact_uri",
        "created_by",
        "dataset_digest",
        "dataset_version",
        "metadata_uri",
        "mlflow_run_id",
        "model_name",
        "model_version",
        "stage",
    ],
    MONITORING: ["drift_report_ref", "drift_summary_ref", "model_name"],
    DECISIONS: ["action", "decided_by", "model_name", "reasoning", "trigger_reason"],
    ACTIONS: [
        "action_type",
        "description",
        "issue_id",
        "issue_severity",
        "issue_type",
        "model_name",
        "requested_by",
        "risk_level",
    ],
    APPROVE: ["comment", "reviewed_by"],
    EXECUTE: ["executed_by"],
    DRIFT: ["method", "model_name", "report_ref", "summary_ref"],
    **{
        key: ["dataset_version", "metric_name", "metric_type", "model_name", "slice", "stage"]
        for key in (METRIC, METRICS)
    },
    SYSTEM: ["host", "metric_name", "unit"],
    PROMOTE: ["model_name", "model_version", "promoted_by", "reason", "slot"],
    ROLLBACK: ["model_name", "reason", "rolled_back_by", "slot"],
    RETIRE: ["model_name", "reason", "retired_by", "slot"],
}
NUMBERS = {
    MONITORS: ["critical_threshold", "hysteresis", "warning_threshold"],
    MONITORING: [
        "coverage_pct",
        "entropy",
        "feature_drift_ratio",
        "lookback_hours",
        "positive_rate",
        "probability_mean",
        "probability_std",
    ],
    DECISIONS: ["coverage_pct"],
    DRIFT: ["drift_score", "lookback_hours", "threshold"],
    **{key: ["metric_value"] for key in (METRIC, METRICS, SYSTEM)},
}
WHOLE = {
    MONITORS: ["consecutive"],
    MODELS: ["training_samples"],
    MONITORING: ["labeled_samples", "num_drifted_features", "num_features", "num_predictions"],
    DECISIONS: ["labeled_samples"],
    DRIFT: ["current_size", "n_drifted_features", "n_features", "reference_size"],
}
OBJECTS = {
    RAISE: ["related_data"],
    MONITORS: ["attributes"],
    MODELS: ["hyperparameters", "metrics", "tags"],
    MONITORING: ["metadata"],
    DECISIONS: ["data_context", "decision_details", "drift_context"],
    ACTIONS: ["parameters"],
    EXECUTE: ["result"],
    **{key: ["metadata"] for key in (DRIFT, METRIC, METRICS)},
    SYSTEM: ["attributes"],
}
TIMESTAMPS = {
    RAISE: ["at"],
    ACKNOWLEDGE: ["at"],
    RESOLVE: ["at"],
    MODELS: ["created_at"],
    MONITORING: ["timestamp"],
    DECISIONS: ["timestamp"],
    ACTIONS: ["requested_at"],
    DRIFT: ["reference_end", "reference_start", "timestamp", "window_end"],
    METRIC: ["timestamp"],
    PROMOTE: ["at"],
    ROLLBACK: ["at"],
    RETIRE: ["at"],
}
# In rows a missing one is the default.
ROW_TIMESTAMPS = {key: ["timestamp"] for key in (METRICS, SYSTEM)}
IDS = {
    RAISE: ["occurrence_id"],
    ACKNOWLEDGE: ["id"],
    RESOLVE: ["id"],
    SNOOZE: ["id"],
    MONITORS: ["id"],
    MODELS: ["id"],
    MONITORING: ["id", "model_version_id"],
    DRIFT: ["id", "model_version_id", "monitoring_run_id"],
    **{key: ["id", "model_version_id"] for key in (METRIC, METRICS)},
    SYSTEM: ["id"],
    DECISIONS: [
        "candidate_version_id",
        "id",
        "monitoring_run_id",
        "production_version_id",
        "resolves_id",
    ],
    ACTIONS: ["id", "model_version_id"],
    APPROVE: ["id"],
    EXECUTE: ["id"],
    PROMOTE: ["action_id", "decision_id", "deployment_id"],
    ROLLBACK: ["deployment_id"],
    RETIRE: ["deployment_id"],
}
# Values of a sort, and the fields that must refuse them.
REFUSED: dict[str, tuple[list[Any], dict[str, list[str]]]] = {
    "text": (NOT_TEXT + BAD_TEXT, TEXTS),
    "people": (
        ["", " ", "\u2003", "\u200b\ufe0f", "\u3164", "a\nb", "a\u0085", "a\x1b[31m", "x" * 256],
        {
            MODELS: ["created_by"],
            DECISIONS: ["decided_by"],
            ACTIONS: ["requested_by"],
            APPROVE: ["reviewed_by"],
            EXECUTE: ["executed_by"],
            MONITORS: ["created_by"],
            ACKNOWLEDGE: ["acknowledged_by"],
            RESOLVE: ["resolved_by"],
            SNOOZE: ["snoozed_by"],
            PROMOTE: ["promoted_by"],
            ROLLBACK: ["rolled_back_by"],
            RETIRE: ["retired_by"],
        },
    ),
    "risks": (["", "huge", "lo w", "high\n"], {ACTIONS: ["risk_level"]}),
    "names": (
        BAD_NAMES,
        {
            MODELS: ["model_name", "model_version"],
            ACTIONS: ["action_type"],
            RAISE: ["alert_type"],
            MONITORS: ["metric_name", "name"],
            **{key: ["metric_name", "metric_type", "stage"] for key in (METRIC, METRICS)},
            SYSTEM: ["host", "metric_name"],
        },
    ),
    "severities": (["", "fatal", "warn ing", "\n"], {RAISE: ["severity"], MONITORS: ["no_data"]}),
    "operators": (["", "=", "=>", "> ", "between"], {MONITORS: ["operator"]}),
    "windows": (
        [0, 3600, "1 day", -HOUR, HOUR * 0, HOUR * 10**6, timedelta.max, NAN, True, NOON, [HOUR]],
        {MONITORS: ["window"]},
    ),
    "times to come": (NOT_A_TIMESTAMP, {SNOOZE: ["until"]}),
    "thresholds": (
        [1e151, -1e308, 10**160],
        {MONITORS: ["critical_threshold", "hysteresis", "warning_threshold"]},
    ),
    "slots": ([*BAD_NAMES, "Production", "a b", "-a", "ü", "x" * 64], {PROMOTE: ["slot"]}),
    "stages": (["", "live", "productions", "Produc tion", "\n"], {MODELS: ["stage"]}),
    "actions": (["", "approve", "Promoted", "rejected\n!"], {DECISIONS: ["action"]}),
    "triggers": (["", "x" * 256], {DECISIONS: ["trigger_reason"]}),
    "numbers": (NOT_A_NUMBER, NUMBERS),
    "ratios": (
        [-0.1, 1.000001, 1e308, -1, 2, Decimal("1.1"), np.float32(-1), 10**30],
        {
            MONITORING: [
                "feature_drift_ratio",
                "positive_rate",
                "probability_mean",
                "probability_std",
            ]
        },
    ),
    "percentages": (
        [-0.1, 100.01, 1e308, -1, 101, 10**30],
        {MONITORING: ["coverage_pct"], DECISIONS: ["coverage_pct"]},
    ),
    "values": (
        [1e151, -1e151, 10**200],
        {
            DRIFT: ["drift_score", "threshold"],
            **{key: ["metric_value"] for key in (METRIC, METRICS, SYSTEM)},
        },
    ),
    "lengths": ([0, -1, 876_601, 1e300], {DRIFT: ["lookback_hours"]}),
    "results": (
        [[value] for value in [*BAD_IN_JSON, {}, 5, [], {"feature": 1, "drifted": True}]]
        + [[{"feature": "a", "drifted": value}] for value in (1, "true", None, NAN)]
        + [[{"feature": name, "drifted": True}] for name in ("", "x" * 256, None, 5)]
        + [[{"feature": "a", "drifted": True, "method": value}] for value in (5, ["ks"])]
        + [
            [{"feature": "a", "drifted": True, name: value}]
            for name in ("p_value", "score", "statistic", "threshold")
            for value in ("0.5", True, NAN, 1e151, [0.5], {})
        ]
        + [[{"feature": "a", "drifted": True, "p_value": value}] for value in (-0.1, 1.5)]
        + [[{"feature": "a", "drifted": True}] * 2, "ab", {}, True],
        {DRIFT: ["features"]},
    ),
    "amounts": ([-1, -5e-324, -1e308], {MONITORING: ["entropy", "lookback_hours"]}),
    "whole numbers": (NOT_A_NUMBER + NOT_WHOLE, WHOLE),
    "small whole numbers": (
        [2**31, 2**40],
        {
            MONITORING: ["num_drifted_features", "num_features"],
            DRIFT: ["n_drifted_features", "n_features"],
        },
    ),
    "objects": (NOT_AN_OBJECT + BAD_DOCUMENTS, OBJECTS),
    "objects holding": ([{"a": {"b": [0, value]}} for value in BAD_IN_JSON], OBJECTS),
    "metrics": (
        [{"accuracy": value} for value in [*BAD_IN_JSON, "0.5", True, 1.5, -0.1]],
        {MODELS: ["metrics"]},
    ),
    "gates": (
        [[value] for value in [*BAD_IN_JSON, {}, 5, {"gate": 1, "passed": True}, {"passed": True}]]
        + [[{"gate": "a", "passed": value}] for value in (1, "true", None, NAN)]
        + [{"gate": "a", "passed": True}, "gate", 5, True, {}],
        {DECISIONS: ["gate_results"]},
    ),
    "timestamps": (NOT_A_TIMESTAMP, TIMESTAMPS),
    "timestamps of rows": (
        [value for value in NOT_A_TIMESTAMP if not is_missing(value)],
        ROW_TIMESTAMPS,
    ),
    "ends": ([*NOT_A_TIMESTAMP, NOON - timedelta(days=1)], {ACTIONS: ["expires_at"]}),
    "the future": (THE_FUTURE, TIMESTAMPS | ROW_TIMESTAMPS),
    "ids": (NOT_AN_ID, IDS),
    "lists of texts": (
        NOT_TEXTS,
        {
            MODELS: ["feature_names"],
            MONITORING: ["drifted_features"],
            DRIFT: ["drifted_features"],
        },
    ),
    "booleans": (
        NOT_BOOLEAN,
        {
            MONITORING: ["dataset_drift_detected"],
            ACTIONS: ["requires_approval"],
            DRIFT: ["drift_detected"],
        },
    ),
}

# What is stored, and what is read again.
ACCEPTED: list[tuple[str, str, Any, Any]] = [
    (MODELS, "model_name", "x" * 255, "x" * 255),
    (MODELS, "model_name", "ü ß 漢😀", "ü ß 漢😀"),
    (MODELS, "stage", "StaGing ", "staging"),
    (MODELS, "algorithm", "", ""),
    (MODELS, "algorithm", " \t\n'\"\\%s{}", " \t\n'\"\\%s{}"),
    (MODELS, "algorithm", np.str_("ridge"), "ridge"),
    (MODELS, "algorithm", Colour.RED, "red"),
    (MODELS, "artifact_uri", "x" * 1_000_000, "x" * 1_000_000),
    (MODELS, "training_samples", 2**63 - 1, 2**63 - 1),
    (MODELS, "training_samples", np.int64(7), 7),
    (MODELS, "training_samples", Level.ONE, 1),
    (MODELS, "metrics", {"accuracy": np.float32(0.5), "n": np.int8(3), "none": None}, {
        "accuracy": 0.5, "n": 3, "none": None}),
    (MODELS, "metrics", {"rmse": Decimal("0.25"), "mae": -0.0}, {"rmse": 0.25, "mae": 0.0}),
    (MODELS, "hyperparameters", {"a": np.array([[1, 2]]), "b": (1, "x")}, {
        "a": [[1, 2]], "b": [1, "x"]}),
    (MODELS, "hyperparameters", {"a": NOON.astimezone(KOLKATA), "b": date(2026, 1, 1)}, {
        "a": "2026-01-01T12:00:00+00:00", "b": "2026-01-01"}),
    (MODELS, "hyperparameters", {"id": SOME_ID, "c": Colour.RED, "l": Level.ONE}, {
        "id": str(SOME_ID), "c": "red", "l": 1}),
    (MODELS, "tags", {"": "", "a.b": "\u2028😀", "n": 2**53 + 1}, {
        "": "", "a.b": "\u2028😀", "n": 2**53 + 1}),
    (MODELS, "tags", nested(64), nested(64)),
    (MODELS, "feature_names", ("a", "ü", " "), ["a", "ü", " "]),
    (MODELS, "feature_names", np.array(["a", "b"]), ["a", "b"]),
    (MODELS, "created_at", datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)),
    (MODELS, "created_at", NOON.astimezone(KOLKATA), NOON),
    (MODELS, "id", str(SOME_ID), SOME_ID),
    (MONITORING, "positive_rate", np.float64(0.1), 0.1),
    (MONITORING, "positive_rate", Decimal("0.1"), 0.1),
    (MONITORING, "positive_rate", 1, 1.0),
    (MONITORING, "positive_rate", 5e-324, 5e-324),
    (MONITORING, "positive_rate", np.array(0.25), 0.25),
    (MONITORING, "probability_mean", np.float32(0.1), float(np.float32(0.1))),
    (MONITORING, "dataset_drift_detected", np.bool_(False), False),
    (MONITORING, "drifted_features", [], []),
    (MONITORING, "drifted_features", ["a", "{b}", 'c"', "NULL"], ["a", "{b}", 'c"', "NULL"]),
    (MONITORING, "metadata", {"a": [None, True, 1.5]}, {"a": [None, True, 1.5]}),
    (ACTIONS, "risk_level", " High", "high"),
    (ACTIONS, "requested_by", " ü 漢😀 ", " ü 漢😀 "),
    (ACTIONS, "description", "x" * 1_000_000, "x" * 1_000_000),
    (ACTIONS, "parameters", {"rate": Decimal("0.25")}, {"rate": 0.25}),
    (ACTIONS, "requires_approval", np.bool_(True), True),
    (ACTIONS, "expires_at", datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    (DECISIONS, "action", "REJECT ", "reject"),
    (DRIFT, "features", ({"feature": "ü", "drifted": np.bool_(True), "p_value": 5e-324},), [
        {"feature": "ü", "drifted": True, "p_value": 5e-324}]),
    (DRIFT, "drift_score", np.float32(0.5), 0.5),
    (DRIFT, "drifted_features", np.array(["a"]), ["a"]),
    (METRIC, "metric_value", Decimal("-0.0"), 0.0),
    (METRIC, "metric_value", np.int64(-3), -3.0),
    (METRIC, "slice", "carrier = 'ü'", "carrier = 'ü'"),
    (METRIC, "timestamp", NOON.astimezone(KOLKATA), NOON),
    (METRIC, "metadata", {"n": np.int8(3)}, {"n": 3}),
    (DECISIONS, "reasoning", "line\nline", "line\nline"),
    (DECISIONS, "gate_results", [{"gate": "a", "passed": np.bool_(True), "value": np.float64(1)}], [
        {"gate": "a", "passed": True, "value": 1}]),
]  # fmt: skip
