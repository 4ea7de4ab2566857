"""One look at everything the database cannot enforce by itself, and at how much it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from mlops_ledger import (
    Database,
    ModelVersionRepository,
    PredictionLogger,
    PredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.admin.stats import Statistics
from mlops_ledger.admin.verify import Check, clock_check, verify
from mlops_ledger.cli import main

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
Run = Callable[..., Result]


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """A ledger with ten days of predictions, and a spool of its own."""
    settings = Settings(conninfo=dsn, spool_dir=tmp_path / "spool")
    with Database(settings) as db:
        ModelVersionRepository(db).insert(model_name="m", feature_names=["a", "b"])
        predictions = PredictionsRepository(db)
        rows = [{"predicted_at": NOW - (day + 0.5) * DAY} for day in range(10)]
        predictions.insert_many(rows=rows, model_name="m", model_version="1")
        predictions.ensure_partitions()
    return settings


@pytest.fixture
def run(dsn: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on it."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("MLOPS_SPOOL_DIR", str(settings.spool_dir))
    return lambda *arguments: CliRunner().invoke(main, arguments)


def wrong(settings: Settings) -> dict[str, int]:
    return {check.check: check.found for check in verify(settings) if check.found}


def test_a_sound_ledger_passes(settings: Settings, run: Run) -> None:
    assert wrong(settings) == {}
    done = run("verify")
    assert done.exit_code == 0
    assert "predictions without version" in done.stdout


def test_rows_that_do_not_hold_together(settings: Settings, conn: psycopg.Connection[Any]) -> None:
    [(version,)] = conn.execute("SELECT id FROM model_versions").fetchall()
    at = NOW - DAY
    for id_, version_id, features in (
        (new_id(at), new_id(), [1.0]),
        (new_id(at), version, [1.0]),
        (new_id(at + DAY), version, [1.0, 2.0]),
        (new_id(at - timedelta(milliseconds=1)), version, None),
    ):
        conn.execute(
            "INSERT INTO predictions (id, predicted_at, model_version_id, feature_values)"
            " VALUES (%s, %s, %s, %s)",
            [id_, at, version_id, features],
        )
    conn.execute("SELECT ensure_partitions('ground_truth', %s, %s)", [NOW - 2 * DAY, NOW + 7 * DAY])
    conn.execute(
        "INSERT INTO ground_truth (prediction_id, predicted_at, labeled_at, model_version_id,"
        " actual_label) VALUES (ledger_uuid(), %s, now(), %s, 'late')",
        [at, version],
    )
    assert wrong(settings) == {
        "predictions_without_version": 1,
        "labels_without_prediction": 1,
        "wrong_number_of_features": 1,
        "wrong_id": 2,
    }


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            "ALTER TABLE model_slots DISABLE TRIGGER USER",
            {"triggers_off": 1},
        ),
        (
            "DROP TRIGGER model_deployments_only_close ON model_deployments",
            {"objects_missing": 1},
        ),
        (
            "ALTER TABLE model_slots DISABLE TRIGGER ALL",
            {"triggers_off": 3},
        ),
        ("DROP INDEX model_deployments_one_open_idx", {"objects_missing": 1}),
        (
            "ALTER TABLE model_deployments DROP CONSTRAINT model_deployments_slot_fkey",
            {"objects_missing": 1},
        ),
        (
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'model_deployments_deployed_at_idx'::regclass",
            {"invalid_indexes": 1},
        ),
        (
            "ALTER TABLE model_slots ADD CONSTRAINT own_check CHECK (id > 0) NOT VALID",
            {"invalid_constraints": 1},
        ),
        ("UPDATE ledger_migrations SET checksum = '' WHERE version = 3", {"schema": 1}),
        ("DELETE FROM ledger_migrations WHERE version = 21", {"schema": 1}),
    ],
)
def test_a_damaged_schema(
    settings: Settings, conn: psycopg.Connection[Any], damage: str, expected: dict[str, int]
) -> None:
    conn.execute(damage)
    assert wrong(settings) == expected


def test_an_audit_log_that_was_changed(settings: Settings, conn: psycopg.Connection[Any]) -> None:
    conn.execute("SELECT promote('m', '1')")
    conn.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    conn.execute("UPDATE audit_log SET actor = 'somebody else'")
    conn.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    assert wrong(settings) == {"audit_chain": 1}


def test_no_partition_for_tomorrow(
    settings: Settings, conn: psycopg.Connection[Any], run: Run
) -> None:
    ahead = conn.execute("SELECT name FROM ledger_partitions('predictions') WHERE since > now()")
    for (name,) in ahead.fetchall():
        conn.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))
    assert wrong(settings) == {"partitions_missing": 1}
    done = run("verify", "--json")
    assert done.exit_code == 1
    [found] = [check for check in json.loads(done.stdout) if check["found"]]
    assert found["detail"] == (
        "predictions: no partition for tomorrow, run mlops-ledger ensure-partitions"
    )
    assert run("ensure-partitions").exit_code == 0
    assert wrong(settings) == {}


def test_labels_of_the_past_need_no_partition_for_tomorrow(
    settings: Settings, conn: psycopg.Connection[Any]
) -> None:
    conn.execute("SELECT ensure_partitions('ground_truth', '2026-01-01Z', '2026-01-01Z')")
    assert wrong(settings) == {}


def test_records_left_in_the_spool(settings: Settings, conn: psycopg.Connection[Any]) -> None:
    unreachable = Settings(
        conninfo="host=127.0.0.1 port=1 dbname=none", spool_dir=settings.spool_dir
    )
    logger = PredictionLogger(unreachable, model_name="m", model_version="1")
    logger(prediction=1.0)
    logger.close(0.1)
    assert wrong(settings) == {"spool_backlog": 1}


@pytest.mark.parametrize(("skew", "found"), [(0, 0), (4, 0), (-60, 1), (60, 1)])
def test_clocks_that_run_apart(skew: int, found: int) -> None:
    check = clock_check(lambda: datetime.now(UTC) + timedelta(seconds=skew))
    assert (check.check, check.found) == ("clock_skew", found)
    if found:
        assert check.detail in {
            "the server's clock is 60.0 s ahead",
            "the server's clock is 60.0 s behind",
        }


def test_a_database_without_the_schema(empty_database: str) -> None:
    [found] = verify(Settings(conninfo=empty_database))
    assert found == Check("schema", 1, "the database was never migrated: run mlops-ledger init")


def test_stats_count_what_is_there(settings: Settings, run: Run) -> None:
    with Database(settings) as db:
        tables = {table.table_name: table for table in Statistics(db).tables()}
    predictions = tables["predictions"]
    assert (predictions.rows, predictions.is_estimate) == (10, False)
    assert predictions.oldest is not None
    assert abs(predictions.oldest - (NOW - 9.5 * DAY)) < timedelta(seconds=1)
    assert predictions.newest is not None
    assert abs(predictions.newest - (NOW - 0.5 * DAY)) < timedelta(seconds=1)
    # The week's partitions begin at midnight, so that up to eight predictions lie in them.
    assert 0.8 < (predictions.rows_per_day or 0) < 1.2
    assert predictions.partitions >= 17
    assert predictions.bytes > 100_000
    assert (tables["model_versions"].rows, tables["model_versions"].rows_per_day) == (1, 1 / 7)
    assert tables["monitoring_metrics"].oldest is None
    assert tables["partition_policies"].rows_per_day is None
    done = run("stats")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split()[:3] == ["table", "rows", "size"]
    assert len(json.loads(run("stats", "--json").stdout)) == len(tables)


def test_stats_estimate_what_is_big(
    settings: Settings, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_ledger.admin.stats._COUNTED", 0)
    conn.execute("ANALYZE")
    with Database(settings) as db:
        tables = {table.table_name: table for table in Statistics(db).tables()}
    assert (tables["predictions"].rows, tables["predictions"].is_estimate) == (10, True)
