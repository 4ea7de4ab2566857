"""A distributed ledger answers what a plain one with the same rows answers, value by value.

The way there is the documented way to grow: back up, restore on Citus, distribute.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_full import fill

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    SummariesRepository,
)
from mlops_ledger.admin.backup import backup, restore
from mlops_ledger.admin.distribute import distribute
from mlops_ledger.admin.verify import verify
from mlops_ledger.ids import new_id
from mlops_ledger.statements import Statement, load

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
FILES = sorted(
    file.name.removesuffix(".sql") for file in resources.files("mlops_ledger.sql").iterdir()
)
# What tells of the server, and so of where the rows are.
OF_THE_SERVER = {
    "backup",
    "create",
    "distribute",
    "exporter",
    "health",
    "objects",
    "roles",
    "stats",
    "migrations",
}
OF_THE_SERVER |= {"ui.sizes", "retention.partitions", "verify.distributed", "ui.migrations"}
# Where predictions are spread over workers, the repository takes another statement.
OF_THE_SERVER |= {"predictions.version_ids"}
THERE = {
    f"predictions.{name}__of_versions": load("predictions")[f"{name}__distributed"].text.decode()
    for name in ("list_predictions", "list_recent")
}
# Both ledgers have entries of their own: partitions became longer, functions are newer.
OF_THE_SERVER |= {"audit_log.head", "audit_log.verify__ends", "audit_log.export", "events.head"}
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
            known[model] = versions.insert(model_name=model, feature_names=["a", "b"], **options)
            versions.promote(model_name=model, model_version="1", promoted_by="ann", reason="first")
            rows = [_row(model, k) for k in range(600)]
            predictions.insert_many(model_name=model, model_version="1", rows=rows)
            labels = [_label(model, k, row) for k, row in enumerate(rows) if k % 3]
            GroundTruthRepository(db).insert_many(rows=labels)
            known["prediction"] = rows[7]["id"]
        known["request"] = "r7"
        SummariesRepository(db).fold(model_name="classes")
    return known


def _row(model: str, k: int) -> dict[str, Any]:
    at = NOW - 72 * HOUR + k * timedelta(minutes=7)
    row = {
        "id": new_id(at),
        "predicted_at": at,
        "features": {"a": k / 7, "b": -k % 11},
        "request_id": f"r{k}",
    }
    if model == "classes":
        return {
            **row,
            "predicted_label": "yes" if k % 5 > 2 else "no",
            "probability": (k * 37 % 100) / 100,
        }
    return {**row, "prediction": math.sin(k) * 100, "latency_ms": k % 90}


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


def test_every_statement_and_view_gives_the_same_values(
    ledgers: tuple[str, str, dict[str, Any]],
) -> None:
    plain, distributed, known = ledgers
    compared = 0
    wrong: list[str] = []
    with (
        psycopg.connect(plain, autocommit=True) as one,
        psycopg.connect(distributed, autocommit=True) as many,
    ):
        for connection in (one, many):
            connection.execute("SET timezone = 'UTC'")
        queries = [(name, text, {}) for name, text in one.execute(VIEWS).fetchall()]
        for model, version in (("classes", "1"), ("numbers", "1"), ("m", None)):
            queries += [
                (f"{file}.{statement.name} {model}", statement.text.decode(), values)
                for file in FILES
                if file not in OF_THE_SERVER
                for statement in load(file).values()
                if f"{file}.{statement.name}" not in OF_THE_SERVER
                for values in [_values(statement, model, version, known)]
            ]
        for name, text, values in queries:
            before = _rows(one, text, values)
            if before is None:
                continue
            there = THERE.get(name.split()[0])
            found = _rows(many, there or text, values)
            after = _rows(one, text, values)
            compared += 1
            if not _same(before, found) and not (_moving(before, after) and _alike(before, found)):
                wrong.append(f"{name}: {str(before)[:300]} but {str(found)[:300]}")
    assert not wrong, "\n".join(wrong)
    assert compared > 150


def test_it_verifies(ledgers: tuple[str, str, dict[str, Any]]) -> None:
    with Database(Settings(conninfo=ledgers[1])) as db:
        PredictionsRepository(db).ensure_partitions()
    checks = verify(Settings(conninfo=ledgers[1]))
    assert [check for check in checks if check.found] == []


def _values(
    statement: Statement, model: str, version: str | None, known: dict[str, Any]
) -> dict[str, Any]:
    """Bind each parameter to something that is in both ledgers, by its name, or to NULL."""
    at = {
        "since": NOW - 96 * HOUR,
        "until": NOW,
        "at": NOW,
        "timestamp": NOW,
        "window_start": NOW - 96 * HOUR,
    }
    given = {
        "model_name": model,
        "model_version": version,
        "version_a": "1",
        "version_b": "2",
        "version_ids": [known[model]] if model in known else None,
        "model_version_id": known.get(model),
        "id": known["prediction"],
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


def _rows(connection: psycopg.Connection, text: str, values: dict[str, Any]) -> Any:
    """Return what a statement reads, or its SQLSTATE; None for one that writes or reads no rows."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ ONLY")
            cursor = connection.execute(text.encode(), values)
            return sorted(cursor.fetchall(), key=repr) if cursor.description else None
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.SyntaxError):
        return None
    except psycopg.Error as error:
        return error.sqlstate and re.sub(r"^(42P0[12])$", r"\1", error.sqlstate)


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
    """Compare as `_same`, but not times and lengths of time."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, datetime | timedelta) or _same(one, other)
