"""Partitions by time: which are made, when, and who waits for whom."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.cli import main
from mlops_ledger.errors import InvalidValue
from mlops_ledger.statements import load

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)


def partitions(conn: psycopg.Connection[Any]) -> dict[str, tuple[datetime, datetime]]:
    rows = conn.execute("SELECT name, since, until FROM ledger_partitions('predictions')")
    return {name.removeprefix("predictions_p"): (since, until) for name, since, until in rows}


def assert_without_gaps(conn: psycopg.Connection[Any]) -> None:
    bounds = partitions(conn).values()
    assert all(end == start for (_, end), (start, _) in pairwise(bounds))


def ensure(conn: psycopg.Connection[Any], since: datetime, until: datetime) -> int:
    [(made,)] = conn.execute(
        "SELECT ensure_partitions('predictions', %s, %s)", [since, until]
    ).fetchall()
    return made


def set_period(conn: psycopg.Connection[Any], period: str) -> None:
    conn.execute(
        "UPDATE partition_policies SET period = %s WHERE table_name = 'predictions'", [period]
    )


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("day", {"2026_01_14": (14, 15), "2026_01_15": (15, 16)}),
        ("week", {"2026_01_12": (12, 19)}),
        ("month", {"2026_01_01": (1, 32)}),
    ],
)
def test_partitions_begin_at_midnight_utc(
    conn: psycopg.Connection[Any], period: str, expected: dict[str, tuple[int, int]], zone: str
) -> None:
    conn.execute(f"SET timezone = '{zone}'")
    set_period(conn, period)
    assert ensure(conn, NOON, NOON + DAY) == len(expected)
    start = datetime(2025, 12, 31, tzinfo=UTC)
    assert partitions(conn) == {
        name: (start + since * DAY, start + until * DAY)
        for name, (since, until) in expected.items()
    }
    assert ensure(conn, NOON, NOON + DAY) == 0


def test_a_new_period_fills_the_gaps_around_older_partitions(
    conn: psycopg.Connection[Any],
) -> None:
    ensure(conn, NOON, NOON)
    set_period(conn, "month")
    assert ensure(conn, NOON, NOON + 30 * DAY) == 3
    assert [since.day for since, _ in partitions(conn).values()] == [1, 14, 15, 1]
    assert_without_gaps(conn)


@pytest.mark.parametrize(
    ("since", "until", "message"),
    [
        (NOON, NOON - DAY, "until: must not be before since"),
        (NOON, None, "until: must not be before since"),
        (NOON, NOON + 4000 * DAY, "a year from now"),
        (datetime(1999, 12, 31, tzinfo=UTC), NOON, "year 2000"),
        (datetime(2001, 1, 1, tzinfo=UTC), NOON, "more than ten years"),
    ],
)
def test_a_senseless_range_is_refused(
    conn: psycopg.Connection[Any], since: Any, until: Any, message: str
) -> None:
    with pytest.raises(psycopg.Error, match=message):
        ensure(conn, since, until)
    with pytest.raises(psycopg.Error, match="model_versions is not partitioned"):
        conn.execute("SELECT ensure_partitions('model_versions', now(), now())")
    assert partitions(conn) == {}


def test_partitions_are_made_while_others_write(dsn: str, conn: psycopg.Connection[Any]) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        one = {"model_name": "m", "model_version": "1"}
        with db.transaction() as tx:
            PredictionsRepository(tx).insert(**one, predicted_at=NOON)
            # The partition of the transaction above is not committed yet: others wait for that
            # one, but for nothing else.
            writer = threading.Thread(
                target=PredictionsRepository(db).insert, kwargs={**one, "predicted_at": NOON}
            )
            writer.start()
            writer.join(0.3)
            assert writer.is_alive()
        writer.join()
        with db.transaction() as tx:
            PredictionsRepository(tx).insert(**one, predicted_at=NOON)
            conn.execute("SET lock_timeout = '2s'")
            assert ensure(conn, NOON + DAY, NOON + 2 * DAY) == 2
        assert PredictionsRepository(db).stats().count == 3


def test_many_writers_may_miss_the_same_partitions(dsn: str) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        rows = [{"predicted_at": NOON + number * DAY} for number in range(10)]
        results: list[int] = []

        def write() -> None:
            written = PredictionsRepository(db).insert_many(
                rows=rows, model_name="m", model_version="1"
            )
            results.append(written.stored)

        threads = [threading.Thread(target=write) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [10] * 6
        assert PredictionsRepository(db).stats().count == 60


def test_days_far_apart_need_no_partitions_between(dsn: str, conn: psycopg.Connection[Any]) -> None:
    with Database(dsn) as db:
        ModelVersionRepository(db).insert(model_name="m")
        times = [datetime(year, 6, day, tzinfo=UTC) for year in (2001, 2025) for day in (1, 2, 9)]
        PredictionsRepository(db).insert_many(
            rows=[{"predicted_at": at} for at in times], model_name="m", model_version="1"
        )
    assert [since for since, _ in partitions(conn).values()] == times


def test_the_period_is_chosen_for_predictions_and_labels(
    dsn: str, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    with pytest.raises(SystemExit) as exit_:
        main(["predictions", "partition-by", "month"])
    assert exit_.value.code == 0
    periods = conn.execute(
        "SELECT table_name FROM partition_policies WHERE period = 'month' ORDER BY 1"
    ).fetchall()
    assert periods == [("ground_truth",), ("predictions",)]
    with Database(dsn) as db, pytest.raises(InvalidValue, match="day, week or month"):
        PredictionsRepository(db).partition_by(period="year")


def midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def test_ten_years_that_are_over_are_made_by_the_month(conn: psycopg.Connection[Any]) -> None:
    today = midnight()
    until = today.replace(day=1) - DAY
    since = until.replace(year=until.year - 10, day=1) + timedelta(days=31)
    months = (until.year - since.year) * 12 + until.month - since.month + 1
    assert ensure(conn, since, until) == months
    assert all(begin.day == 1 and end.day == 1 for begin, end in partitions(conn).values())
    assert ensure(conn, since, until) == 0


def test_a_year_ahead_is_made_at_once(conn: psycopg.Connection[Any]) -> None:
    today = midnight()
    assert ensure(conn, today, today + 364 * DAY) == 365
    set_period(conn, "week")
    assert_without_gaps(conn)


@pytest.mark.parametrize("period", ["day", "week"])
def test_months_that_are_over_meet_the_partitions_of_this_month(
    conn: psycopg.Connection[Any], period: str
) -> None:
    set_period(conn, period)
    today = midnight()
    made = ensure(conn, today - 800 * DAY, today + 30 * DAY)
    assert made == len(partitions(conn))
    assert_without_gaps(conn)


@pytest.mark.not_distributed("a partition of a day is a table per shard: hundreds take minutes")
def test_more_partitions_than_the_server_has_locks_for_are_refused(
    dsn: str, conn: psycopg.Connection[Any]
) -> None:
    today = midnight()
    since, until = today - 9 * 365 * DAY, today + 364 * DAY
    with Database(dsn) as db, pytest.raises(InvalidValue) as refused:
        PredictionsRepository(db).ensure_partitions(since=since, until=until)
    message = str(refused.value)
    assert message.startswith("partitions: ")
    assert "of predictions are missing, and one call makes at most 400" in message
    assert "Make them in several calls of ensure_partitions, or longer ones" in message
    assert partitions(conn) == {}
    with Database(dsn) as db:
        for begin, end in ((since, today), (today, until)):
            assert PredictionsRepository(db).ensure_partitions(since=begin, until=end) > 0
    assert ensure(conn, since, until) == 0


@pytest.mark.not_distributed("a partition of a day is a table per shard: hundreds take minutes")
def test_a_year_ahead_of_all_tables_is_made_by_the_command(
    dsn: str, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    with pytest.raises(SystemExit) as exit_:
        main(["ensure-partitions", "--days", "364"])
    assert exit_.value.code == 0
    counts = conn.execute(
        "SELECT (SELECT count(*) FROM ledger_partitions(table_name)) FROM partition_policies"
    ).fetchall()
    assert counts == [(365,)] * 3


def test_partitions_are_listed_once_for_a_table(conn: psycopg.Connection[Any]) -> None:
    """Listed for each partition again, those of a few years took longer than a statement may."""
    conn.execute("SELECT ensure_partitions('predictions', now() - interval '90 days', now())")
    conn.execute("SET track_functions = 'all'")
    [(tables,)] = conn.execute(
        "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    for file, name in (("stats", "tables"), ("ui", "sizes")):
        conn.execute("SELECT pg_stat_force_next_flush()")
        before = calls(conn)
        assert conn.execute(load(file)[name].text).fetchall()
        conn.execute("SELECT pg_stat_force_next_flush()")
        assert 0 < calls(conn) - before <= tables, name


def calls(conn: psycopg.Connection[Any]) -> int:
    """Return how often partitions were listed, so far."""
    rows = conn.execute(
        "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'ledger_partitions'"
    )
    return int(next(iter(rows), (0,))[0])
