"""A page costs a page, whatever the ledger holds: counted in rows that are read, and statements."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fix_ui import pages
from starlette.testclient import TestClient

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    Settings,
    SummariesRepository,
)
from tools.scratch import scratch_database

pytest.importorskip("jinja2", reason="needs the extra [ui]")

from mlops_ledger.contrib.ui import create_app

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
# A thousand predictions a day for two months, each with a label.
FILL = """
SELECT ensure_partitions(name, '2026-01-01Z', '2026-03-05Z') FROM unnest('{predictions,ground_truth}'::text[]) name;
INSERT INTO predictions (id, predicted_at, model_version_id, request_id, predicted_label, probability, latency_ms,
                         feature_values)
SELECT ledger_uuid_floor(t.at), t.at, v.id, 'r' || n, chr(97 + n % 3), n % 100 / 100.0, n % 50,
       ARRAY[n % 10, n % 7, n % 5]
FROM model_versions v, generate_series(0, 59999) n,
     LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '86.4 seconds' AS at) t;
INSERT INTO ground_truth (prediction_id, predicted_at, model_version_id, labeled_at, actual_label, predicted_label)
SELECT id, predicted_at, model_version_id, predicted_at + interval '1 hour', 'a', predicted_label FROM predictions;
SELECT rebuild_summaries(id) FROM model_versions;
"""  # noqa: E501
READ = """
SELECT CASE WHEN relname ~ '^(predictions|ground_truth)_' THEN 'raw' ELSE 'other' END AS kind,
       sum(pg_stat_get_tuples_returned(t.relid))
       + sum((SELECT coalesce(sum(pg_stat_get_tuples_returned(i.indexrelid)), 0)
              FROM pg_index i WHERE i.indrelid = t.relid))
FROM pg_stat_user_tables t GROUP BY 1
"""


@pytest.fixture(scope="module")
def filled(server_dsn: str, template: str) -> Iterator[Database]:
    """A ledger of two months, read by one session so that what it reads can be counted."""
    with (
        scratch_database(server_dsn, template) as dsn,
        Database(Settings(conninfo=dsn, pool_max_size=1)) as db,
    ):
        versions = ModelVersionRepository(db)
        named = {"model_name": "m", "model_version": "1"}
        versions.insert(**named, feature_names=["a", "b", "c"])
        versions.promote(**named, at=BEGAN)
        data = {"a": list(range(10)), "b": list(range(10)), "c": list(range(10))}
        BaselinesRepository(db).register(**named, data=data)
        with db.connection() as connection:
            for statement in FILL.strip().split(";\n"):
                connection.execute(statement.encode())
        SummariesRepository(db).fold()
        for week in range(2, 7):
            DriftReportsRepository(db).run(
                **named, until=BEGAN + week * timedelta(days=7), lookback_hours=168
            )
        with db.connection() as connection:
            connection.execute("ANALYZE")
        yield db


def read(db: Database) -> dict[str, float]:
    with db.connection() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT 1")
        return {kind: float(count) for kind, count in connection.execute(READ.encode())}


def test_every_page_reads_summaries(filled: Database, caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(create_app(filled), base_url="http://localhost")
    paths = list(pages(client))
    assert {path.partition("?")[0] for path in paths} >= {"/model", "/feature", "/version"}
    caplog.set_level(logging.DEBUG, logger="mlops_ledger.sql")
    for path in paths:
        before = read(filled)
        caplog.clear()
        assert client.get(path).status_code == 200
        statements = [each for each in caplog.records if each.name == "mlops_ledger.sql"]
        after = read(filled)
        # A few of 120,000: the newest ones, and looks for the last.
        assert after["raw"] - before["raw"] <= 400, path
        assert after["other"] - before["other"] <= 4_000, path
        assert 0 < len(statements) <= 20, path
