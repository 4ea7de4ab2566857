"""A page of predictions costs a page, however many there are: counted in rows that are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import scalar_row

from mlops_ledger.ids import time_of, whole_millisecond
from mlops_ledger.statements import load
from tools.scratch import scratch_database

pytestmark = pytest.mark.xdist_group("pages")

DAYS = 30
END = datetime(2026, 1, 31, tzinfo=UTC)
PAGE = 100
# Five models of four versions; the last model fell silent ten days before the end.
FILL = """
INSERT INTO model_versions (model_name, model_version)
SELECT 'm' || m, v::text FROM generate_series(1, 5) m, generate_series(1, 4) v;
SELECT ensure_partitions('predictions', '2026-01-01Z', '2026-01-31Z');
INSERT INTO predictions (id, predicted_at, model_version_id, request_id, predicted_label, status)
SELECT ledger_uuid_floor(t.at), t.at, v.ids[1 + n % 20], 'r' || n, chr(97 + n / 20 % 3),
       CASE WHEN n % 97 = 0 THEN 'error' ELSE 'success' END
FROM (SELECT array_agg(id ORDER BY model_name, model_version) AS ids FROM model_versions) v,
     generate_series(0, 149999) n,
     LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '17.28 seconds' AS at) t
WHERE n % 20 < 16 OR n < 100000;
ANALYZE;
"""
NO_FILTERS: dict[str, Any] = dict.fromkeys(
    ("status", "predicted_label", "batch_id", "request_id", "before", "before_at", "before_from")
)


@pytest.fixture(scope="module")
def filled(server_dsn: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    """A database with a month of predictions in daily partitions."""
    with (
        scratch_database(server_dsn, template) as dsn,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        connection.execute(FILL)
        yield connection


def rows_read(conn: psycopg.Connection[Any], query: bytes, values: dict[str, Any]) -> float:
    """Run a query and count the predictions that it looked at."""
    cursor = conn.cursor(row_factory=scalar_row)
    [found] = cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + query, values, prepare=False)
    pending, total = [found[0]["Plan"]], 0.0
    while pending:
        node = pending.pop()
        pending += node.get("Plans", [])
        if node.get("Relation Name", "").startswith("predictions"):
            kept = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            total += node["Actual Loops"] * (kept + node.get("Rows Removed by Index Recheck", 0))
    return total


def entries_read(conn: psycopg.Connection[Any]) -> int:
    """Count what the transaction has read of predictions and their indexes, also in functions."""
    query = (
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class"
        " WHERE relname LIKE 'predictions%'"
    )
    [(count,)] = conn.execute(query).fetchall()
    return int(count)


def versions(conn: psycopg.Connection[Any], model_name: str) -> list[Any]:
    cursor = conn.cursor(row_factory=scalar_row)
    query = "SELECT id FROM model_versions WHERE model_name = %s"
    return cursor.execute(query, [model_name]).fetchall()


@pytest.mark.parametrize("name", ["list_predictions", "list_recent"])
@pytest.mark.parametrize(
    ("model_name", "filters", "most"),
    [
        (None, {}, 2 * PAGE),
        (None, {"predicted_label": "b"}, 6 * PAGE),
        ("m1", {}, 6 * PAGE),
        ("m5", {}, 6 * PAGE),
        # As many as the server expects in all would be read and sorted: partitions are small here.
        ("m1", {"predicted_label": "b", "limit": PAGE // 2}, 9 * PAGE),
        (None, {"request_id": "r7777"}, 4),
        ("m1", {"request_id": "r7780"}, 4 * PAGE),
        ("m1", {"status": "error"}, 6 * PAGE),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_page_reads_a_page(
    filled: psycopg.Connection[Any],
    name: str,
    model_name: str | None,
    filters: dict[str, Any],
    most: int,
    turned: bool,
) -> None:
    values = {**NO_FILTERS, "limit": PAGE, **filters, "since": END - timedelta(days=90)}
    values["until"] = END + timedelta(days=1)
    if turned:
        # The page behind a row in the middle of the month.
        [[before]] = filled.execute("SELECT id FROM predictions WHERE request_id = 'r77777'")
        at = time_of(before)
        values |= {"before": before, "before_at": at, "before_from": whole_millisecond(at)}
        values["until"] = whole_millisecond(at) + timedelta(milliseconds=1)
    if model_name is not None:
        name, values["version_ids"] = f"{name}__of_versions", versions(filled, model_name)
    statement = load("predictions")[name]
    read = rows_read(filled, statement.text, {each: values[each] for each in statement.parameters})
    assert 0 < read <= most


def test_the_models_read_a_prediction_of_each_partition_at_most(
    filled: psycopg.Connection[Any],
) -> None:
    statement = load("overview")["models"]
    with filled.transaction(force_rollback=True):
        filled.execute(
            "INSERT INTO summary_marks"
            " (model_version_id, table_name, first_predicted_at, last_predicted_at)"
            " SELECT id, 'predictions', '2026-01-01Z', '2026-01-31Z' FROM model_versions"
        )
        before = entries_read(filled)
        filled.execute(statement.text, {"after": None, "limit": 50})
        assert 0 < entries_read(filled) - before <= 31 * 20


@pytest.mark.parametrize("view", ["v_predictions", "v_prediction_log"])
@pytest.mark.parametrize(
    ("where", "most"),
    [
        ("true", 4 * 10),
        ("model_name = 'm1'", 20 * 10),
        ("predicted_label = 'b'", 8 * 10),
        ("status = 'success'", 4 * 10),
        ("model_name = 'm2' AND predicted_at >= '2026-01-20Z'", 20 * 10),
    ],
)
def test_the_newest_rows_of_a_view_read_a_page(
    filled: psycopg.Connection[Any], view: str, where: str, most: int
) -> None:
    query = f"SELECT * FROM {view} WHERE {where} ORDER BY predicted_at DESC LIMIT 10"  # noqa: S608
    assert 0 < rows_read(filled, query.encode(), {}) <= most


def test_a_prediction_among_many_of_its_millisecond_is_found_at_once(
    filled: psycopg.Connection[Any],
) -> None:
    with filled.transaction(force_rollback=True):
        filled.execute(
            "INSERT INTO predictions (id, predicted_at, model_version_id)"
            " SELECT (left(ledger_uuid_floor(%(at)s)::text, 24) || lpad(to_hex(n), 12, '0'))::uuid,"
            " %(at)s, (SELECT id FROM model_versions LIMIT 1) FROM generate_series(1, 20000) n",
            {"at": END - timedelta(hours=1)},
        )
        [[id]] = filled.execute(
            "SELECT max(id::text)::uuid FROM predictions WHERE predicted_at = %s",
            [END - timedelta(hours=1)],
        )
        at = time_of(id)
        values = {"id": id, "predicted_at": at, "predicted_from": whole_millisecond(at)}
        assert at == END - timedelta(hours=1)
        assert rows_read(filled, load("predictions")["get"].text, values) <= 3


# Each version had the traffic for itself: the old one until the noon of the fifth day.
ONE_BY_ONE = """
INSERT INTO model_versions (model_name, model_version)
SELECT 'm', v::text FROM generate_series(1, 3) v;
SELECT promote('m', '1', at => '2026-01-01Z');
SELECT ensure_partitions('predictions', '2026-01-01Z', '2026-01-11Z');
INSERT INTO predictions (id, predicted_at, model_version_id, request_id)
SELECT ledger_uuid_floor(t.at), t.at, v.id, 'r' || n
FROM generate_series(0, 39999) n
CROSS JOIN LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '21.6 seconds' AS at) t
JOIN model_versions v ON v.model_version = CASE WHEN n < 18000 THEN '1' ELSE '2' END;
SELECT rebuild_summaries(id) FROM model_versions;
SELECT fold_summaries(id, '-infinity', 'infinity', 1000, true) FROM model_versions;
ANALYZE;
"""


def test_what_others_predicted_since_is_not_read(server_dsn: str, template: str) -> None:
    with (
        scratch_database(server_dsn, template) as dsn,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        connection.execute(ONE_BY_ONE)
        ids = versions(connection, "m")
        given = {**NO_FILTERS, "limit": PAGE, "version_ids": ids, "model_name": "m"}
        given |= {"since": datetime(1, 1, 2, tzinfo=UTC), "until": END, "after": None}
        for file, name, most in (
            ("predictions", "list_recent__of_versions", 3 * PAGE),
            ("predictions", "list_predictions__of_versions", 3 * PAGE),
            ("ui", "activity", 4),
            ("exporter", "last_predictions", 4),
            ("overview", "models", 4),
        ):
            statement = load(file)[name]
            values = {each: given[each] for each in statement.parameters}
            # Before version 18 less than half a row in a loop is none.
            assert rows_read(connection, statement.text, values) <= most, name
            # What functions read is in no plan: an entry of each of 11 partitions for each version.
            with connection.transaction():
                before = entries_read(connection)
                connection.execute(statement.text, values, prepare=False)
                assert entries_read(connection) - before <= 12 * (len(ids) + 1) + most, name
