"""Answers as `/docs` shows them; a test compares them with what the routes return."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from ...rows import Performance, RecentPrediction

_VERSION_ID: Final = "019a1b2c-3d4e-7f50-8a9b-0c1d2e3f4a5b"
_WINDOW: Final = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"}


def _filled(shape: type[Any], **values: object) -> dict[str, Any]:
    """Return an answer of that shape; what no value is given of is null."""
    return {each.name: values.pop(each.name, None) for each in fields(shape)} | values


SUMMARY: Final[dict[str, Any]] = {
    "count": 1200,
    "success_rate": 0.9975,
    "mean_probability": 0.81,
    "mean_latency_ms": 4.2,
    "p50_latency_ms": 3.9,
    "p95_latency_ms": 8.8,
    "p99_latency_ms": 12.1,
    "cache_hit_rate": 0.25,
    "earliest": "2026-03-01T00:00:12Z",
    "latest": "2026-03-01T23:59:40Z",
    "label_distribution": {"positive": 800, "negative": 397},
    **_WINDOW,
}

LABEL_DISTRIBUTION: Final[dict[str, Any]] = {
    **_WINDOW,
    "count": 1000,
    "labels": [
        {"label": "positive", "count": 700, "share": 0.7},
        {"label": "negative", "count": 300, "share": 0.3},
    ],
}

RECENT: Final[dict[str, Any]] = {
    "items": [
        _filled(
            RecentPrediction,
            id="019a1b2c-4444-7f50-8a9b-0c1d2e3f4a5b",
            predicted_at="2026-03-01T23:59:40Z",
            model_name="sentiment",
            model_version="1",
            status="success",
            predicted_label="positive",
            probability=0.93,
            latency_ms=3.4,
            request_id="8b1f6c0e",
            cache_hit=False,
            model_version_id=_VERSION_ID,
        )
    ],
    "next_before": None,
}

PERFORMANCE: Final[dict[str, Any]] = _filled(
    Performance,
    model_name="sentiment",
    **_WINDOW,
    source="rows",
    task="binary",
    positive_label="positive",
    num_predictions=1000,
    labeled_samples=100,
    coverage_pct=10.0,
    label_delay_p50="PT1H",
    label_delay_p95="PT6H",
    label_delay_max="PT8H",
    accuracy=0.9,
    balanced_accuracy=0.9,
    matthews_corrcoef=0.8,
    precision=0.9,
    recall=0.9,
    f1_score=0.9,
    roc_auc=0.96,
    standard_errors={"roc_auc": 0.02},
    reasons={"rmse": "the model predicts classes"},
)

DRIFT: Final[dict[str, Any]] = {
    "items": [
        {
            "id": "019a1b2c-5555-7f50-8a9b-0c1d2e3f4a5b",
            "timestamp": "2026-03-02T00:00:00Z",
            "model_name": "sentiment",
            "model_version_id": _VERSION_ID,
            "lookback_hours": 24.0,
            "window_start": _WINDOW["since"],
            "window_end": _WINDOW["until"],
            "drift_detected": True,
            "drift_score": 0.31,
            "method": "jensen_shannon",
            "threshold": 0.1,
            "features": [{"feature": "words", "statistic": 0.31, "drifted": True}],
            "drifted_features": ["words"],
            "n_drifted_features": 1,
            "n_features": 1,
            "reference_size": 600,
            "current_size": 1200,
            "reference_start": None,
            "reference_end": None,
            "report_ref": None,
            "summary_ref": None,
            "monitoring_run_id": None,
            "metadata": {},
            "created_at": "2026-03-02T00:00:04Z",
            "model_version": "1",
        }
    ],
    "next_before": None,
}

MODELS: Final[dict[str, Any]] = {
    "items": [
        {
            "model_name": "sentiment",
            "live_version": "1",
            "live_since": "2026-02-20T09:00:00Z",
            "versions": 3,
            "last_prediction": "2026-03-02T09:59:59Z",
            "predictions_24h": 1200,
            "last_monitoring": "2026-03-02T00:00:00Z",
            "worst_monitor": "ok",
            "open_alerts": 0,
            "worst_alert": None,
            "pending_approvals": 0,
            "coverage_pct": 10.0,
        }
    ],
    "next_after": None,
}

PRODUCTION: Final[dict[str, Any]] = {
    "id": "019a1b2c-6666-7f50-8a9b-0c1d2e3f4a5b",
    "model_name": "sentiment",
    "slot": "production",
    "model_version": "1",
    "model_version_id": _VERSION_ID,
    "deployed_at": "2026-02-20T09:00:00Z",
    "retired_at": None,
    "deployed_by": "retraining",
    "reason": "passed all gates",
    "retired_by": None,
    "retired_reason": None,
    "decision_id": None,
    "action_id": None,
    "restores_id": None,
}

TIMELINE: Final[dict[str, Any]] = {
    "items": [
        {
            "model_name": "sentiment",
            "slot": "production",
            "model_version": "1",
            "deployed_at": "2026-02-20T09:00:00Z",
            "retired_at": None,
            "live_for": "P10D",
            "is_live": True,
            "deployed_by": "retraining",
            "reason": "passed all gates",
            "retired_by": None,
            "retired_reason": None,
            "is_rollback": False,
            "decision_action": "promote",
            "trigger_reason": "scheduled",
            "decision_reasoning": None,
            "approved_by": None,
            "approved_at": None,
            "stage": "production",
            "algorithm": "LogisticRegression",
            "accuracy": 0.91,
            "f1_score": 0.9,
            "roc_auc": 0.96,
            "brier_score": None,
            "rmse": None,
            "r2": None,
            "training_samples": 600,
            "mlflow_run_id": None,
            "created_at": "2026-02-19T08:00:00Z",
            "promoted_at": "2026-02-20T09:00:00Z",
            "promoted_by": "retraining",
            "model_version_id": _VERSION_ID,
            "deployment_id": "019a1b2c-6666-7f50-8a9b-0c1d2e3f4a5b",
            "decision_id": None,
            "action_id": None,
        }
    ],
    "next_before": None,
}
