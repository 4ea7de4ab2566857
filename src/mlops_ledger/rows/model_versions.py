"""Model versions and where they were live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ..notebooks import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion(Row):
    """A version of a model."""

    id: UUID
    model_name: str
    model_version: str
    stage: str
    mlflow_run_id: str | None
    description: str | None
    algorithm: str | None
    metrics: dict[str, Any]
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1_score: float | None
    roc_auc: float | None
    brier_score: float | None
    rmse: float | None
    mae: float | None
    r2: float | None
    hyperparameters: dict[str, Any]
    feature_names: list[str] | None
    task: str | None
    class_names: list[str] | None
    positive_label: str | None
    training_samples: int | None
    dataset_version: str | None
    dataset_digest: str | None
    artifact_uri: str | None
    metadata_uri: str | None
    tags: dict[str, Any]
    created_at: datetime
    created_by: str
    promoted_at: datetime | None
    promoted_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnVersion(Row):
    """A version that was taken back; `registered` is its row as it was."""

    id: UUID
    model_name: str
    model_version: str
    withdrawn_at: datetime
    withdrawn_by: str
    reason: str | None
    registered: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Row):
    """The interval in which a version held a slot; `retired_at` is None while it is live."""

    id: UUID
    model_name: str
    slot: str
    model_version: str
    model_version_id: UUID
    deployed_at: datetime
    retired_at: datetime | None
    deployed_by: str
    reason: str | None
    retired_by: str | None
    retired_reason: str | None
    decision_id: UUID | None
    action_id: UUID | None
    restores_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry(Row):
    """A row of v_model_timeline: a deployment with its version, decision and approval."""

    model_name: str
    slot: str
    model_version: str
    deployed_at: datetime
    retired_at: datetime | None
    live_for: timedelta
    is_live: bool
    deployed_by: str
    reason: str | None
    retired_by: str | None
    retired_reason: str | None
    is_rollback: bool
    decision_action: str | None
    trigger_reason: str | None
    decision_reasoning: str | None
    approved_by: str | None
    approved_at: datetime | None
    stage: str
    algorithm: str | None
    accuracy: float | None
    f1_score: float | None
    roc_auc: float | None
    brier_score: float | None
    rmse: float | None
    r2: float | None
    training_samples: int | None
    mlflow_run_id: str | None
    created_at: datetime
    promoted_at: datetime | None
    promoted_by: str | None
    model_version_id: UUID
    deployment_id: UUID
    decision_id: UUID | None
    action_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPolicy(Row):
    """What a promotion into a slot of a model needs."""

    model_name: str
    slot: str
    requires_decision: bool
    requires_approval: bool
    updated_at: datetime
    updated_by: str
