"""The other pages: lists, and one thing of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ..._sync.overview import Overview
from ...checks.drift import OUTPUTS
from ...checks.values import ALERT_STATUSES, PREDICTION_STATUSES, SEVERITIES
from ...database import Database
from ...errors import NotFound, PermissionDenied
from ...repositories import (
    AgentActionsRepository,
    AlertsRepository,
    AuditRepository,
    BaselinesRepository,
    GroundTruthRepository,
    ModelVersionRepository,
    PerformanceMetricsRepository,
    PredictionsRepository,
    RetrainingDecisionsRepository,
    SummariesRepository,
)
from ...rows import FeatureDrift, Prediction, RecentPrediction
from . import features, model, quality
from .query import PAGE, Page, Query
from .source import Source, spooled
from .text import link


def models(db: Database, query: Query) -> Page:
    """List the models and what needs attention."""
    rows = Overview(db).models(limit=PAGE, after=query.text("after"))
    alerts = AlertsRepository(db).list_active(include_acknowledged=True, limit=PAGE)
    shown = {
        "models": rows,
        "alerts": alerts,
        "next": link("/", after=rows[-1].model_name) if len(rows) == PAGE else None,
    }
    return Page("models.html", "Models", shown, ("overview.models", "alerts.list_active"))


def version(db: Database, query: Query) -> Page:
    """Show one version: where it comes from, how good it was, where it was live."""
    named: dict[str, Any] = {
        "model_name": query.required("model"),
        "model_version": query.required("version"),
    }
    versions = ModelVersionRepository(db)
    found = versions.get(**named)
    if found is None:
        raise NotFound("there is no such version")
    timeline = versions.timeline(model_name=named["model_name"], limit=200)
    decisions = RetrainingDecisionsRepository(db)
    baseline = BaselinesRepository(db).latest(**named)
    source = Source(db)
    folded = source.folded(found.id)
    window = features.newest_window(folded) if folded else None
    drift: list[FeatureDrift] = []
    if baseline is not None and window is not None:
        drift = source.drift(
            model_version_id=found.id,
            baseline_id=baseline.id,
            since=window.since,
            until=window.until,
        )
    shown = {
        "version": found,
        "deployments": [each for each in timeline if each.model_version_id == found.id],
        "decisions": [
            each
            for each in decisions.list_decisions(model_name=found.model_name, limit=200)
            if each.candidate_version_id == found.id
        ],
        "latest": PerformanceMetricsRepository(db).latest(**named),
        "baseline": baseline,
        "window": window,
        "drift": sorted(
            drift, key=lambda each: (each.column_name in OUTPUTS, -each.jensen_shannon)
        ),
        "predictions": PredictionsRepository(db).list_recent(**named, limit=5),
    }
    statements = (
        "model_versions.get",
        "model_versions.timeline",
        "retraining_decisions.list_decisions",
        "performance_metrics.latest",
        "baselines.latest",
        "ui.folded",
        "ui.drift",
        "predictions.list_recent__of_versions",
    )
    return Page("version.html", f"{found.model_name} {found.model_version}", shown, statements)


def decision(db: Database, query: Query) -> Page:
    """Show one decision with its gates."""
    found = Source(db).decision(query.id())
    if found is None:
        raise NotFound("there is no such decision")
    title = f"{found['action']} {found['candidate_version'] or ''}".strip()
    return Page("decision.html", title, {"decision": found}, ("ui.gates",))


def predictions(db: Database, query: Query) -> Page:
    """List predictions, newest first."""
    filters: dict[str, Any] = {
        "model_name": query.text("model"),
        "model_version": query.text("version"),
        "status": query.choice("status", PREDICTION_STATUSES),
        "predicted_label": query.text("label"),
    }
    if filters["model_name"] is None:
        filters["model_version"] = None
    rows = PredictionsRepository(db).list_recent(**filters, limit=PAGE, before=query.uuid("before"))
    shown = {"predictions": rows, "query": query.given, "next": _next(query, "/predictions", rows)}
    statement = "predictions.list_recent"
    if filters["model_name"] is not None:
        statement += "__of_versions"
    return Page("predictions.html", "Predictions", shown, (statement,))


def prediction(db: Database, query: Query) -> Page:
    """Show one prediction with its labels; its features as far as the role may see them."""
    wanted = query.id()
    found: Prediction | RecentPrediction | None
    statements = ["predictions.get", "ground_truth.list_labels"]
    try:
        found = PredictionsRepository(db).get(id=wanted)
    except PermissionDenied:
        found = PredictionsRepository(db).get_recent(id=wanted)
        statements[0] = "predictions.get_recent"
    if found is None:
        raise NotFound("there is no such prediction")
    shown = {
        "prediction": found,
        "features": getattr(found, "features", None),
        "inputs": getattr(found, "inputs", None),
        "is_whole": isinstance(found, Prediction),
        "labels": GroundTruthRepository(db).list_labels(prediction_id=wanted),
    }
    return Page("prediction.html", "Prediction", shown, tuple(statements))


def alerts(db: Database, query: Query) -> Page:
    """List alerts, newest first, those that are not resolved by default."""
    status = query.choice("status", (*ALERT_STATUSES, "all")) or "open"
    filters: dict[str, Any] = {
        "model_name": query.text("model"),
        "severity": query.choice("severity", SEVERITIES),
    }
    repository = AlertsRepository(db)
    if status == "open":
        rows = repository.list_active(
            **filters, include_acknowledged=True, include_snoozed=True, limit=1000
        )
        following = None
    else:
        rows = repository.list_alerts(
            **filters,
            status=None if status == "all" else status,
            limit=PAGE,
            before=query.uuid("before"),
        )
        following = _next(query, "/alerts", rows)
    shown = {"alerts": rows, "status": status, "query": query.given, "next": following}
    name = "list_active" if status == "open" else "list_alerts"
    return Page("alerts.html", "Alerts", shown, (f"alerts.{name}",))


def alert(db: Database, query: Query) -> Page:
    """Show one alert and when it was raised."""
    found = AlertsRepository(db).get(id=query.id())
    if found is None:
        raise NotFound("there is no such alert")
    occurrences = AlertsRepository(db).list_occurrences(alert_id=found.id, limit=PAGE)
    shown = {"alert": found, "occurrences": occurrences}
    return Page("alert.html", found.title, shown, ("alerts.get", "alerts.list_occurrences"))


def approvals(db: Database, query: Query) -> Page:
    """List what waits for a person: actions to be reviewed, decisions to be resolved."""
    actions = AgentActionsRepository(db)
    rows = actions.list_actions(limit=PAGE, before=query.uuid("before"))
    shown = {
        "pending": actions.list_pending(limit=PAGE),
        "decisions": RetrainingDecisionsRepository(db).list_pending(limit=PAGE),
        "reviewed": rows,
        "next": _next(query, "/approvals", rows),
    }
    statements = (
        "agent_actions.list_pending",
        "retraining_decisions.list_pending",
        "agent_actions.list_actions",
    )
    return Page("approvals.html", "Approvals", shown, statements)


def action(db: Database, query: Query) -> Page:
    """Show one action with its review and its outcome."""
    found = AgentActionsRepository(db).get(id=query.id())
    if found is None:
        raise NotFound("there is no such action")
    return Page("action.html", found.action_type, {"action": found}, ("agent_actions.get",))


def audit(db: Database, query: Query) -> Page:
    """List the audit log, newest first; for auditors."""
    rows = AuditRepository(db).list_entries(
        event=query.text("event"),
        actor=query.text("actor"),
        object_id=query.text("object"),
        limit=PAGE,
        before=query.integer("before"),
    )
    shown = {
        "entries": rows,
        "query": query.given,
        "next": _next(query, "/audit", rows, key="seq"),
    }
    return Page("audit.html", "Audit log", shown, ("audit_log.list_entries",))


def ledger(db: Database, query: Query) -> Page:
    """Show the ledger itself: its health, its sizes, what waits to be counted."""
    source = Source(db)
    shown = {
        "health": db.health(),
        "tables": source.sizes(),
        "spool": spooled(db.settings.spool),
        "pending": SummariesRepository(db).list_pending()[:PAGE],
        "migrations": source.migrations(),
    }
    statements = ("ui.sizes", "summaries.list_pending", "ui.migrations")
    return Page("ledger.html", "Ledger", shown, statements)


def _next(query: Query, path: str, rows: Sequence[Any], key: str = "id") -> str | None:
    """Return the address of the next page, None on the last one."""
    if len(rows) < PAGE:
        return None
    return link(path, **{**query.given, "before": getattr(rows[-1], key)})


ROUTES: Final[dict[str, Callable[[Database, Query], Page]]] = {
    "/": models,
    "/model": model.page,
    "/version": version,
    "/feature": features.page,
    "/quality": quality.page,
    "/decision": decision,
    "/predictions": predictions,
    "/prediction": prediction,
    "/alerts": alerts,
    "/alert": alert,
    "/approvals": approvals,
    "/action": action,
    "/audit": audit,
    "/ledger": ledger,
}
