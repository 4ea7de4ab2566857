"""`mlops-ledger monitor`: the monitoring job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

import mlops_ledger as ledger

from ..checks.drift import METHODS
from .base import Group
from .options import (
    Number,
    Timestamp,
    json_option,
    lookback_option,
    model_option,
    positive_option,
)
from .output import echo_json, finish, say
from .progress import progress

if TYPE_CHECKING:
    from ..monitoring import ModelResult


@click.group(cls=Group)
def monitor() -> None:
    """Run the monitoring job."""


@monitor.command()
@model_option
@click.option("--all", "every", is_flag=True, help="All models in production (the default).")
@lookback_option
@click.option(
    "--at", type=Timestamp(), metavar="TIME", help="Its end, a full hour (default: the last one)."
)
@click.option(
    "--method",
    type=click.Choice(tuple(METHODS)),
    default="jensen_shannon",
    show_default=True,
    help="The statistic that decides whether a feature has drifted.",
)
@click.option(
    "--drift-share",
    type=Number(),
    default=0.5,
    show_default=True,
    help="Share of drifted features from which the window counts as drifted.",
)
@positive_option
@json_option
def run(
    model_name: str | None,
    every: bool,
    lookback: timedelta,
    at: datetime | None,
    method: str,
    drift_share: float,
    positive_label: str | None,
    as_json: bool,
) -> None:
    """Measure a window of every model in production and evaluate the monitors.

    Folds what was written, matches labels, records drift, performance and a monitoring run; a
    window is recorded once, so it may run again. One line for each model. Exits with 1 when a
    monitor is critical, with 2 when a model could not be monitored.
    """
    if model_name is not None and every:
        raise click.UsageError("--model and --all exclude each other")
    from ..monitoring import run_monitoring

    with ledger.Database() as db, progress("monitoring") as bar:

        def report(done: int, total: int, result: ModelResult | None) -> None:
            bar(done, total)
            if result is not None and not as_json:
                say(_line(result))

        results = run_monitoring(
            db,
            model_name=model_name,
            until=at,
            lookback_hours=lookback / timedelta(hours=1),
            method=method,
            drift_share=drift_share,
            positive_label=positive_label,
            report=report,
        )
    if as_json:
        echo_json(results)
    elif not results:
        say("no model is in production")
    if any(result.error is not None for result in results):
        finish(2)
    finish(1 if any(result.severity == "critical" for result in results) else 0)


def _line(result: ModelResult) -> str:
    """Say in one line what was found about a model."""
    name = f"{result.model_name} {result.model_version}"
    if result.error is not None:
        return f"{name}: error: {result.error}"
    parts = [f"{result.num_predictions:,} predictions", f"{result.labeled_samples or 0:,} labelled"]
    if result.drift_detected is None:
        parts.append("no baseline")
    else:
        drifted = result.drifted_features or []
        word = "drift" if result.drift_detected else "no drift"
        parts.append(f"{word} ({len(drifted)} of {result.num_features} features)")
    for metric in ("roc_auc", "accuracy", "rmse"):
        if metric in (result.performance or {}):
            parts.append(f"{metric} {(result.performance or {})[metric]:.4g}")
            break
    parts.append(result.severity or "ok")
    return f"{name}: {', '.join(parts)}"
