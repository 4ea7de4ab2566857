"""`mlops-ledger status`: the whole ledger in one screen."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

import mlops_ledger as ledger

from .base import Command
from .options import Length, json_option
from .output import echo_json, echo_table, say, write
from .text import cell

if TYPE_CHECKING:
    from ..rows import ModelOverview

# Beside each other all of them would be wider than 80.
_QUIET = ("model", "live", "since", "versions", "preds_24h", "alerts", "monitored", "coverage")
_TO_DO = ("model", "live", "preds_24h", "alerts", "monitored", "coverage", "monitors", "reviews")
_SOME = 10
# Clear the screen and go to its beginning.
_CLEAR = "\x1b[2J\x1b[H"


@click.command(cls=Command)
@click.option(
    "--watch",
    type=Length("smh"),
    metavar="EVERY",
    is_flag=False,
    flag_value="5s",
    help="Refresh, every 5s unless another length is given.",
)
@json_option
def status(watch: timedelta | None, as_json: bool) -> None:
    """Show the whole ledger in one screen.

    Server, models, open alerts, actions that wait for a reviewer, the last deployments. preds_24h
    are the predictions in the last 24 full hours: not those of this hour.
    """
    with ledger.Database() as db:
        while True:
            found = _look(db)
            if as_json:
                echo_json(found)
            else:
                if watch is not None and sys.stdout.isatty():
                    write(_CLEAR)
                _show(found)
            if watch is None:
                return
            sys.stdout.flush()
            time.sleep(watch.total_seconds())


def _look(db: ledger.Database) -> dict[str, Any]:
    from .._sync.overview import Overview

    return {
        "at": datetime.now(UTC).replace(microsecond=0),
        "health": db.health(),
        "models": Overview(db).models(),
        "alerts": ledger.AlertsRepository(db).list_active(include_acknowledged=True, limit=_SOME),
        "actions": ledger.AgentActionsRepository(db).list_pending(limit=_SOME),
        "deployments": ledger.ModelVersionRepository(db).timeline(limit=5),
    }


def _show(found: dict[str, Any]) -> None:
    health = found["health"]
    state = "healthy" if health.healthy else f"not healthy: {health.problem}"
    say(
        f"{cell(found['at'])}  {state}, PostgreSQL {health.server_version}, "
        f"schema {health.schema_version}"
    )
    echo_models(found["models"])
    columns = "severity model_name title occurrences last_seen"
    _section("open alerts", found["alerts"], columns)
    columns = "risk_level action_type model_name requested_by description"
    _section("actions to review", found["actions"], columns)
    columns = "model_name slot model_version deployed_at reason"
    _section("last deployments", found["deployments"], columns)


def echo_models(models: list[ModelOverview]) -> None:
    """Print a row for each model, narrow enough for 80 columns."""
    is_quiet = not any(model.pending_approvals or _is_bad(model.worst_monitor) for model in models)
    columns = _QUIET if is_quiet else _TO_DO
    rows = [_cells(model) for model in models]
    echo_table(columns, [[row[column] for column in columns] for row in rows])


def _is_bad(state: str | None) -> bool:
    return state not in (None, "ok")


def _cells(model: ModelOverview) -> dict[str, object]:
    return {
        "model": model.model_name,
        "live": model.live_version,
        "since": _day(model.live_since),
        "versions": model.versions,
        "preds_24h": model.predictions_24h,
        "alerts": model.open_alerts,
        "monitored": _day(model.last_monitoring),
        "coverage": model.coverage_pct,
        "monitors": model.worst_monitor,
        "reviews": model.pending_approvals,
    }


def _day(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d}"


def _section(title: str, rows: list[Any], columns: str) -> None:
    say("")
    say(title if rows else f"{title}: none")
    if rows:
        names = columns.split()
        echo_table(names, [[getattr(row, name) for name in names] for row in rows])
