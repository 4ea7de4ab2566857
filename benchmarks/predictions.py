"""Storing and fetching predictions, against what people do today and against what is possible.

`python -m benchmarks.predictions`: all variants in turn on one server, medians of rounds.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.checks.prediction_fields import COLUMNS
from mlops_ledger.checks.predictions import KnownVersion
from mlops_ledger.cli.output import echo_table
from mlops_ledger.copying.batch import RowBatch
from mlops_ledger.embedded import find_binaries

from . import usual
from .meter import Cost, Meter, middle
from .results import Result, echo_results
from .rows import DAY, FEATURES, ONE, as_columns, make_rows
from .scratch import database

ROWS = 100_000
ORM_ROWS = 1000
ROUNDS = 5
NAMES = ", ".join(COLUMNS)
COPY = f"COPY predictions ({NAMES}) FROM STDIN (FORMAT binary)"
FETCHED = ["id", "predicted_at", "predicted_label", "probability", "feature_values"]


class Bench:
    """One database, the rows to store, and the ways to store them."""

    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self.dsn = dsn
        self.db = stack.enter_context(Database(dsn))
        self.meter = Meter(dsn)
        self.admin = stack.enter_context(self.meter.connection)
        self.files = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-bench-")))
        id = ModelVersionRepository(self.db).insert(model_name="m", feature_names=FEATURES)
        self.version = KnownVersion(id, FEATURES, None)
        self.predictions = PredictionsRepository(self.db)
        self.predictions.ensure_partitions(since=DAY)
        self.admin.execute(usual.SCHEMA)
        self.rows = list(make_rows(ROWS))
        self.columns = as_columns(self.rows)
        self.prepared = b"".join(RowBatch(self.rows, "m", "1").encode({("m", "1"): self.version}))
        self.save_files()

    def ways(self) -> dict[str, Callable[[], object]]:
        """Name every way to store all rows."""
        return {
            "psql \\copy binary": lambda: self.psql("binary"),
            "psql \\copy text": lambda: self.psql("text"),
            "COPY of prepared bytes": self.prepared_bytes,
            "insert_many": lambda: self.predictions.insert_many(rows=self.rows, **ONE),
            "insert_columns": lambda: self.predictions.insert_columns(columns=self.columns, **ONE),
            "asyncpg copy_records_to_table": lambda: asyncio.run(self.asyncpg()),
            "executemany": self.executemany,
            "usual table, psycopg COPY": lambda: usual.copy(self.admin, self.rows),
        }

    def cost(self, work: Callable[[], object], rows: int = ROWS) -> Cost:
        """Measure one way on empty tables."""
        self.admin.execute("TRUNCATE predictions, prediction_batches, usual")
        return self.meter.cost(work, rows)

    def prepared_bytes(self) -> None:
        with self.db.connection() as connection, connection.cursor().copy(COPY) as copy:
            copy.write(self.prepared)

    def psql(self, kind: str) -> None:
        command = f"\\copy predictions ({NAMES}) FROM '{self.files / kind}' (FORMAT {kind})"
        parts = conninfo_to_dict(self.dsn)
        environment = {**os.environ, "PGPASSWORD": str(parts["password"])}
        program = find_binaries() / "psql"
        subprocess.run([program, "-qX", self.dsn, "-c", command], check=True, env=environment)

    def save_files(self) -> None:
        """Write the rows to files for psql."""
        self.prepared_bytes()
        for kind in ("binary", "text"):
            copied = f"COPY (SELECT {NAMES} FROM predictions) TO STDOUT (FORMAT {kind})"  # noqa: S608
            with self.admin.cursor().copy(copied) as copy:
                (self.files / kind).write_bytes(b"".join(copy))

    def executemany(self) -> None:
        names = [name for name in self.rows[0] if name != "features"]
        marks = ", ".join(f"%({name})s" for name in [*names, "features"])
        statement = (
            f"INSERT INTO predictions ({', '.join(names)}, feature_values, model_version_id)"  # noqa: S608
            f" VALUES ({marks}, '{self.version.id}')"
        )
        values = [{**row, "features": list(row["features"].values())} for row in self.rows]
        with self.db.transaction() as tx, tx.connection() as connection:
            connection.cursor().executemany(statement, values)

    async def asyncpg(self) -> None:
        import asyncpg

        names = [name for name in self.rows[0] if name != "features"]
        records = [
            (*(row[name] for name in names), self.version.id, list(row["features"].values()))
            for row in self.rows
        ]
        parts: dict[str, Any] = conninfo_to_dict(self.dsn)
        connection = await asyncpg.connect(
            host=parts["host"],
            port=parts["port"],
            user=parts["user"],
            password=parts["password"],
            database=parts["dbname"],
        )
        await connection.copy_records_to_table(
            "predictions", records=records, columns=[*names, "model_version_id", "feature_values"]
        )
        await connection.close()

    def fetch(self) -> tuple[float, float]:
        """Return the seconds that ADBC and fetch_arrow take for the same query."""
        from adbc_driver_postgresql import dbapi

        self.admin.execute("TRUNCATE predictions, prediction_batches")
        for _ in range(3):
            self.predictions.insert_columns(columns=self.columns, **ONE)
        query = (
            f"SELECT {', '.join(FETCHED)} FROM predictions"  # noqa: S608
            f" WHERE model_version_id = '{self.version.id}' AND predicted_at >= '{DAY}'"
        )

        def adbc() -> None:
            with dbapi.connect(self.dsn, autocommit=True) as link, link.cursor() as cursor:
                cursor.execute(query)
                cursor.fetch_arrow_table()

        def ours() -> None:
            self.predictions.fetch_arrow(**ONE, since=DAY, columns=FETCHED)

        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(2 * ROUNDS):
            for work, found in zip((adbc, ours), times, strict=True):
                began = time.perf_counter()
                work()
                found.append(time.perf_counter() - began)
        return statistics.median(times[0]), statistics.median(times[1])


def main() -> list[Result]:
    """Measure all ways, print them and return the ratios."""
    with database() as dsn, ExitStack() as stack:
        bench = Bench(dsn, stack)
        ways = bench.ways()
        costs: dict[str, list[Cost]] = {name: [] for name in ways}
        orm: list[Cost] = []
        for _ in range(ROUNDS):
            for name, work in ways.items():
                costs[name].append(bench.cost(work))
            orm.append(
                bench.cost(lambda: usual.add_and_commit(dsn, bench.rows[:ORM_ROWS]), ORM_ROWS)
            )
        found = {name: middle(each) for name, each in costs.items()}
        found["usual table, ORM add + commit"] = middle(orm)
        adbc, fetched = bench.fetch()
    psql = found["psql \\copy binary"]
    echo_table(
        (f"{ROWS:,} rows by", "rows/s", "ratio", "client µs", "server µs", "WAL B"),
        [
            (
                name,
                f"{1e6 / cost.wall:,.0f}",
                f"{psql.wall / cost.wall:.2f}",
                f"{cost.client:.2f}",
                f"{cost.server:.1f}",
                f"{cost.wal:.0f}",
            )
            for name, cost in found.items()
        ],
    )
    many, columns = found["insert_many"], found["insert_columns"]
    prepared, add = found["COPY of prepared bytes"], found["usual table, ORM add + commit"]
    other = found["usual table, psycopg COPY"]
    return [
        Result("insert_many / psql \\copy binary, rows/s", psql.wall / many.wall, ">= 0.95"),
        Result("insert_many / ORM add + commit, rows/s", add.wall / many.wall, ">= 40"),
        Result("insert_many, µs of client CPU a row", many.client, "<= 3.2"),
        Result("insert_columns / insert_many, client CPU", many.client / columns.client, ">= 2.5"),
        Result("insert_columns / prepared bytes, rows/s", prepared.wall / columns.wall, ">= 0.95"),
        Result("empty: server CPU / usual table", many.server / other.server, "<= 0.5"),
        Result("empty: WAL / usual table, ORM", many.wal / add.wal, "<= 0.5"),
        Result("fetch_arrow / ADBC, rows/s", adbc / fetched, ">= 0.9"),
    ]


if __name__ == "__main__":
    echo_results(main())
