"""promote, rollback, retire and production_at, called from psql."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row


def then(conn: psycopg.Connection, at: str) -> str | None:
    """Return the version that was in production at a time of the first of January."""
    row = conn.execute(
        "SELECT model_version FROM production_at('m', %s)", [f"2026-01-01 {at}Z"]
    ).fetchone()
    return row and row[0]


def test_production_at_answers_any_timestamp(live: psycopg.Connection) -> None:
    assert [then(live, at) for at in ("11:59:59.999999", "12:00", "12:59:59.999999", "13:00")] == [
        None,
        "1",
        "1",
        "2",
    ]
    assert live.execute("SELECT model_version FROM production_at('m')").fetchone() == ("2",)


def test_promote_returns_the_deployment(live: psycopg.Connection) -> None:
    cursor = live.cursor(row_factory=dict_row)
    row = cursor.execute("SELECT * FROM promote('m', '3', reason => 'better')").fetchone()
    assert (row["model_version"], row["slot"], row["reason"]) == ("3", "production", "better")
    assert row["retired_at"] is None
    assert row["deployed_by"] == live.execute("SELECT session_user").fetchone()[0]


def test_rollback_and_retire(live: psycopg.Connection) -> None:
    assert live.execute("SELECT (rollback('m')).model_version").fetchone() == ("1",)
    retired = live.execute("SELECT * FROM retire('m', reason => 'unsafe')").fetchone()
    assert "unsafe" in retired
    assert live.execute("SELECT * FROM production_at('m', clock_timestamp())").fetchone() is None
    stages = live.execute("SELECT stage FROM model_versions ORDER BY model_version").fetchall()
    assert stages == [("archived",), ("archived",), ("development",)]


def test_intervals_meet_without_gap_or_overlap(live: psycopg.Connection) -> None:
    for version in ("3", "1", "2"):
        live.execute("SELECT promote('m', %s)", [version])
    gaps = live.execute(
        "SELECT deployed_at - lag(retired_at) OVER (ORDER BY deployed_at) FROM model_deployments"
    ).fetchall()
    assert len(gaps) == 5
    assert {gap.total_seconds() for (gap,) in gaps[1:]} == {0}


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-01-01 13:00Z", "MLCF0"),
        ("2025-12-31Z", "MLCF0"),
        ("2100-01-01Z", "MLIV0"),
        ("infinity", "MLIV0"),
        ("-infinity", "MLIV0"),
    ],
)
def test_times_lie_in_the_past_and_after_the_last_change(
    live: psycopg.Connection, at: str, state: str
) -> None:
    for call in ("promote('m', '3', at => %s)", "rollback('m', at => %s)", "retire('m', at => %s)"):
        with pytest.raises(psycopg.Error) as refusal:
            live.execute(f"SELECT {call}".encode(), [at])
        assert refusal.value.sqlstate == state


def test_several_changes_in_one_transaction(live: psycopg.Connection) -> None:
    with live.transaction():
        live.execute("SELECT promote('m', '3')")
        live.execute("SELECT promote('m', '1')")
        live.execute("SELECT rollback('m')")
    versions = live.execute(
        "SELECT model_version FROM v_deployments ORDER BY deployed_at"
    ).fetchall()
    assert versions == [("1",), ("2",), ("3",), ("1",), ("3",)]


def test_promotions_of_one_slot_wait_for_each_other(live: psycopg.Connection, dsn: str) -> None:
    with psycopg.connect(dsn) as other:
        other.execute("SELECT promote('m', '3')")
        live.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            live.execute("SELECT promote('m', '1')")
        # Another slot of the same model is free.
        live.execute("SELECT promote('m', '1', 'eu')")
        other.commit()
    assert live.execute("SELECT (promote('m', '1')).model_version").fetchone() == ("1",)
    assert live.execute("SELECT count(*) FROM model_deployments").fetchone() == (5,)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_stale_snapshot_cannot_promote(live: psycopg.Connection, dsn: str, level: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        other.execute("SELECT count(*) FROM model_deployments")
        live.execute("SELECT promote('m', '3')")
        with pytest.raises(psycopg.Error) as refusal:
            other.execute("SELECT promote('m', '1')")
        other.execute("ROLLBACK")
        # Refused in one way or another, but never decided on a history that has moved on.
        assert refusal.value.sqlstate in {"40001", "23P01", "23505"}
        other.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        other.execute("SELECT promote('m', '1')")
        other.execute("COMMIT")
    versions = live.execute(
        "SELECT model_version FROM v_deployments ORDER BY deployed_at"
    ).fetchall()
    assert versions == [("1",), ("2",), ("3",), ("1",)]


def test_the_functions_do_not_depend_on_the_search_path(live: psycopg.Connection) -> None:
    live.execute("SET search_path = pg_catalog")
    row = live.execute("SELECT (public.promote('m', '3')).model_version").fetchone()
    assert row == ("3",)


def test_ids_are_time_ordered_uuids_of_version_7(conn: psycopg.Connection) -> None:
    ids = conn.execute("SELECT ledger_uuid() FROM generate_series(1, 200)").fetchall()
    assert {made.version for (made,) in ids} == {7}
    assert len(set(ids)) == 200
    drift = conn.execute(
        "SELECT abs(extract(epoch FROM clock_timestamp()) * 1000 -"
        " ('x' || lpad(left(replace(ledger_uuid()::text, '-', ''), 12), 16, '0'))::bit(64)::bigint)"
    ).fetchone()
    assert drift[0] < 1000


def test_no_function_that_rules_out_plans_has_the_others_compiled(conn: psycopg.Connection) -> None:
    # Before version 18 a plan that is ruled out costs enough for the server to compile it.
    rows = conn.execute(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND proconfig::text ~ 'enable_[a-z]+=off'"
    ).fetchall()
    assert len(rows) >= 2
    assert [name for name, settings in rows if "jit=off" not in settings] == []
