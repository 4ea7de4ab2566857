"""The record as Parquet: whole, by day, resumable, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_roles import drop_roles
from psycopg.conninfo import make_conninfo

from mlops_ledger import Database, Settings
from mlops_ledger.admin.transfer import lake
from mlops_ledger.admin.transfer.lake import export_lake
from mlops_ledger.errors import LedgerError

parquet: Any = pytest.importorskip("pyarrow.parquet")

CONTENTS = """
INSERT INTO model_versions (model_name, metrics, feature_names)
VALUES ('m', '{"rmse": 2}', '{a,b}');
SELECT promote('m', '1');
SELECT ensure_partitions('predictions', '2026-01-01Z', '2026-01-03Z');
INSERT INTO predictions (id, predicted_at, model_version_id, prediction, inputs, feature_values)
SELECT ledger_uuid(), t, v.id, extract(day FROM t), '{"a": "ü"}', '{1.5,NULL}'
FROM model_versions v,
     generate_series('2026-01-01 00:00Z'::timestamptz, '2026-01-02 23:00Z', '1 hour') t;
SELECT raise_alert('odd', 'title');
"""


@pytest.fixture
def db(dsn: str, conn: psycopg.Connection) -> Iterator[Database]:
    """A ledger with two days of predictions."""
    conn.execute(CONTENTS.encode())
    with Database(dsn) as database:
        yield database


def test_every_row_of_every_table_is_in_its_file(
    db: Database, conn: psycopg.Connection, tmp_path: Path
) -> None:
    done = export_lake(db, tmp_path)
    assert done.kept == 0
    tables = [
        name
        for (name,) in conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE 'ledger%'"
        )
        if name != "webhook_endpoints"
    ]
    assert done.tables == len(tables) > 30
    total = 0
    for name in tables:
        [(rows,)] = conn.execute(f"SELECT count(*) FROM {name}".encode())  # noqa: S608
        files = list((tmp_path / name).rglob("*.parquet")) if rows else []
        assert sum(parquet.read_table(file).num_rows for file in files) == rows, name
        total += rows
    assert done.rows == total
    assert not (tmp_path / "webhook_endpoints").exists()
    days = sorted(path.name for path in (tmp_path / "predictions").iterdir())
    assert days == ["day=2026-01-01", "day=2026-01-02"]
    found = parquet.read_table(tmp_path / "predictions" / days[1] / "rows.parquet").to_pylist()
    assert {row["predicted_at"].day for row in found} == {2}
    assert found[0]["feature_values"] == [1.5, None]
    assert found[0]["inputs"] == '{"a": "ü"}'
    [version] = parquet.read_table(tmp_path / "model_versions" / "rows.parquet").to_pylist()
    assert (version["feature_names"], version["rmse"]) == (["a", "b"], 2.0)


def test_it_goes_on_where_it_was_and_writes_what_has_changed(
    db: Database, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = lake._write

    def interrupted(*given: Any) -> None:
        if len(written) == 5:
            raise KeyboardInterrupt
        write(*given)
        written.append(given[3].path)

    monkeypatch.setattr(lake, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_lake(db, tmp_path)
    monkeypatch.setattr(lake, "_write", write)
    whole = export_lake(db, tmp_path)
    assert whole.kept == 5
    assert export_lake(db, tmp_path).written == 0
    conn.execute("UPDATE predictions SET prediction = 99 WHERE predicted_at < '2026-01-01 01:00Z'")
    again = export_lake(db, tmp_path)
    assert again.written == 1
    [changed] = (tmp_path / "predictions").glob("day=2026-01-01/*")
    assert 99 in parquet.read_table(changed)["prediction"].to_pylist()
    # A file that is not whole, or somebody else's, is written again.
    changed.write_bytes(b"PAR1")
    assert export_lake(db, tmp_path).written == 1
    assert list(tmp_path.rglob("*.part")) == []


@contextmanager
def reader(dsn: str, conn: psycopg.Connection, table: str, condition: str) -> Iterator[str]:
    """A role that reads everything, for which each row of a table has a condition."""
    name = "own_lake_reader"
    conn.execute(
        f"CREATE ROLE {name} LOGIN PASSWORD 'lake' IN ROLE pg_read_all_data;"
        f"CREATE POLICY lake ON {table} TO {name} USING ({condition});"
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY".encode()
    )
    try:
        yield make_conninfo(dsn, user=name, password="lake")
    finally:
        conn.execute(f"DROP POLICY lake ON {table}".encode())
        drop_roles(conn, name)


def test_a_table_may_take_longer_than_a_statement(
    db: Database, dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    with reader(dsn, conn, "models", "pg_sleep(3) IS NOT NULL") as conninfo:
        settings = Settings(conninfo=conninfo, statement_timeout=2)
        with Database(settings) as database:
            export_lake(database, tmp_path)
    assert parquet.read_table(tmp_path / "models" / "rows.parquet").num_rows == 1


@pytest.fixture
def large(conn: psycopg.Connection) -> None:
    """A day of metrics of more than one batch."""
    conn.execute("SELECT ensure_partitions('system_metrics', '2026-01-01Z', '2026-01-02Z')")
    conn.execute(
        "INSERT INTO system_metrics (timestamp, host, metric_name, metric_value)"
        " SELECT '2026-01-01Z', repeat('h', 250), 'm' || n, n FROM generate_series(1, 100000) n"
    )


@pytest.mark.once
@pytest.mark.not_distributed("Citus cannot write such a policy out for its workers")
def test_of_a_day_that_cannot_be_read_to_its_end_nothing_is_left(
    db: Database, dsn: str, conn: psycopg.Connection, tmp_path: Path, large: None
) -> None:
    fails_at_the_end = "current_query() NOT LIKE 'COPY%' OR 1 / (100000 - metric_value) IS NOT NULL"
    with (
        reader(dsn, conn, "system_metrics", fails_at_the_end) as conninfo,
        Database(Settings(conninfo=conninfo)) as database,
        pytest.raises(LedgerError, match=r"reading the table failed"),
    ):
        export_lake(database, tmp_path)
    assert [path for path in (tmp_path / "system_metrics").rglob("*") if path.is_file()] == []


@pytest.mark.once
def test_a_day_is_written_batch_by_batch(db: Database, tmp_path: Path, large: None) -> None:
    export_lake(db, tmp_path)
    [file] = (tmp_path / "system_metrics").rglob("*.parquet")
    found = parquet.ParquetFile(file)
    assert found.metadata.num_row_groups > 1
    assert sum(found.read()["metric_value"].to_pylist()) == 100_000 * 100_001 / 2
