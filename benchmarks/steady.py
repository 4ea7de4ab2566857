"""python -m benchmarks.steady: storing predictions where there are a million already.

On empty tables random keys look better than they are: their pages are few. Right after a
checkpoint, as here, every page that is touched goes to the WAL as a whole.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.cli.output import echo_table

from . import usual
from .meter import Meter
from .results import Result, echo_results
from .rows import DAY, FEATURES, ONE, make_columns, make_rows
from .scratch import database

PARTS = 10
PART = 100_000
LENGTH = timedelta(hours=2)


def main() -> list[Result]:
    """Fill both tables, store as many rows again in each, and return the ratios."""
    with database() as dsn, Database(dsn) as db:
        meter = Meter(dsn)
        meter.connection.execute("ALTER TABLE prediction_batches SET (autovacuum_enabled = off)")
        ModelVersionRepository(db).insert(model_name="m", feature_names=FEATURES)
        predictions = PredictionsRepository(db)
        for number in range(PARTS):
            columns = make_columns(PART, DAY + number * LENGTH, LENGTH)
            predictions.insert_columns(columns={**columns, "request_id": _requests()}, **ONE)
        meter.connection.execute(usual.SCHEMA)
        for statement in usual.FILL.split(";")[:2]:
            meter.connection.execute(statement)
        columns = make_columns(PART, DAY + PARTS * LENGTH, LENGTH)
        named, rows = {**columns, "request_id": _requests()}, list(make_rows(PART))
        ways = {
            "insert_columns": lambda: predictions.insert_columns(columns=named, **ONE),
            "  without request_id": lambda: predictions.insert_columns(columns=columns, **ONE),
            "usual table": lambda: usual.copy(meter.connection, rows),
        }
        costs = {name: meter.cost(work, PART) for name, work in ways.items()}
        meter.connection.close()
    echo_table(
        (f"into {PARTS * PART:,} rows", "server µs", "WAL B"),
        [(name, f"{cost.server:.1f}", f"{cost.wal:.0f}") for name, cost in costs.items()],
    )
    ledger, _, other = costs.values()
    return [
        Result("steady: server CPU / usual table", ledger.server / other.server, "<= 0.5"),
        Result("steady: WAL / usual table", ledger.wal / other.wal, "<= 0.5"),
    ]


def _requests() -> list[str]:
    return [uuid4().hex for _ in range(PART)]


if __name__ == "__main__":
    echo_results(main())
