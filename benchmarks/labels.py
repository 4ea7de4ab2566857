"""Late labels: stored by the repository, against an UPDATE in place of the usual schema.

`python -m benchmarks.labels` prints ratios of one run. Server CPU and WAL hardly change from run
to run, rates do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
)
from mlops_ledger.cli.output import echo_table

from . import usual
from .meter import Cost, Meter, middle
from .results import Result, echo_results
from .rows import DAY, FEATURES, ONE, make_rows
from .scratch import database

SIZE = 100_000
FEW = 2_000
ROUNDS = 3


class Bench:
    """One server with both schemas, filled with the same day of predictions."""

    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self.db = stack.enter_context(Database(dsn))
        self.meter = Meter(dsn)
        self.conn = stack.enter_context(self.meter.connection)
        ModelVersionRepository(self.db).insert(model_name="m", feature_names=FEATURES)
        self.rows = list(make_rows(SIZE))
        self.ids = [row["id"] for row in self.rows]
        self.truth = random.choices(("late", "on time"), k=SIZE)
        at = DAY + timedelta(days=1)
        self.labels = [
            {"prediction_id": id, "actual_label": label, "labeled_at": at}
            for id, label in zip(self.ids, self.truth, strict=True)
        ]

    def fill(self) -> None:
        """Store the predictions in both schemas, without labels."""
        self.conn.execute("TRUNCATE predictions, ground_truth, prediction_batches")
        PredictionsRepository(self.db).insert_many(rows=self.rows, **ONE)
        self.conn.execute(usual.SCHEMA)
        usual.copy(self.conn, self.rows)
        self.usual_ids = [id for (id,) in self.conn.execute("SELECT id FROM usual")]
        self.conn.execute("VACUUM ANALYZE usual")
        self.conn.execute("VACUUM ANALYZE predictions")

    def ledger(self) -> None:
        """Label every prediction through the repository."""
        GroundTruthRepository(self.db).insert_many(rows=self.labels)

    def copy_and_update(self) -> None:
        """Label every row in place: COPY into a temporary table, one UPDATE."""
        self.conn.execute("CREATE TEMP TABLE IF NOT EXISTS stage (id uuid, label text)")
        self.conn.execute("TRUNCATE stage")
        with self.conn.cursor().copy("COPY stage FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["uuid", "text"])
            for row in zip(self.usual_ids, self.truth, strict=True):
                copy.write_row(row)
        self.conn.execute(
            "UPDATE usual u SET actual_label = s.label FROM stage s WHERE u.id = s.id"
        )

    def executemany(self) -> None:
        """Label some rows in place by executemany in one transaction."""
        rows = [(label, id) for id, label in zip(self.some(), self.truth, strict=False)]
        with self.conn.transaction(), self.conn.cursor() as cursor:
            cursor.executemany("UPDATE usual SET actual_label = %s WHERE id = %s", rows)

    def one_by_one(self) -> None:
        """Label some rows in place, each in a transaction."""
        for id, label in zip(self.some(), self.truth, strict=False):
            self.conn.execute("UPDATE usual SET actual_label = %s WHERE id = %s", (label, id))

    def ledger_one_by_one(self) -> None:
        """Label some predictions through the repository, each in a transaction."""
        repository = GroundTruthRepository(self.db)
        for id, label in zip(random.sample(self.ids, FEW), self.truth, strict=False):
            repository.insert(prediction_id=id, actual_label=label)

    def some(self) -> list[UUID]:
        """Return a few rows of the usual schema."""
        return random.sample(self.usual_ids, FEW)


def main() -> list[Result]:
    """Measure all ways in turn, print them and return the ratios."""
    with database() as dsn, ExitStack() as stack:
        bench = Bench(dsn, stack)
        ways: dict[str, tuple[Callable[[], None], int]] = {
            "insert_many": (bench.ledger, SIZE),
            "usual table: COPY and UPDATE": (bench.copy_and_update, SIZE),
            "usual table: executemany": (bench.executemany, FEW),
            "usual table: one by one": (bench.one_by_one, FEW),
            "insert": (bench.ledger_one_by_one, FEW),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            bench.fill()
            for name, (way, count) in ways.items():
                costs[name].append(bench.meter.cost(way, count))
    found = {name: middle(each) for name, each in costs.items()}
    ledger, update = found["insert_many"], found["usual table: COPY and UPDATE"]
    echo_table(
        ("labels by", "labels/s", "ratio", "client µs", "server µs", "WAL B"),
        [
            (
                name,
                f"{1e6 / cost.wall:,.0f}",
                f"{update.wall / cost.wall:.2f}",
                f"{cost.client:.1f}",
                f"{cost.server:.1f}",
                f"{cost.wal:.0f}",
            )
            for name, cost in found.items()
        ],
    )
    return [
        Result("labels / UPDATE in place, server CPU", update.server / ledger.server, ">= 4"),
        Result("labels / UPDATE in place, labels/s", update.wall / ledger.wall, ">= 4"),
    ]


if __name__ == "__main__":
    echo_results(main())
