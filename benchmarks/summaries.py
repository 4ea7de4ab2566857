"""Monitoring from summaries against the same answer from rows, and what folding costs.

`python -m benchmarks.summaries`: the questions over thirty days of 111,000 predictions, and over
thirty of a tenth of that.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg

from mlops_ledger import (
    BaselinesRepository,
    Database,
    DriftReportsRepository,
    ModelVersionRepository,
    PredictionsRepository,
    SummariesRepository,
)
from mlops_ledger.cli.output import echo_table

from .meter import session_cpu
from .results import Result, echo_results
from .rows import DAY, FEATURES, ONE, make_columns
from .scratch import database

PER_DAY = 111_000
DAYS = 30
ROUNDS = 11
END = DAY + timedelta(days=1)


def fill(db: Database, days: int, per_day: int) -> float:
    """Store and fold so many days; return the microseconds of server CPU that a folded row took."""
    ModelVersionRepository(db).insert(model_name="m", feature_names=FEATURES)
    trained_on = make_columns(10_000, DAY, timedelta(days=1))
    BaselinesRepository(db).register(
        **ONE,
        data=dict(zip(FEATURES, trained_on["features"].T, strict=True)),
        probabilities=trained_on["probability"],
    )
    for number in range(days):
        columns = make_columns(per_day, DAY - timedelta(days=number), timedelta(days=1))
        PredictionsRepository(db).insert_columns(columns=columns, **ONE)
    with db.transaction() as transaction, transaction.connection() as connection:
        before = session_cpu(connection)
        SummariesRepository(transaction).fold()
        return 1e6 * (session_cpu(connection) - before) / (days * per_day)


def ask(db: Database, days: int) -> dict[str, float]:
    """Return the median milliseconds of each question about so many days."""
    since = END - timedelta(days=days)
    summaries, predictions = SummariesRepository(db), PredictionsRepository(db)
    questions: dict[str, Callable[[], object]] = {
        "summary of rows": lambda: predictions.monitoring_summary(
            model_name="m", timestamp=END, lookback_hours=24 * days
        ),
        "summary": lambda: summaries.monitoring_series(
            **ONE, since=since, until=END, bucket=timedelta(days=days)
        ),
        "drift": lambda: DriftReportsRepository(db).measure(**ONE, since=since, until=END),
    }
    times: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(ROUNDS):
        for name, question in questions.items():
            began = time.perf_counter()
            question()
            times[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(found) for name, found in times.items()}


def main(days: int = DAYS, per_day: int = PER_DAY) -> list[Result]:
    """Fill two ledgers of as many days and different volumes, and ask both."""
    with database() as few, database() as many, Database(few) as small, Database(many) as large:
        fill(small, days, per_day // 10)
        folded = fill(large, days, per_day)
        with psycopg.connect(many, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        found = {"small": ask(small, days), "large": ask(large, days)}
    echo_table(
        (f"{days} days of", f"{per_day // 10:,} a day, ms", f"{per_day:,} a day, ms"),
        [(name, f"{found['small'][name]:.1f}", f"{ms:.1f}") for name, ms in found["large"].items()],
    )
    rows = found["large"]["summary of rows"]
    return [
        Result("folding a row, µs of server CPU", folded, "<= 6"),
        Result("summary of rows / from summaries", rows / found["large"]["summary"], ">= 200"),
        *(
            Result(
                f"{name}: ten times the volume",
                found["large"][name] / found["small"][name],
                "<= 1.3",
            )
            for name in ("summary", "drift")
        ),
        Result("drift of 13 series, ms", found["large"]["drift"], "<= 20"),
    ]


if __name__ == "__main__":
    echo_results(main())
