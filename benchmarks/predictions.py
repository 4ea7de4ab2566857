"""Storing and fetching predictions, against what people do today and against what is possible.

`python -m benchmarks.predictions [ROWS]`: all variants in turn on one server, medians of rounds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.rows import DAY, FEATURES, as_columns, make_rows
from mlops_ledger import Database, ModelVersionRepository, PredictionsRepository
from mlops_ledger.columns import ColumnBatch
from mlops_ledger.copying import RowBatch
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.migrations import Migrator
from mlops_ledger.prediction_fields import KnownVersion
from mlops_ledger.row_encoding import COLUMNS

ROUNDS = 5
ORM_ROWS = 1000
ONE = {"model_name": "m", "model_version": "1"}
COPY = f"COPY predictions ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"

# What people have: a random key, a unique request id, an index a column, a foreign key, JSONB.
USUAL = """
    CREATE TABLE usual_versions (id integer PRIMARY KEY);
    INSERT INTO usual_versions VALUES (1);
    CREATE TABLE usual (
        id uuid PRIMARY KEY, request_id text NOT NULL UNIQUE, predicted_at timestamptz NOT NULL,
        model_version_id integer NOT NULL REFERENCES usual_versions (id), features jsonb NOT NULL,
        prediction float8, predicted_label text, probability float8, latency_ms float8);
    CREATE INDEX ON usual (predicted_at);
    CREATE INDEX ON usual (model_version_id);
"""

USUAL_TYPES = ("uuid", "text", "timestamptz", "int4", "jsonb", "float8", "text", "float8", "float8")


class Bench:
    """One database, the rows to store, and what was measured."""

    def __init__(self, dsn: str, rows: int) -> None:
        self.dsn = dsn
        self.db = Database(dsn)
        names = ModelVersionRepository(self.db).insert(model_name="m", feature_names=FEATURES)
        self.version = KnownVersion(names, FEATURES)
        self.predictions = PredictionsRepository(self.db)
        self.predictions.ensure_partitions(since=DAY, until=DAY)
        self.admin = psycopg.connect(dsn, autocommit=True)
        self.admin.execute(USUAL)
        [(folder,)] = self.admin.execute("SHOW data_directory").fetchall()
        self.postmaster = int((Path(folder) / "postmaster.pid").read_text().split()[0])
        self.rows = list(make_rows(rows))
        self.columns = as_columns(self.rows)
        self.anonymous = {n: column for n, column in self.columns.items() if n != "request_id"}
        versions = {("m", "1"): self.version}
        self.prepared = b"".join(RowBatch(self.rows, "m", "1").encode(versions))
        self._folder = tempfile.TemporaryDirectory(prefix="mlops-ledger-bench-")
        self.files = Path(self._folder.name)
        self.measured: dict[str, list[tuple[float, float, float, float]]] = {}

    def measure(self, name: str, work: Callable[[], object], rows: int | None = None) -> None:
        """Run one variant on empty tables: seconds, client CPU, server CPU, bytes of WAL."""
        rows = rows or len(self.rows)
        self.admin.execute("TRUNCATE predictions, prediction_batches, usual")
        self.admin.execute("CHECKPOINT")
        wal, server = self._wal(), server_cpu(self.postmaster)
        began, client = time.perf_counter(), time.process_time()
        work()
        took, client = time.perf_counter() - began, time.process_time() - client
        server, wal = server_cpu(self.postmaster) - server, self._wal() - wal
        found = (rows / took, *(1e6 * cost / rows for cost in (client, server)), wal / rows)
        self.measured.setdefault(name, []).append(found)

    def report(self, reference: str) -> dict[str, list[float]]:
        """Print the medians and return them."""
        medians = {
            name: [statistics.median(column) for column in zip(*found, strict=True)]
            for name, found in self.measured.items()
        }
        print(f"{'':34}{'rows/s':>10}{'ratio':>8}{'client':>9}{'server':>9}{'WAL':>7}")
        for name, (rate, client, server, wal) in medians.items():
            ratio = rate / medians[reference][0]
            print(f"{name:34}{rate:10,.0f}{ratio:8.2f}{client:9.2f}{server:9.1f}{wal:7.0f}")
        print("client and server: µs of CPU a row; WAL: bytes a row")
        return medians

    def _wal(self) -> float:
        [(position,)] = self.admin.execute(
            "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
        ).fetchall()
        return float(position)

    # The variants.

    def insert_many(self) -> None:
        self.predictions.insert_many(rows=self.rows, **ONE)

    def insert_columns(self) -> None:
        self.predictions.insert_columns(columns=self.columns, **ONE)

    def insert_anonymous_columns(self) -> None:
        self.predictions.insert_columns(columns=self.anonymous, **ONE)

    def prepared_bytes(self) -> None:
        with self.db.connection() as connection, connection.cursor().copy(COPY) as copy:
            copy.write(self.prepared)

    def psql(self, kind: str) -> None:
        file = self.files / kind
        command = f"\\copy predictions ({', '.join(COLUMNS)}) FROM '{file}' (FORMAT {kind})"
        subprocess.run(["psql", "-qX", self.dsn, "-c", command], check=True)

    def save_files(self) -> None:
        """Write the rows to files for psql."""
        self.admin.execute("TRUNCATE predictions")
        self.prepared_bytes()
        for kind in ("binary", "text"):
            select = f"SELECT {', '.join(COLUMNS)} FROM predictions"  # noqa: S608
            copied = f"COPY ({select}) TO STDOUT (FORMAT {kind})"
            with self.admin.cursor().copy(copied) as copy:  # type: ignore[arg-type]
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

    def asyncpg(self) -> None:
        import asyncpg

        names = [name for name in self.rows[0] if name != "features"]
        records = [
            (*(row[name] for name in names), self.version.id, list(row["features"].values()))
            for row in self.rows
        ]

        async def write() -> None:
            connection = await asyncpg.connect(**asyncpg_options(self.dsn))
            await connection.copy_records_to_table(
                "predictions",
                records=records,
                columns=[*names, "model_version_id", "feature_values"],
            )
            await connection.close()

        asyncio.run(write())

    def usual_copy(self) -> None:
        names = "id request_id predicted_at model_version_id features prediction predicted_label"
        columns = [*names.split(), "probability", "latency_ms"]
        with self.db.transaction() as tx, tx.connection() as connection:
            statement = f"COPY usual ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
            with connection.cursor().copy(statement) as copy:
                copy.set_types(USUAL_TYPES)
                for row in self.usual_rows():
                    copy.write_row([row[name] for name in columns])

    def usual_rows(self) -> Iterator[dict[str, Any]]:
        from psycopg.types.json import Jsonb

        for row in self.rows:
            features = Jsonb(row["features"], dumps=orjson.dumps)
            yield {**row, "id": uuid4(), "model_version_id": 1, "features": features}

    def orm(self) -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session

        url = "postgresql+psycopg://"
        engine = create_engine(url, creator=lambda: psycopg.connect(self.dsn), pool_pre_ping=True)
        model = orm_model()
        for row in self.rows[:ORM_ROWS]:
            with Session(engine) as session:
                session.add(model(**{**row, "id": uuid4(), "model_version_id": 1}))
                session.commit()
        engine.dispose()


def orm_model() -> Any:
    """Map the usual table."""
    from sqlalchemy.dialects.postgresql import JSONB
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    class Base(DeclarativeBase):
        pass

    columns: dict[str, Any] = {
        "id": (Mapped[__import__("uuid").UUID], mapped_column(primary_key=True)),
        "request_id": (Mapped[str], mapped_column()),
        "predicted_at": (Mapped[datetime], mapped_column()),
        "model_version_id": (Mapped[int], mapped_column()),
        "features": (Mapped[Any], mapped_column(JSONB)),
        "prediction": (Mapped[float], mapped_column()),
        "predicted_label": (Mapped[str], mapped_column()),
        "probability": (Mapped[float], mapped_column()),
        "latency_ms": (Mapped[float], mapped_column()),
    }
    members = {name: column for name, (_, column) in columns.items()}
    annotations = {name: kind for name, (kind, _) in columns.items()}
    return type(
        "Usual", (Base,), {"__tablename__": "usual", "__annotations__": annotations, **members}
    )


def asyncpg_options(dsn: str) -> dict[str, Any]:
    """Translate a connection string."""
    given = conninfo_to_dict(dsn)
    names = {"host": "host", "port": "port", "user": "user", "password": "password"}
    return {
        **{name: given[key] for name, key in names.items() if key in given},
        "database": given["dbname"],
    }


def server_cpu(postmaster: int) -> float:
    """Return the CPU seconds of a server on this machine, processes that ended included."""
    total = sum(stat(postmaster)[11:15])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = stat(int(folder.name))
        except OSError:
            continue
        if fields[1] == postmaster:
            total += sum(fields[11:13])
    return total / os.sysconf("SC_CLK_TCK")


def stat(pid: int) -> list[int]:
    """Return the numbers of a process behind its name, its state as 0."""
    rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [0, *map(int, rest[1:])]


@contextmanager
def database() -> Iterator[str]:
    """Make a database on the server of MLOPS_TEST_DSN, or on one of its own."""
    home = Path(tempfile.mkdtemp(prefix="mlops-ledger-bench-"))
    home.chmod(0o755)
    server = None if "MLOPS_TEST_DSN" in os.environ else EmbeddedServer(home)
    if server:
        server.start()
    admin = server.conninfo("postgres") if server else os.environ["MLOPS_TEST_DSN"]
    name = f"bench_{uuid4().hex}"
    try:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            dsn = make_conninfo(admin, dbname=name)
            Migrator(dsn).up()
            yield dsn
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        if server:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


def fetching(bench: Bench) -> None:
    """Compare fetch_arrow with ADBC for the same query."""
    from adbc_driver_postgresql import dbapi

    bench.admin.execute("TRUNCATE predictions, prediction_batches")
    for _ in range(3):
        bench.predictions.insert_columns(columns=bench.columns, **ONE)
    columns = ["id", "predicted_at", "predicted_label", "probability", "feature_values"]
    query = (
        f"SELECT {', '.join(columns)} FROM predictions"  # noqa: S608
        f" WHERE model_version_id = '{bench.version.id}' AND predicted_at >= '{DAY}'"
    )

    def adbc() -> None:
        with dbapi.connect(bench.dsn, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            cursor.fetch_arrow_table()

    def ours() -> None:
        bench.predictions.fetch_arrow(**ONE, since=DAY, columns=columns)

    times: dict[str, list[float]] = {"ADBC fetch_arrow_table": [], "fetch_arrow": []}
    for _ in range(ROUNDS):
        for name, work in zip(times, (adbc, ours), strict=True):
            began = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - began)
    first = statistics.median(times["ADBC fetch_arrow_table"])
    for name, found in times.items():
        took = statistics.median(found)
        print(f"{name:34}{3 * len(bench.rows) / took:10,.0f}{first / took:8.2f}")


def encoding(bench: Bench) -> None:
    """Print the client's CPU for encoding alone."""
    versions = {("m", "1"): bench.version}
    for name, make in (
        ("encoding rows", lambda: RowBatch(bench.rows, "m", "1")),
        ("encoding columns", lambda: ColumnBatch(bench.columns, "m", "1")),
    ):
        costs = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _chunk in make().encode(versions):
                pass
            costs.append(time.process_time() - began)
        print(f"{name:34}{1e6 * statistics.median(costs) / len(bench.rows):27.2f}")


def main() -> None:
    """Run all variants and print the tables."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with database() as dsn:
        bench = Bench(dsn, size)
        bench.save_files()
        variants: dict[str, Callable[[], object]] = {
            "psql \\copy binary": lambda: bench.psql("binary"),
            "psql \\copy text": lambda: bench.psql("text"),
            "COPY of prepared bytes": bench.prepared_bytes,
            "insert_many": bench.insert_many,
            "insert_columns": bench.insert_columns,
            "  without request_id": bench.insert_anonymous_columns,
            "asyncpg copy_records_to_table": bench.asyncpg,
            "executemany": bench.executemany,
            "usual table, psycopg COPY": bench.usual_copy,
        }
        for _ in range(ROUNDS):
            for name, work in variants.items():
                bench.measure(name, work)
            bench.measure("usual table, ORM add + commit", bench.orm, ORM_ROWS)
        medians = bench.report("psql \\copy binary")
        encoding(bench)
        fetching(bench)
        many, columns = medians["insert_many"], medians["insert_columns"]
        usual, orm = medians["usual table, psycopg COPY"], medians["usual table, ORM add + commit"]
        for label, value, goal in (
            (
                "insert_many / psql \\copy binary",
                many[0] / medians["psql \\copy binary"][0],
                ">= 0.9",
            ),
            ("insert_many / ORM add + commit", many[0] / orm[0], ">= 40"),
            ("client CPU of insert_many, µs", many[1], "<= 4"),
            ("insert_columns / insert_many", columns[0] / many[0], ">= 2.5"),
            (
                "insert_columns / prepared bytes",
                columns[0] / medians["COPY of prepared bytes"][0],
                ">= 0.8",
            ),
            ("server CPU / usual table", many[2] / usual[2], "<= 0.5"),
            ("WAL / usual table", many[3] / usual[3], "<= 0.5"),
            ("  without request_id", medians["  without request_id"][3] / usual[3], "<= 0.5"),
        ):
            print(f"{label:40}{value:8.2f}  goal {goal}")


if __name__ == "__main__":
    main()
