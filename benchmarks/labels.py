"""Late labels: stored by the repository, against an UPDATE in place of the usual schema.

`python -m benchmarks.labels` prints ratios of one run. Server CPU and WAL hardly change from run
to run, rates do.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg

from mlops_ledger import (
    Database,
    GroundTruthRepository,
    ModelVersionRepository,
    PredictionsRepository,
    Settings,
    new_id,
)
from mlops_ledger.cli.output import echo_table
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.migrations import Migrator

SIZE = 100_000
FEW = 2_000
ROUNDS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(days=1) / SIZE
TICK = os.sysconf("SC_CLK_TCK")

USUAL = """
DROP TABLE IF EXISTS usual, usual_versions;
CREATE TABLE usual_versions (id integer PRIMARY KEY);
INSERT INTO usual_versions VALUES (1);
CREATE TABLE usual (
    id uuid PRIMARY KEY, request_id text UNIQUE, model_version_id integer REFERENCES usual_versions,
    created_at timestamptz, features jsonb, predicted_label text, probability double precision,
    actual_label text
) WITH (autovacuum_enabled = off);
CREATE INDEX ON usual (created_at);
CREATE INDEX ON usual (model_version_id);
"""


class Cost(NamedTuple):
    """What it cost to store a label: µs of wall clock, client and server CPU; bytes of WAL."""

    wall: float
    client: float
    server: float
    wal: float


class Bench:
    """One server with both schemas, filled with the same day of predictions."""

    def __init__(self, dsn: str) -> None:
        self.db = Database(Settings(conninfo=dsn, pool_min_size=1, pool_max_size=1))
        self.conn = psycopg.connect(dsn, autocommit=True)
        self.ids = [new_id(START + k * STEP) for k in range(SIZE)]
        self.truth = random.choices(("late", "ontime"), k=SIZE)
        self.usual_ids = [uuid4() for _ in range(SIZE)]
        with self.db.connection() as connection:
            self.pids = (connection.info.backend_pid, self.conn.info.backend_pid)

    def fill(self) -> None:
        """Store the predictions in both schemas, without labels."""
        self.conn.execute("TRUNCATE predictions, ground_truth, prediction_batches")
        rows = [
            {"id": id, "features": [0.5] * 12, "predicted_label": "late", "probability": 0.25}
            for id in self.ids
        ]
        PredictionsRepository(self.db).insert_many(rows=rows, model_name="m", model_version="1")
        self.conn.execute(USUAL)
        features = psycopg.types.json.Jsonb({f"feature_{k}": 0.5 for k in range(12)})
        columns = (
            "id, request_id, model_version_id, created_at, features, predicted_label, probability"
        )
        with self.conn.cursor().copy(f"COPY usual ({columns}) FROM STDIN") as copy:
            for k, id in enumerate(self.usual_ids):
                copy.write_row((id, str(uuid4()), 1, START + k * STEP, features, "late", 0.25))
        self.conn.execute("VACUUM ANALYZE usual")
        self.conn.execute("VACUUM ANALYZE predictions")
        self.conn.execute("CHECKPOINT")

    def cost(self, store: Callable[[], int]) -> Cost:
        """Run one way to store labels and return its cost for each."""
        before = self._clocks()
        count = store()
        after = self._clocks()
        scale = [1e6, 1e6, 1e6, 1]
        return Cost(*(s * (b - a) / count for s, a, b in zip(scale, before, after, strict=True)))

    def ledger(self) -> int:
        """Label every prediction through the repository."""
        at = START + timedelta(days=1)
        rows = [
            {"prediction_id": id, "actual_label": label, "labeled_at": at}
            for id, label in zip(self.ids, self.truth, strict=True)
        ]
        return GroundTruthRepository(self.db).insert_many(rows=rows).stored

    def copy_and_update(self) -> int:
        """Label every row in place: COPY into a temporary table, one UPDATE."""
        self.conn.execute("CREATE TEMP TABLE IF NOT EXISTS stage (id uuid, label text)")
        self.conn.execute("TRUNCATE stage")
        with self.conn.cursor().copy("COPY stage FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["uuid", "text"])
            for row in zip(self.usual_ids, self.truth, strict=True):
                copy.write_row(row)
        return self.conn.execute(
            "UPDATE usual u SET actual_label = s.label FROM stage s WHERE u.id = s.id"
        ).rowcount

    def executemany(self) -> int:
        """Label some rows in place by executemany in one transaction."""
        rows = [(label, id) for id, label in zip(self.some(), self.truth, strict=False)]
        with self.conn.transaction(), self.conn.cursor() as cursor:
            cursor.executemany("UPDATE usual SET actual_label = %s WHERE id = %s", rows)
        return len(rows)

    def one_by_one(self) -> int:
        """Label some rows in place, each in a transaction."""
        for id, label in zip(self.some(), self.truth, strict=False):
            self.conn.execute("UPDATE usual SET actual_label = %s WHERE id = %s", (label, id))
        return FEW

    def ledger_one_by_one(self) -> int:
        """Label some predictions through the repository, each in a transaction."""
        repository = GroundTruthRepository(self.db)
        for id, label in zip(random.sample(self.ids, FEW), self.truth, strict=False):
            repository.insert(prediction_id=id, actual_label=label)
        return FEW

    def some(self) -> list[UUID]:
        """Return a few rows of the usual schema."""
        return random.sample(self.usual_ids, FEW)

    def _clocks(self) -> tuple[float, float, float, float]:
        server = sum(_cpu(pid) for pid in self.pids)
        row = self.conn.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()
        assert row is not None
        return perf_counter(), process_time(), server, float(row[0])


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def bench(server: EmbeddedServer) -> Iterator[Bench]:
    """Make a database for the benchmark and drop it in the end."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench_labels WITH (FORCE)")
        connection.execute("CREATE DATABASE bench_labels")
        try:
            Migrator(server.conninfo("bench_labels")).up()
            yield Bench(server.conninfo("bench_labels"))
        finally:
            connection.execute("DROP DATABASE bench_labels WITH (FORCE)")


def main() -> None:
    """Measure all ways in turn and print the medians."""
    server = EmbeddedServer(Settings.from_environment().home)
    server.start()
    with bench(server) as b:
        ModelVersionRepository(b.db).insert(model_name="m", feature_names=list("abcdefghijkl"))
        ways = (b.copy_and_update, b.ledger, b.executemany, b.one_by_one, b.ledger_one_by_one)
        costs: dict[str, list[Cost]] = {way.__name__: [] for way in ways}
        for _ in range(ROUNDS):
            b.fill()
            for way in ways:
                costs[way.__name__].append(b.cost(way))
        b.db.close()
        b.conn.close()
    middle = {name: [median(column) for column in zip(*found, strict=True)]
              for name, found in costs.items()}  # fmt: skip
    rows: list[list[Any]] = [
        [name, 1e6 / cost[0], middle["copy_and_update"][0] / cost[0], *cost[1:]]
        for name, cost in middle.items()
    ]
    columns = ("way", "labels/s", "ratio", "client µs", "server µs", "WAL B")
    echo_table(columns, rows)


if __name__ == "__main__":
    main()
