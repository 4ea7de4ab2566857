"""A distributed ledger answers what a plain one with the same rows answers, value by value.

The way there is the documented way to grow: back up, restore on Citus, distribute.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fix_full import fill
from psycopg import sql

from mlops_ledger import (
    AlertsRepository,
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    EventsRepository,
    GroundTruthRepository,
    ModelsRepository,
    ModelVersionRepository,
    MonitoringMetricsRepository,
    MonitorsRepository,
    PredictionsRepository,
    Settings,
    SummariesRepository,
    SystemMetricsRepository,
    WebhooksRepository,
)
from mlops_ledger.admin.backup import backup, restore
from mlops_ledger.admin.distribute import distribute
from mlops_ledger.admin.verify import verify
from mlops_ledger.ids import new_id
from mlops_ledger.monitoring import run_monitoring
from mlops_ledger.statements import Statement, load

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
FULL_HOUR = NOW.replace(minute=0, second=0, microsecond=0)
FILES = sorted(
    file.name.removesuffix(".sql") for file in resources.files("mlops_ledger.sql").iterdir()
)
# What tells of the server, and so of where the rows are.
OF_THE_SERVER = {
    "backup",
    "create",
    "distribute",
    "health",
    "objects",
    "roles",
    "stats",
    "migrations",
}
OF_THE_SERVER |= {"ui.sizes", "retention.partitions", "verify.distributed", "ui.migrations"}
OF_THE_SERVER |= {"exporter.probe", "exporter.database_size", "exporter.partitions"}
# New partitions of a distributed ledger last a week: fewer are missing, or more of the same days.
OF_THE_SERVER |= {"predictions.ensure_partitions", "system_metrics.ensure_partitions"}
OF_THE_SERVER |= {"exporter.unfolded"}
# Who asked for an action does not review it, and the users of the servers have different names.
OF_THE_SERVER |= {"agent_actions.approve", "agent_actions.reject"}
# Where predictions are spread over workers, the repository takes another statement.
OF_THE_SERVER |= {"predictions.version_ids"}
THERE = {
    f"predictions.{name}__of_versions": load("predictions")[f"{name}__distributed"].text.decode()
    for name in ("list_predictions", "list_recent")
}
# Both ledgers have entries of their own: partitions became longer, functions are newer.
OF_THE_SERVER |= {"audit_log.head", "audit_log.verify__ends", "audit_log.export", "events.head"}
OF_THE_SERVER |= {"audit_log.list_entries", "exporter.audit_entries", "events.before_latest"}
WITH_IDS = (
    "agent_actions",
    "alerts",
    "baselines",
    "drift_reports",
    "monitoring_metrics",
    "monitors",
    "performance_metrics",
    "retraining_decisions",
)
VIEWS = """
SELECT 'view ' || viewname, format('SELECT * FROM %I', viewname)
FROM pg_views WHERE schemaname = 'public' AND viewname LIKE 'v\\_%' ORDER BY 1
"""


def populate(settings: Settings) -> dict[str, Any]:
    """Fill a plain ledger: a row of each kind, and three days of two models that are labelled."""
    with Database(settings) as db:
        known: dict[str, Any] = fill(db, "note")
        versions, predictions = ModelVersionRepository(db), PredictionsRepository(db)
        for model, options in (
            ("classes", {"task": "binary", "class_names": ["no", "yes"]}),
            ("numbers", {"task": "regression"}),
        ):
            ModelsRepository(db).insert(model_name=model, slice_key="region")
            known[model] = versions.insert(model_name=model, feature_names=["a", "b"], **options)
            versions.promote(model_name=model, model_version="1", promoted_by="ann", reason="first")
            rows = [_row(model, k) for k in range(600)]
            predictions.insert_many(model_name=model, model_version="1", rows=rows)
            labels = [_label(model, k, row) for k, row in enumerate(rows) if k % 3]
            GroundTruthRepository(db).insert_many(rows=labels)
            known["prediction"] = rows[7]["id"]
        # What follows reads summaries; those of the numbers are not folded, and counted in passing.
        SummariesRepository(db).fold(model_name="classes")
        BaselinesRepository(db).from_window(
            model_name="classes",
            model_version="1",
            since=FULL_HOUR - 60 * HOUR,
            until=FULL_HOUR - 30 * HOUR,
        )
        DriftReportsRepository(db).run(model_name="classes", model_version="1", until=FULL_HOUR)
        EventsRepository(db).start_consumer(consumer="c")
        WebhooksRepository(db).add(
            webhook="w", url="https://example.org", secret="s" * 32, host="example.org"
        )
        SystemMetricsRepository(db).insert_many(rows=[_measured(k) for k in range(900)])
        known["m"] = versions.get(model_name="m", model_version="1").id
        known["until"] = datetime.now(UTC)
    with psycopg.connect(settings.conninfo) as connection:
        # The statements of a table are asked about a row of it.
        for table in WITH_IDS:
            query = sql.SQL("SELECT id FROM {} ORDER BY id LIMIT 1").format(sql.Identifier(table))
            [(known[table],)] = connection.execute(query)
    return known


def _row(model: str, k: int) -> dict[str, Any]:
    at = NOW - 72 * HOUR + k * timedelta(minutes=7)
    row = {
        "id": new_id(at),
        "predicted_at": at,
        "features": {"a": k / 7, "b": -k % 11},
        "inputs": {"region": ("eu", "us", "asia")[k % 3]} if k % 10 else None,
        "request_id": f"r{k}",
    }
    if model == "classes":
        return {
            **row,
            "predicted_label": "yes" if k % 5 > 2 else "no",
            "probability": (k * 37 % 100) / 100,
        }
    return {**row, "prediction": math.sin(k) * 100, "latency_ms": k % 90}


def _measured(k: int) -> dict[str, Any]:
    return {
        "host": ("web", "db")[k % 2],
        "metric_name": ("load", "disk_used")[k % 3 % 2],
        "metric_value": math.sin(k) * 100,
        "timestamp": NOW - k * timedelta(minutes=5),
        "attributes": {"disk": f"/{k % 4}"} if k % 3 == 1 else {},
    }


def _label(model: str, k: int, row: dict[str, Any]) -> dict[str, Any]:
    truth = (
        {"actual_label": "yes" if k % 4 > 1 else "no"}
        if model == "classes"
        else {"actual_value": float(k % 50)}
    )
    return {"prediction_id": row["id"], "labeled_at": row["predicted_at"] + HOUR, **truth}


@pytest.fixture
def ledgers(settings: Settings, cluster: str, tmp_path: Path) -> tuple[str, str, dict[str, Any]]:
    """A plain ledger, a distributed one with the same rows, and what is in both."""
    known = populate(settings)
    backup(settings, tmp_path / "ledger.backup")
    restore(Settings(conninfo=cluster), tmp_path / "ledger.backup")
    moved = distribute(Settings(conninfo=cluster)).moved
    assert moved["predictions"] == 1201
    return settings.conninfo, cluster, known


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_every_statement_and_view_gives_the_same_values(
    ledgers: tuple[str, str, dict[str, Any]], zone: str
) -> None:
    plain, distributed, known = ledgers
    compared = 0
    wrong: list[str] = []
    with (
        psycopg.connect(plain, autocommit=True) as one,
        psycopg.connect(distributed, autocommit=True) as many,
    ):
        users = {one.info.user, many.info.user}
        for connection in (one, many):
            connection.execute("SELECT set_config('timezone', %s, false)", [zone])
        queries = [(name, text, {}) for name, text in one.execute(VIEWS).fetchall()]
        for model, version in (("classes", "1"), ("numbers", "1"), ("m", None)):
            queries += [
                (f"{file}.{statement.name} {model}", statement.text.decode(), values)
                for file in FILES
                if file not in OF_THE_SERVER
                for statement in load(file).values()
                if f"{file}.{statement.name}" not in OF_THE_SERVER
                and b"FROM STDIN" not in statement.text
                for values in [_values(file, statement, model, version, known)]
            ]
        answered = set()
        for name, text, values in queries:
            before = _rows(one, text, values, users)
            if before is None:
                continue
            there = THERE.get(name.split()[0])
            found = _rows(many, there or text, values, users)
            after = _rows(one, text, values, users)
            if not isinstance(before, str) and before:
                answered.add(name.split()[0] if "." in name else name)
                compared += 1
            if not _same(before, found) and not (_moving(before, after) and _alike(before, found)):
                wrong.append(f"{name}: {str(before)[:300]} but {str(found)[:300]}")
    assert not wrong, "\n".join(wrong)
    assert len(answered) > 130
    assert compared > 350


def test_the_monitoring_job_finds_the_same(ledgers: tuple[str, str, dict[str, Any]]) -> None:
    compared = []
    for dsn in ledgers[:2]:
        with Database(dsn) as db:
            for model in ("classes", "numbers"):
                MonitorsRepository(db).add_defaults(model_name=model)
            found = [
                asdict(each)
                for hours in (24, 6)
                for each in run_monitoring(db, until=FULL_HOUR, lookback_hours=hours)
            ]
            found += [asdict(each) for each in MonitoringMetricsRepository(db).list_runs()]
            found += [asdict(each) for each in DriftReportsRepository(db).list_reports()]
            found += [asdict(each) for each in AlertsRepository(db).list_alerts()]
        assert not [each["error"] for each in found if each.get("error")]
        compared.append([_without_ids(each) for each in found])
    plain, distributed = compared
    assert any(each.get("drift_score") for each in plain)
    assert any(each.get("num_predictions") for each in plain)
    assert [name for name in zip(plain, distributed, strict=True) if not _alike(*name)] == []


def _without_ids(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_ids(value) for name, value in found.items()}
    return [*map(_without_ids, found)] if isinstance(found, list) else found


def test_it_verifies(ledgers: tuple[str, str, dict[str, Any]]) -> None:
    with Database(Settings(conninfo=ledgers[1])) as db:
        PredictionsRepository(db).ensure_partitions()
    checks = verify(Settings(conninfo=ledgers[1]))
    assert [check for check in checks if check.found] == []


def _values(
    file: str, statement: Statement, model: str, version: str | None, known: dict[str, Any]
) -> dict[str, Any]:
    """Bind each parameter to something that is in both ledgers, by its name, or to NULL."""
    at = {
        "since": FULL_HOUR - 96 * HOUR,
        "until": known["until"] if model == "m" else FULL_HOUR,
        "at": known["until"],
        "timestamp": NOW,
        "window_start": FULL_HOUR - 96 * HOUR,
        "reference_since": FULL_HOUR - 96 * HOUR,
        "reference_until": FULL_HOUR - 48 * HOUR,
        "folded_since": FULL_HOUR - 96 * HOUR,
        "folded_until": FULL_HOUR,
    }
    given = {
        "model_name": model,
        "model_version": version,
        "version_a": "1",
        "version_b": "2",
        "version_ids": [known[model]],
        "model_version_id": known[model],
        "id": known[file if file in WITH_IDS else "prediction"],
        "alert_id": known["alert"],
        "decision_id": known["decision"],
        "baseline_id": known["baselines"],
        "consumer": "c",
        "webhook": "w",
        "series": 1,
        "grain": "day",
        "unit": "day",
        "feature": "note",
        "prediction_id": known["prediction"],
        "predicted_from": datetime.fromtimestamp((known["prediction"].int >> 80) / 1000, UTC),
        "limit": 50,
        "threshold": 0.5,
        "top_k": 2,
        "top_share": 0.1,
        "lookback_hours": 96.0,
        "bucket": "1 day",
        "length": "3 days",
        "host": "web",
        "metric_name": "load",
        "stage": "production",
        "slice": "",
        "slot": "production",
        "window_end": NOW,
        "models": 10,
        **at,
    }
    return {name: given.get(name) for name in statement.parameters}


def _rows(
    connection: psycopg.Connection, text: str, values: dict[str, Any], users: set[str]
) -> Any:
    """Return what a statement answers, or its SQLSTATE; None where it answers nothing.

    What it writes is undone. Either of the users who ask counts as the same one.
    """
    try:
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(text.encode(), values)
            if cursor.description is None:
                return None
            rows = [
                tuple("user" if isinstance(v, str) and v in users else v for v in row)
                for row in cursor
            ]
            return sorted(rows, key=repr)
    except psycopg.Error as error:
        return error.sqlstate


def _same(one: Any, other: Any) -> bool:
    """Compare rows; of numbers only the last digits may differ, which depend on their order."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or repr(one) == repr(other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _moving(before: Any, after: Any) -> bool:
    """Return whether the answer is of the time at which it is asked."""
    return before != after


def _alike(one: Any, other: Any) -> bool:
    """Compare as `_same`, but not times, lengths of time and ids made from them."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, datetime | timedelta | UUID) or _same(one, other)
