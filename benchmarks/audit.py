"""The audit log: decisions recorded by several connections with and without it; verification.

`python -m benchmarks.audit` prints ratios of one run on a server of its own. Entries are written
one transaction after the other, so with synchronous_commit each waits for the disk of the one
before; without it, what is left is what the entry itself costs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from mlops_ledger import AuditRepository, Database
from mlops_ledger.audit import verify_lines
from mlops_ledger.cli.output import echo_table

from .results import Result
from .scratch import database

ROUNDS = 5
SECONDS = 2.0

DECIDE = """
INSERT INTO retraining_decisions (model_name, trigger_reason, action, gate_results, decided_by)
VALUES ('m', 'drift', 'reject', %s, 'gate')
"""
GATES = '[{"gate": "roc_auc", "passed": false, "value": 0.7, "threshold": 0.75}]'

# As the trigger does, but in batches: a log of a million entries would take minutes otherwise.
FILL = """
DO $$
DECLARE
    entry audit_log;
BEGIN
    ALTER TABLE audit_log DISABLE TRIGGER USER;
    SELECT * INTO entry FROM audit_log ORDER BY seq DESC LIMIT 1;
    WHILE entry.seq < {size} LOOP
        entry.seq := entry.seq + 1;
        entry.recorded_at := clock_timestamp();
        entry.object_id := ledger_uuid();
        entry.prev_hash := entry.hash;
        entry.hash := ledger_audit_hash(entry);
        INSERT INTO audit_log SELECT entry.*;
    END LOOP;
    UPDATE audit_head SET seq = entry.seq, hash = entry.hash;
    ALTER TABLE audit_log ENABLE TRIGGER USER;
END $$
"""


def main(entries: int = 1_000_000) -> list[Result]:
    """Measure writes in turn, then verification, print both and return what has a goal."""
    with database() as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("INSERT INTO model_versions (model_name) VALUES ('m')")
        columns = ("synchronous_commit", "connections", "plain/s", "audited/s", "ratio")
        writes = list(_writes(connection))
        echo_table(columns, writes)
        connection.execute(FILL.format(size=entries).encode())
        connection.execute("VACUUM ANALYZE audit_log")
        verifications = list(_verifications(conninfo))
        echo_table(("verification", "entries", "seconds"), verifications)
    ratio = next(row[-1] for row in writes if row[:2] == ("on", 4))
    return [
        Result("audited / plain inserts, 4 connections", float(ratio), ">= 0.6"),
        Result("verifying a million entries, s", float(verifications[0][-1]), "<= 30"),
    ]


def _writes(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    for durable in ("on", "off"):
        for connections in (1, 4):
            conninfo = make_conninfo(
                connection.info.dsn,
                password=connection.info.password,
                options=f"-c synchronous_commit={durable}",
            )
            plain, audited = [], []
            for _ in range(ROUNDS):
                with _without_audit(connection):
                    plain.append(_rate(conninfo, connections))
                audited.append(_rate(conninfo, connections))
            before, after = median(plain), median(audited)
            yield durable, connections, round(before), round(after), f"{after / before:.2f}"


@contextmanager
def _without_audit(connection: psycopg.Connection[Any]) -> Iterator[None]:
    trigger = "TRIGGER retraining_decisions_audit_decision_insert"
    connection.execute(f"ALTER TABLE retraining_decisions DISABLE {trigger}".encode())
    yield
    connection.execute(f"ALTER TABLE retraining_decisions ENABLE {trigger}".encode())


def _rate(conninfo: str, connections: int) -> float:
    """Return how many decisions a second so many connections record, each in a transaction."""
    counts = [0] * connections
    barrier = threading.Barrier(connections)

    def work(number: int) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            barrier.wait()
            end = perf_counter() + SECONDS
            while perf_counter() < end:
                connection.execute(DECIDE, [GATES])
                counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def _verifications(conninfo: str) -> Iterator[tuple[Any, ...]]:
    with Database(conninfo) as db:
        audit = AuditRepository(db)
        entries = audit.head().seq
        began = perf_counter()
        assert audit.verify().problem is None
        yield "in the database", entries, round(perf_counter() - began, 1)
        began = perf_counter()
        assert verify_lines(audit.export()).problem is None
        yield "of an export", entries, round(perf_counter() - began, 1)


if __name__ == "__main__":
    main()
