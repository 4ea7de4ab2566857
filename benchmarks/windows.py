"""Reading one day out of ever more history, and deleting one.

`python -m benchmarks.windows`: the times of the 24-hour questions over nine days and over ninety,
111,000 predictions each; then a day dropped against a day deleted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg

from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.admin.retention import Retention
from mlops_ledger.cli.output import echo_table

from .results import Result, echo_results
from .rows import DAY, FEATURES, ONE, make_columns
from .scratch import database

PER_DAY = 111_000
ROUNDS = 11
DAYS = 90


def load(predictions: PredictionsRepository, days: int) -> None:
    """Store the predictions of some days, counted back from yesterday."""
    for number in range(days):
        columns = make_columns(PER_DAY, DAY - timedelta(days=number), timedelta(days=1))
        predictions.insert_columns(columns=columns, **ONE)


def ask(ledgers: list[PredictionsRepository]) -> dict[str, list[float]]:
    """Return the median milliseconds of the 24-hour questions, asked of each ledger in turn."""
    end = DAY + timedelta(days=1)
    questions: dict[str, Callable[[PredictionsRepository], object]] = {
        "monitoring_summary": lambda ledger: ledger.monitoring_summary(
            model_name="m", timestamp=end, lookback_hours=24
        ),
        "stats": lambda ledger: ledger.stats(model_name="m", since=DAY, until=end),
        "recent": lambda ledger: ledger.recent(model_name="m", hours=48),
    }
    times: dict[str, list[list[float]]] = {name: [[] for _ in ledgers] for name in questions}
    for _ in range(ROUNDS):
        for name, question in questions.items():
            for ledger, found in zip(ledgers, times[name], strict=True):
                began = time.perf_counter()
                question(ledger)
                found.append(1000 * (time.perf_counter() - began))
    return {name: [statistics.median(each) for each in found] for name, found in times.items()}


def cost(connection: psycopg.Connection, work: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds and the megabytes of WAL of some work."""
    position = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    [(before,)] = connection.execute(position).fetchall()
    began = time.perf_counter()
    work()
    took = 1000 * (time.perf_counter() - began)
    [(after,)] = connection.execute(position).fetchall()
    return took, float(after - before) / 1e6


def retention(db: Database, connection: psycopg.Connection, days: int) -> list[Result]:
    """Delete the three oldest days in one way, the next three in the other; return the ratios."""
    oldest = DAY - timedelta(days=days - 1)
    found: dict[str, list[tuple[float, float]]] = {"DELETE + VACUUM": [], "cleanup": []}

    def delete_day(number: int) -> None:
        start = oldest + timedelta(days=number)
        end = start + timedelta(days=1)
        connection.execute(
            "DELETE FROM predictions WHERE predicted_at >= %s AND predicted_at < %s", [start, end]
        )
        connection.execute(f"VACUUM predictions_p{start:%Y_%m_%d}")

    for number in range(3):
        found["DELETE + VACUUM"].append(cost(connection, lambda: delete_day(number)))  # noqa: B023
    for number in range(3, 6):
        before = oldest + timedelta(days=number + 1)
        # The partitions emptied above go first, so that each step frees one full day.
        if number == 3:
            Retention(db).cleanup(before=oldest + timedelta(days=3))
        found["cleanup"].append(cost(connection, lambda: Retention(db).cleanup(before=before)))  # noqa: B023
    medians = {
        name: [statistics.median(column) for column in zip(*costs, strict=True)]
        for name, costs in found.items()
    }
    echo_table(
        ("a day deleted by", "ms", "MB of WAL"),
        [(name, f"{took:.1f}", f"{wal:.2f}") for name, (took, wal) in medians.items()],
    )
    delete, cleanup = medians.values()
    return [
        Result("a day dropped / DELETE + VACUUM, time", cleanup[0] / delete[0], "<= 0.5"),
        Result("a day dropped / DELETE + VACUUM, WAL", cleanup[1] / delete[1], "<= 0.02"),
    ]


def fill(dsn: str, db: Database, days: int) -> PredictionsRepository:
    """Store so many days of predictions."""
    ModelVersionRepository(db).insert(model_name="m", feature_names=FEATURES)
    predictions = PredictionsRepository(db)
    predictions.ensure_partitions(since=DAY - timedelta(days=days), until=DAY)
    load(predictions, days)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE predictions")
    return predictions


def main(days: int = DAYS) -> list[Result]:
    """Fill a small and a large ledger, ask both, delete from the large one."""
    with (
        database() as few,
        database() as many,
        Database(few) as small,
        Database(many) as large,
        psycopg.connect(many, autocommit=True) as connection,
    ):
        ledgers = [fill(few, small, days // 10), fill(many, large, days)]
        times = ask(ledgers)
        echo_table(
            ("24 hours of", f"{days // 10} days, ms", f"{days} days, ms"),
            [(name, f"{short:.1f}", f"{long:.1f}") for name, (short, long) in times.items()],
        )
        return [
            *(
                Result(f"{name}: {days} days / {days // 10} days", long / short, "<= 1.2")
                for name, (short, long) in times.items()
                if name != "recent"  # a few milliseconds, most of them for planning
            ),
            *retention(large, connection, days),
        ]


if __name__ == "__main__":
    echo_results(main())
