"""What the ledger says about the year: scores, views, alerts and the state of the audit log."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlops_ledger import (
    AuditRepository,
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
)
from mlops_ledger.errors import LedgerError

from .data import LATE, RELEASE
from .model import MODEL_NAME

SCORES = ("roc_auc", "brier_score", "calibration_error")
VIEWS = {
    "v_model_timeline: what was in production, and since when": """
        SELECT model_version, deployed_at::date, retired_at::date, is_live, trigger_reason,
               approved_by, training_samples, roc_auc, brier_score
        FROM v_model_timeline WHERE model_name = 'flight-delays' ORDER BY deployed_at""",
    "v_decision_history: every candidate, and why it was promoted or rejected": """
        SELECT timestamp::date AS decided, trigger_reason, candidate_version, production_version,
               action, gates_passed, failed_gates
        FROM v_decision_history WHERE model_name = 'flight-delays' ORDER BY timestamp""",
    "alerts: what the monitors raised and resolved": """
        SELECT alert_type, severity, first_seen::date, resolved_at::date, occurrences,
               acknowledged_by IS NOT NULL AS retrained, title
        FROM alerts WHERE model_name = 'flight-delays' ORDER BY first_seen, alert_type""",
    "v_recent_monitoring: the last week against the week before": """
        SELECT metric_type, metric_name, metric_value, previous_value, change
        FROM v_recent_monitoring WHERE model_name = 'flight-delays'""",
}
QUESTION = "SELECT * FROM v_model_timeline ORDER BY deployed_at"


def print_performance(db: Database) -> None:
    """Print how the predictions of each version compare with what happened."""
    fields = ["num_predictions", "labeled_samples", "coverage_pct", "label_delay_p50", *SCORES]
    deployments = ModelVersionRepository(db).timeline(model_name=MODEL_NAME)
    rows = []
    for version in sorted({d.model_version for d in deployments}, key=int):
        found = GroundTruthRepository(db).performance(
            model_name=MODEL_NAME, model_version=version, since=RELEASE, positive_label=LATE
        )
        rows.append([version, *(getattr(found, field) for field in fields)])
    click.echo("\nGroundTruthRepository.performance: how right each version in production was\n")
    print_table(["model_version", *fields], rows)


def print_views(db: Database) -> None:
    """Print the views as tables, and how to ask them yourself."""
    for title, query in VIEWS.items():
        with db.connection() as connection:
            cursor = connection.execute(query)
            columns = [column.name for column in cursor.description or ()]
            rows = cursor.fetchall()
        click.echo(f"\n{title}\n")
        print_table(columns, rows)
    click.echo(f'\nAsk your own questions:\n\n  {command()} db psql -c "{QUESTION}"')


def print_audit(db: Database) -> None:
    """Verify the chain of the audit log and print its head, which is worth keeping elsewhere."""
    check = AuditRepository(db).verify()
    if check.problem:
        raise LedgerError(f"the audit log is broken at entry {check.broken_seq}: {check.problem}")
    click.echo(f"\nThe audit log is whole; its head is {check.head}.")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table, numbers to four digits, as wide as they are when not on a terminal."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(cell(value)) for value in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)


def cell(value: object) -> str:
    """Write a value of the database for a person."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def command() -> str:
    """Return how to call mlops-ledger from here, whether or not its environment is activated."""
    name = "mlops-ledger"
    return name if shutil.which(name) else os.path.relpath(Path(sys.executable).with_name(name))
