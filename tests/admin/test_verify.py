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
from fix_roles import drop_roles

from mlops_ledger import (
    Database,
    GroundTruthRepository,
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
        "wrong_summaries": 1,
        "wrong_outcomes": 1,
    }


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("ALTER TABLE model_slots DISABLE TRIGGER USER", {"triggers_off": 2}),
        ("DROP TRIGGER model_deployments_only_close ON model_deployments", {"objects_missing": 1}),
        ("ALTER TABLE model_slots DISABLE TRIGGER ALL", {"triggers_off": 4}),
        # It fires only where changes are replayed.
        (
            "ALTER TABLE model_slots ENABLE REPLICA TRIGGER model_slots_keep_name",
            {"triggers_off": 1},
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
            {"invalid_constraints": 1, "objects_added": 1},
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


# What somebody with the rights of the owner might do to be deceived, or to deceive, later.
TAMPERINGS = [
    ("ALTER TABLE model_versions ADD COLUMN extra text", "added"),
    ("CREATE INDEX extra_idx ON model_versions (id)", "added"),
    ("CREATE RULE extra AS ON INSERT TO audit_log DO INSTEAD NOTHING", "added"),
    ("CREATE POLICY extra ON audit_log USING (false)", "added"),
    ("CREATE TABLE extra () INHERITS (alerts)", "added"),
    (
        "CREATE FUNCTION promote(text, varchar) RETURNS void LANGUAGE sql AS 'SELECT'",
        "added",
    ),
    pytest.param(
        "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER quiet BEFORE INSERT ON {partition} FOR EACH ROW EXECUTE FUNCTION quiet()",
        "added",
        id="a trigger on a partition",
        marks=pytest.mark.not_distributed("Citus refuses triggers on distributed tables"),
    ),
    ("ALTER TABLE {partition} ADD CONSTRAINT extra CHECK (true)", "added"),
    ("CREATE FUNCTION concat_ws(text, text, text) RETURNS text RETURN $1", "added"),
    ("CREATE OPERATOR || (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = jsonb_delete)", "added"),
    (
        "CREATE FUNCTION quiet() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER quiet ON ddl_command_end EXECUTE FUNCTION quiet()",
        "added",
    ),
    ("INSERT INTO ledger_privileges VALUES ('writer', 'DELETE', 'TABLE', 'alerts')", "added"),
    ("DELETE FROM ledger_privileges WHERE object_name = 'alerts'", "missing"),
    ("ALTER TABLE model_versions DROP COLUMN algorithm CASCADE", "missing"),
    ("ALTER TABLE model_versions ALTER COLUMN stage SET DEFAULT 'archived'", "changed"),
    ("ALTER TABLE model_versions ALTER COLUMN created_by DROP NOT NULL", "changed"),
    ("ALTER TABLE alerts ENABLE ROW LEVEL SECURITY", "changed"),
    ("ALTER TABLE summary_slices DISABLE ROW LEVEL SECURITY", "changed"),
    ("ALTER POLICY summary_slices_minimum_count ON summary_slices USING (true)", "changed"),
    ("ALTER POLICY summary_slices_minimum_count ON summary_slices TO pg_monitor", "changed"),
    ("DROP POLICY summary_slices_minimum_count ON summary_slices", "missing"),
    ("ALTER TABLE model_deployments DROP CONSTRAINT model_deployments_interval_check,"
     " ADD CONSTRAINT model_deployments_interval_check CHECK (true)", "changed"),
    ("ALTER VIEW v_open_alerts SET (security_invoker = false)", "changed"),
    ("CREATE OR REPLACE VIEW v_open_alerts WITH (security_invoker = true) AS {view} AND false",
     "changed"),
    ("ALTER FUNCTION promote(text, text, text, text, text, uuid, timestamptz, uuid, uuid)"
     " SECURITY INVOKER", "changed"),
    ("ALTER FUNCTION retire(text, text, text, text, timestamptz, uuid) SET search_path = pg_temp",
     "changed"),
    ("GRANT EXECUTE ON FUNCTION expire_actions() TO PUBLIC", "changed"),
    ("CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql"
     " SET search_path FROM CURRENT AS 'BEGIN RETURN NEW; END'", "changed"),
    ("CREATE OR REPLACE FUNCTION ledger_uuid() RETURNS uuid LANGUAGE sql RETURN gen_random_uuid()",
     "changed"),
    ("CREATE OR REPLACE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head FOR EACH ROW"
     " WHEN (false) EXECUTE FUNCTION ledger_refuse_change()", "changed"),
    ("DROP INDEX alerts_one_open_idx;"
     " CREATE INDEX alerts_one_open_idx ON alerts (dedup_key) WHERE status <> 'resolved'",
     "changed"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "kind"), TAMPERINGS, ids=lambda text: text[:60])
def test_a_schema_that_is_not_what_the_migrations_made(
    settings: Settings, conn: psycopg.Connection[Any], damage: str, kind: str
) -> None:
    [(partition, view)] = conn.execute(
        "SELECT max(name), rtrim(pg_get_viewdef('v_open_alerts'::regclass), ';')"
        " FROM ledger_partitions('predictions')"
    )
    conn.execute(damage.format(partition=partition, view=view).encode())
    assert set(wrong(settings)) >= {f"objects_{kind}"}


def test_what_extensions_bring_is_not_tampering(
    settings: Settings, conn: psycopg.Connection[Any]
) -> None:
    conn.execute("CREATE FUNCTION concat_ws(text, text, text) RETURNS text RETURN $1")
    conn.execute("ALTER EXTENSION plpgsql ADD FUNCTION concat_ws(text, text, text)")
    assert wrong(settings) == {}


@pytest.mark.parametrize(
    "damage",
    [
        "GRANT UPDATE ON audit_log TO {other}",
        "GRANT UPDATE (metrics) ON model_versions TO {other}",
        "GRANT INSERT ON {partition} TO {other}",
        "GRANT SELECT ON v_predictions TO PUBLIC",
        "ALTER TABLE audit_log OWNER TO {other}",
        "ALTER FUNCTION ledger_uuid() OWNER TO {other}",
        "GRANT EXECUTE ON FUNCTION retire(text, text, text, text, timestamptz, uuid) TO {other}",
    ],
)
def test_rights_that_nobody_should_have(
    settings: Settings, conn: psycopg.Connection[Any], damage: str
) -> None:
    [(partition,)] = conn.execute("SELECT max(name) FROM ledger_partitions('predictions')")
    other = f"other_{new_id().hex}"
    conn.execute(f"CREATE ROLE {other}".encode())
    try:
        conn.execute(f"GRANT SELECT ON v_open_alerts TO {other}".encode())
        assert wrong(settings) == {}
        conn.execute(damage.format(other=other, partition=partition).encode())
        assert wrong(settings) == {"grants": 1}
    finally:
        drop_roles(conn, other)


def test_an_audit_log_that_was_changed(settings: Settings, conn: psycopg.Connection[Any]) -> None:
    conn.execute("SELECT promote('m', '1')")
    conn.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    conn.execute("UPDATE audit_log SET actor = 'somebody else'")
    conn.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    assert wrong(settings) == {"audit_chain": 1}


def test_entries_that_nobody_appends_to_the_audit_log(
    settings: Settings, conn: psycopg.Connection[Any], run: Run
) -> None:
    for age in ("2 minutes", "1 second"):
        conn.execute(
            "INSERT INTO audit_queue (recorded_at, db_role, actor, event, object_table, object_id)"
            " VALUES (now() - %s::interval, 'r', 'a', 'policy', 't', '1')",
            [age],
        )
    assert wrong(settings) == {"audit_queue": 1}
    assert run("audit", "head").exit_code == 0
    assert wrong(settings) == {}


def test_rows_are_read_day_by_day_small_days_at_once_and_from_a_day_on(
    settings: Settings, conn: psycopg.Connection[Any], run: Run
) -> None:
    conn.execute("UPDATE partition_policies SET period = 'month'")
    [(version,)] = conn.execute("SELECT id FROM model_versions").fetchall()
    long_ago = datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)
    for at in (long_ago, long_ago.replace(day=1, hour=0)):
        conn.execute("SELECT ensure_partitions('predictions', %s, %s)", [at, at])
        conn.execute(
            "INSERT INTO predictions (id, predicted_at, model_version_id) VALUES (%s, %s, %s)",
            [new_id(at), at, new_id()],
        )
        conn.execute(
            "INSERT INTO predictions (id, predicted_at, model_version_id) VALUES (%s, %s, %s)",
            [new_id(at), at, version],
        )
    damage = {"predictions_without_version": 2, "wrong_summaries": 4}
    assert wrong(settings) == damage
    seen: list[tuple[int, int]] = []
    verify(settings, progress=lambda done, total: seen.append((done, total)))
    days = [done for done, total in seen if total == seen[0][1]]
    [(partitions,)] = conn.execute(
        "SELECT count(*) FROM ledger_partitions('predictions') WHERE since >= '2026-02-01'"
    ).fetchall()
    # Small days that follow each other in a month are read at once.
    assert days[0] == 31
    assert days[-1] == seen[0][1] == 31 + partitions
    assert days == sorted(set(days))
    assert len(days) <= 1 + 3

    def found(since: datetime) -> dict[str, int]:
        return {each.check: each.found for each in verify(settings, since=since) if each.found}

    assert found(long_ago.replace(day=1)) == damage
    assert found(long_ago) == {"predictions_without_version": 1, "wrong_summaries": 2}
    assert found(long_ago + DAY) == {}
    assert run("verify", "--since", "2026-02-01").exit_code == 0
    assert run("verify").exit_code == 1


def test_labels_belong_to_predictions_of_other_days_too(
    settings: Settings, conn: psycopg.Connection[Any]
) -> None:
    with Database(settings) as db:
        ids = [p.id for p in PredictionsRepository(db).list_predictions(model_name="m")]
        labels = GroundTruthRepository(db)
        labels.insert_many(rows=[{"prediction_id": id_, "actual_value": 1.0} for id_ in ids])
    assert wrong(settings) == {}
    conn.execute("DELETE FROM predictions WHERE id = %s", [ids[3]])
    assert wrong(settings)["labels_without_prediction"] == 1


def test_a_partition_that_was_taken_off_is_found(
    settings: Settings, conn: psycopg.Connection[Any]
) -> None:
    [(name,)] = conn.execute("SELECT name FROM ledger_partitions('predictions') LIMIT 1").fetchall()
    detach = psycopg.sql.SQL("ALTER TABLE predictions DETACH PARTITION {}")
    conn.execute(detach.format(psycopg.sql.Identifier(name)))
    assert wrong(settings)["partitions_detached"] == 1


def test_no_partition_for_tomorrow_is_told_and_no_fault(
    settings: Settings, conn: psycopg.Connection[Any], run: Run
) -> None:
    ahead = conn.execute("SELECT name FROM ledger_partitions('predictions') WHERE since > now()")
    for (name,) in ahead.fetchall():
        conn.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))
    assert wrong(settings) == {"partitions_missing": 1}
    done = run("verify", "--json")
    assert done.exit_code == 0
    [found] = [check for check in json.loads(done.stdout) if check["found"]]
    assert found["is_harmless"]
    assert found["detail"] == (
        "predictions: tomorrow's is made on demand, or ahead by mlops-ledger ensure-partitions"
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
